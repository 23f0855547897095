#include "tests/bench/client.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace holdfast::bench {
namespace {

constexpr std::string_view both_types = "application/json, text/event-stream";

/// The string member `name` of a message, found without a parser: the peers under test write it exactly once.
std::string_view text_member(std::string_view json, std::string_view name) {
  const auto at = json.find(name);
  if (at == std::string_view::npos) return {};
  const auto open = json.find('"', json.find(':', at));
  if (open == std::string_view::npos) return {};
  return json.substr(open + 1, json.find('"', open + 1) - open - 1);
}

bool answers(std::string_view json, std::uint64_t id) {
  const std::string wanted = "\"id\":" + std::to_string(id);
  const auto at = json.find(wanted);
  if (at == std::string_view::npos || at + wanted.size() >= json.size()) return false;
  const char next = json[at + wanted.size()];
  return (next == ',' || next == '}') && json.find("\"result\":") != std::string_view::npos &&
         json.find("\"isError\":true") == std::string_view::npos;
}

}  // namespace

client::client(const target& t, std::uint64_t first_id) : target_(t), socket_(connect_to(t.server)), id_(first_id) {}

void client::call(std::uint64_t due) {
  std::string call = R"("tools/call","params":{"name":")";
  call += target_.tool;
  call += R"(","arguments":)";
  call += target_.arguments;
  call += '}';
  begin_call(due, call);
}

void client::ping(std::uint64_t due) { begin_call(due, R"("ping")"); }

void client::begin_call(std::uint64_t due, std::string_view method_and_params) {
  due_ = due;
  phase_ = phase::calling;
  std::string body = R"({"jsonrpc":"2.0","id":)" + std::to_string(++id_) + R"(,"method":)";
  body += method_and_params;
  body += '}';
  send_request("POST", both_types, body);
}

void client::open_stream() {
  phase_ = phase::opening;
  send_request("GET", "text/event-stream", {});
}

void client::renew() {
  session_headers_.clear();
  phase_ = phase::initializing;
  send_request("POST", both_types,
               R"({"jsonrpc":"2.0","id":)" + std::to_string(++id_) +
                   R"(,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},)"
                   R"("clientInfo":{"name":"bench-load","version":"1"}}})");
}

void client::end() {
  phase_ = phase::ending;
  send_request("DELETE", both_types, {});
}

bool client::on_ready() {
  const phase before = phase_;
  if (phase_ == phase::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      lose(std::generic_category().message(error));
    } else {
      renew();
    }
  } else if (receive()) {
    advance();
  }
  return phase_ != before;
}

bool client::receive() {
  static thread_local std::array<char, 65536> bytes;
  for (;;) {
    const auto got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) {
      lose(got == 0 ? "the server closed the connection" : std::generic_category().message(errno));
      return false;
    }
    if (phase_ != phase::streaming) answer_.feed({bytes.data(), static_cast<std::size_t>(got)});
    // A short read has emptied the socket, so the next byte makes a new edge.
    if (static_cast<std::size_t>(got) < bytes.size()) return phase_ != phase::streaming;
  }
}

void client::advance() {
  const auto progress = answer_.parse();
  if (progress == http_message::progress::broken) return lose("the answer is not HTTP");
  if (progress == http_message::progress::need_more) return;
  if (phase_ == phase::opening) {
    if (answer_.status() != 200) return lose("status " + std::to_string(answer_.status()) + " to GET");
    answer_ = {};
    phase_ = phase::streaming;
    return;
  }
  if (progress != http_message::progress::complete) return;

  switch (phase_) {
    case phase::initializing: finish_initialize(); break;
    case phase::announcing:
      if (answer_.status() == 202) {
        phase_ = phase::idle;
      } else {
        lose("status " + std::to_string(answer_.status()) + " to notifications/initialized");
      }
      break;
    case phase::calling: finish_call(); break;
    case phase::ending: phase_ = phase::ended; break;
    default: lose("an answer to nothing"); break;
  }
}

void client::finish_initialize() {
  const auto json = json_of(answer_.header("content-type"), answer_.body());
  if (answer_.status() != 200 || !answers(json, id_)) {
    return lose("status " + std::to_string(answer_.status()) + " to initialize: " + std::string(json.substr(0, 200)));
  }
  session_headers_ = "MCP-Protocol-Version: ";
  session_headers_ += text_member(json, "\"protocolVersion\"");
  session_headers_ += "\r\n";
  if (const auto session = answer_.header("mcp-session-id"); !session.empty()) {
    session_headers_ += "Mcp-Session-Id: ";
    session_headers_ += session;
    session_headers_ += "\r\n";
  }
  answer_.next();
  phase_ = phase::announcing;
  send_request("POST", both_types, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
}

void client::finish_call() {
  const auto json = json_of(answer_.header("content-type"), answer_.body());
  if (answer_.status() != 200 || !answers(json, id_)) {
    return lose("status " + std::to_string(answer_.status()) + " to a call: " + std::string(json.substr(0, 200)));
  }
  phase_ = phase::idle;
}

void client::send_request(std::string_view method, std::string_view accept, std::string_view body) {
  answer_.next();
  out_.assign(method);
  out_ += ' ';
  out_ += target_.server.path;
  out_ += " HTTP/1.1\r\nHost: ";
  out_ += target_.server.host + ':' + std::to_string(target_.server.port);
  out_ += "\r\nUser-Agent: bench-load/1\r\nAccept: ";
  out_ += accept;
  out_ += "\r\n";
  out_ += session_headers_;
  if (!body.empty()) {
    out_ += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  out_ += "\r\n";
  out_ += body;
  // One request of a few hundred bytes is in flight at a time: a full send buffer means that the peer is broken.
  const auto sent = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(out_.size())) lose("cannot send: " + std::generic_category().message(errno));
}

void client::lose(std::string reason) {
  phase_ = phase::lost;
  reason_ = std::move(reason);
}

}  // namespace holdfast::bench
