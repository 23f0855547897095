#include "apps/commands/admin_client.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "apps/commands/json_text.hpp"
#include "apps/commands/terminal.hpp"
#include "transport/errc.hpp"
#include "transport/url.hpp"

namespace holdfast::apps {
namespace {

using clock = std::chrono::steady_clock;
using transport::errc;
using transport::failure;
using transport::outcome;

constexpr std::size_t answer_bytes_max = 64u << 20;

failure fail(errc code, std::string detail) { return {make_error_code(code), std::move(detail)}; }

/// A non-blocking TCP connection whose every wait ends at the deadline.
class connection {
 public:
  explicit connection(clock::time_point deadline) : deadline_(deadline) {}
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() { close(); }

  /// An error number; 0 if connected, ETIMEDOUT at the deadline.
  int open(const addrinfo& to) {
    close();
    fd_ = ::socket(to.ai_family, to.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to.ai_protocol);
    if (fd_ < 0) return errno;
    if (::connect(fd_, to.ai_addr, to.ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    if (!wait(POLLOUT)) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }

  /// An error number; 0 if all was sent.
  int send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EINTR && errno != EAGAIN) {
        return errno;
      } else if (!wait(POLLOUT)) {
        return ETIMEDOUT;
      }
    }
    return 0;
  }

  /// Appends what comes to `to`. An error number; 0 with `ended` set at the end.
  int receive(std::string& to, bool& ended) {
    char block[16384];
    if (!wait(POLLIN)) return ETIMEDOUT;
    const ssize_t n = ::recv(fd_, block, sizeof block, 0);
    if (n < 0) return errno == EINTR || errno == EAGAIN ? 0 : errno;
    ended = n == 0;
    to.append(block, static_cast<std::size_t>(n));
    return 0;
  }

 private:
  bool wait(short what) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - clock::now()).count();
    pollfd waited{fd_, what, 0};
    return left > 0 && ::poll(&waited, 1, static_cast<int>(std::min<long>(left, 3'600'000))) > 0;
  }

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  clock::time_point deadline_;
  int fd_ = -1;
};

failure socket_failure(int error, const std::string& where) {
  if (error == ETIMEDOUT) return fail(errc::timed_out, "no answer from " + where);
  if (error == ECONNREFUSED) return fail(errc::refused, "nothing listens at " + where);
  return fail(errc::closed, where + ": " + std::strerror(error));
}

/// The first address of the host that takes a connection.
std::optional<failure> connect_to(connection& c, const transport::url& to, const std::string& where) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int trouble = ::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &found);
  if (trouble != 0) return fail(errc::refused, where + ": " + gai_strerror(trouble));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  int error = ECONNREFUSED;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    error = c.open(*each);
    if (error == 0) return std::nullopt;
  }
  return socket_failure(error, where);
}

struct head {
  int status = 0;
  std::optional<std::size_t> content_length;
};

/// The little of RFC 9112 that a node's answers use. Nothing if it is something else.
std::optional<head> read_head(std::string_view text) {
  head out;
  if (!text.starts_with("HTTP/1.1 ") || text.size() < 12) return std::nullopt;
  if (std::from_chars(text.data() + 9, text.data() + 12, out.status).ec != std::errc{}) return std::nullopt;
  constexpr std::string_view name = "\r\ncontent-length:";
  const auto at = std::search(text.begin(), text.end(), name.begin(), name.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
  if (at == text.end()) return out;
  std::string_view value(&*at + name.size(), static_cast<std::size_t>(text.end() - at) - name.size());
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  std::size_t length = 0;
  if (std::from_chars(value.data(), value.data() + value.size(), length).ec != std::errc{}) return std::nullopt;
  out.content_length = length;
  return out;
}

/// `path` is only for words.
outcome<std::string> finished(const head& h, std::string body, const std::string& where, const std::string& path) {
  const auto trouble = json_trouble(body);
  if (h.status != 200) {
    const std::string words = trouble ? "" : text_member(body, "title");  // of RFC 9457
    return fail(errc::http_status, where + " answered " + std::to_string(h.status) + " to " + path +
                                       (words.empty() ? "" : ": " + cut(first_line(words), 200)));
  }
  if (trouble) return fail(errc::bad_json, where + " answered with something that is no JSON, " + *trouble);
  return body;
}

outcome<std::string> read_answer(connection& c, const std::string& where, const std::string& path) {
  std::string text;
  std::optional<head> h;
  std::size_t body_at = 0;
  for (bool ended = false; !ended && text.size() < answer_bytes_max;) {
    if (const int error = c.receive(text, ended)) return socket_failure(error, where);
    if (!h) {
      const auto blank_line = text.find("\r\n\r\n");
      if (blank_line == std::string::npos) continue;
      h = read_head(std::string_view(text).substr(0, blank_line + 2));
      if (!h) return fail(errc::bad_http, where + " is no HTTP server");
      body_at = blank_line + 4;
    }
    const bool whole = h->content_length ? text.size() - body_at >= *h->content_length : ended;
    if (whole) return finished(*h, text.substr(body_at, h->content_length.value_or(std::string::npos)), where, path);
  }
  if (text.size() >= answer_bytes_max) return fail(errc::too_large, "the answer of " + where + " is over 64 MiB");
  return fail(h ? errc::closed : errc::bad_http, where + " closed the connection before its answer was whole");
}

}  // namespace

outcome<std::string> admin_get(const std::string& base, const std::string& path, std::chrono::milliseconds timeout) {
  const auto to = transport::parse_url(base);
  if (!to) return to.error();
  if (to->tls) return fail(errc::bad_address, "the address for operators is http, not https");
  const std::string where = to->authority();
  connection c(clock::now() + timeout);
  if (auto trouble = connect_to(c, *to, where)) return *trouble;
  const std::string folder = to->target == "/" ? "" : to->target;
  const std::string request = "GET " + folder + path + " HTTP/1.1\r\nHost: " + where +
                              "\r\nAccept: application/json\r\nConnection: close\r\n\r\n";
  if (const int error = c.send(request)) return socket_failure(error, where);
  return read_answer(c, where, path);
}

}  // namespace holdfast::apps
