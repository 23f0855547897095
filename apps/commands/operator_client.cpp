#include "apps/commands/operator_client.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "apps/commands/interrupt_latency.hpp"
#include "transport/errc.hpp"
#include "transport/loop.hpp"
#include "transport/sse_parser.hpp"
#include "transport/url.hpp"

namespace holdfast::apps {
namespace {

using transport::errc;
using transport::failure;
using transport::outcome;

constexpr std::string_view unix_scheme = "unix:";
constexpr std::string_view usual_address = "http://127.0.0.1:7421";
constexpr std::size_t answer_bytes_max = 64u << 20, event_bytes_max = 16u << 20;

failure fail(errc code, std::string detail) { return {make_error_code(code), std::move(detail)}; }

bool refused(const failure& f) {
  return f.code == make_error_code(errc::refused) || f.code == make_error_code(errc::tls_failed);
}

/// The sockets in a folder, by name.
void add_sockets(const std::filesystem::path& folder, std::vector<operator_address>& to) {
  std::error_code error;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.is_socket(error) && entry.path().extension() == ".sock") found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  for (const auto& path : found)
    if (auto address = parse_operator_address(std::string(unix_scheme) + path)) to.push_back(std::move(*address));
}

}  // namespace

outcome<operator_address> parse_operator_address(const std::string& text) {
  operator_address a;
  if (text.starts_with(unix_scheme)) {
    a.target.unix_path = text.substr(unix_scheme.size());
    if (a.target.unix_path.empty()) return fail(errc::bad_address, "unix: needs the path of a socket behind it");
    a.authority = "localhost";
    a.shown = text;
    return a;
  }
  auto url = transport::parse_url(text);
  if (!url) return url.error();
  a.target.tls = url->tls;
  a.target.host = url->host;
  a.target.port = url->port;
  a.authority = url->authority();
  a.prefix = url->target.substr(0, url->target.find('?'));
  while (a.prefix.ends_with('/')) a.prefix.pop_back();
  a.shown = (url->tls ? "https://" : "http://") + a.authority + a.prefix;
  return a;
}

outcome<std::vector<operator_address>> operator_addresses(const std::string& given, const environment& env) {
  std::vector<operator_address> all;
  if (!given.empty()) {
    auto address = parse_operator_address(given);
    if (!address) return address.error();
    all.push_back(std::move(*address));
    return all;
  }
  if (const auto runtime = env("XDG_RUNTIME_DIR"); runtime && runtime->starts_with('/'))
    add_sockets(std::filesystem::path(*runtime) / "holdfast", all);
  add_sockets(state_folder(env), all);
  all.push_back(*parse_operator_address(std::string(usual_address)));
  return all;
}

struct operator_client::request {
  std::string_view method;
  std::string path;
  std::optional<std::chrono::milliseconds> timeout;
  const event_handler* on_event = nullptr;
  std::string body = {};
};

namespace {

/// Collects one answer, or passes its events on, and then ends the loop.
class collector final : public transport::http_receiver {
 public:
  collector(transport::loop& on, const operator_client::event_handler* on_event) : loop_(on), on_event_(on_event) {}

  outcome<operator_answer> take() {
    if (failed_) return std::move(failure_);
    return std::move(answer_);
  }
  bool over() const noexcept { return over_; }

  void end() {
    if (!std::exchange(over_, true)) loop_.stop();
  }
  void fail_with(failure why) {
    if (over_) return;
    failure_ = std::move(why);
    failed_ = true;
    end();
  }

 private:
  void on_head(const transport::client_response_head& head) override {
    answer_.status = head.status;
    streams_ = on_event_ != nullptr && head.status == 200;
  }

  void on_body(std::string_view bytes) override {
    if (over_) return;
    if (!streams_) {
      answer_.body += bytes;
      if (answer_.body.size() > answer_bytes_max) fail_with(fail(errc::too_large, "the answer is over 64 MiB"));
      return;
    }
    const auto whole = parser_.feed(bytes, [this](const transport::sse_event& e) {
      if (!over_ && !(*on_event_)(e.type, e.data)) end();
    });
    if (!whole) fail_with(fail(errc::too_large, "an event is over 16 MiB"));
  }

  void on_end() override { end(); }
  void on_failed(failure why) override { fail_with(std::move(why)); }

  transport::loop& loop_;
  const operator_client::event_handler* const on_event_;
  transport::sse_parser parser_{event_bytes_max};
  operator_answer answer_;
  failure failure_;
  bool streams_ = false, over_ = false, failed_ = false;
};

void look_for_interrupt(transport::loop& on, const std::shared_ptr<collector>& c,
                        const std::atomic<bool>& interrupted) {
  if (interrupted) return c->fail_with({std::make_error_code(std::errc::operation_canceled), "interrupted"});
  on.after(interrupt_latency, [&on, c, &interrupted] { look_for_interrupt(on, c, interrupted); });
}

}  // namespace

operator_client::operator_client(std::vector<operator_address> addresses, std::string token, const tls_options& tls)
    : addresses_(std::move(addresses)), token_(std::move(token)) {
  for (auto& a : addresses_) {
    a.target.ca_file = tls.ca_file;
    a.target.certificate_file = tls.certificate_file;
    a.target.key_file = tls.key_file;
  }
}

outcome<operator_client> operator_client::find(const std::string& given, const environment& env) {
  auto addresses = operator_addresses(given, env);
  if (!addresses) return addresses.error();
  const auto set = [&](const char* name) { return env(name).value_or(""); };
  const tls_options tls{set("HOLDFAST_ADMIN_CA"), set("HOLDFAST_ADMIN_CERT"), set("HOLDFAST_ADMIN_KEY")};
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    const bool key_only = tls.certificate_file.empty();
    return fail(errc::bad_address, std::string("HOLDFAST_ADMIN_") + (key_only ? "KEY" : "CERT") +
                                       " is set, and HOLDFAST_ADMIN_" + (key_only ? "CERT" : "KEY") +
                                       " is not: a certificate and its key go together");
  }
  return operator_client(std::move(*addresses), set("HOLDFAST_ADMIN_TOKEN"), tls);
}

outcome<operator_answer> operator_client::ask(std::string_view method, const std::string& path,
                                              std::chrono::milliseconds timeout, const std::atomic<bool>& interrupted,
                                              const std::string& body) {
  return send({method, path, timeout, nullptr, body}, interrupted);
}

outcome<operator_answer> operator_client::follow(const std::string& path, const event_handler& on_event,
                                                 const std::atomic<bool>& interrupted) {
  return send({"GET", path, {}, &on_event}, interrupted);
}

outcome<operator_answer> operator_client::send(const request& r, const std::atomic<bool>& interrupted) {
  for (std::size_t tried = 1;; ++tried) {
    const auto& to = addresses_[current_];
    const auto loop = transport::loop::create();
    const auto c = std::make_shared<collector>(*loop, r.on_event);
    loop->post([&] {
      transport::http_request_out out;
      std::string head(r.method);
      head += " " + to.prefix + r.path + " HTTP/1.1\r\nHost: " + to.authority + "\r\nAccept: ";
      head += r.on_event != nullptr ? "text/event-stream, application/json\r\n" : "application/json\r\n";
      if (!r.body.empty()) head += "Content-Type: application/json\r\n";
      if (!token_.empty()) head += "Authorization: Bearer " + token_ + "\r\n";
      out.head = std::make_shared<const std::string>(std::move(head));
      out.has_body = r.method == "POST";
      out.body = r.body;
      transport::http_pool::of(*loop, to.target)->send(std::move(out), c);
      if (r.timeout)
        loop->after(*r.timeout, [&, c] { c->fail_with(fail(errc::timed_out, "no answer from " + to.shown)); });
      look_for_interrupt(*loop, c, interrupted);
    });
    loop->run();
    auto answer = c->take();
    if (answer || !refused(answer.error())) return answer;
    if (tried == addresses_.size())
      return fail(errc::refused, "no node answers operators at " + to.shown + " (" + answer.error().detail + ")");
    current_ = (current_ + 1) % addresses_.size();
  }
}

}  // namespace holdfast::apps
