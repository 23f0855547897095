#include "actors/admin/inner_exchange.hpp"

#include <algorithm>
#include <utility>

#include "transport/content_type.hpp"
#include "transport/loop.hpp"

namespace holdfast::actors::admin {
namespace {

constexpr std::string_view session_header = "Mcp-Session-Id: ";

class inner_exchange final : public transport::http_exchange {
 public:
  using handler = std::function<void(int, std::string, std::string)>;

  inner_exchange(transport::loop& home, std::string host, std::string principal, std::string session, std::string body,
                 bool repeated, handler done)
      : home_(home),
        host_(std::move(host)),
        principal_(std::move(principal)),
        session_(std::move(session)),
        body_(std::move(body)),
        done_(std::move(done)) {
    request_.method = transport::http_method::post;
    request_.path = "/mcp";
    request_.host = host_;
    request_.accept = "application/json, text/event-stream";
    request_.content_type = transport::json_type;
    if (!session_.empty()) request_.session_id = session_;
    request_.body = body_;
    if (repeated) request_.repeated = "again";
  }
  /// Whoever drops it has cut the connection.
  ~inner_exchange() override { finish(502, {}, {}); }

  const transport::http_request& request() const noexcept override { return request_; }
  transport::loop& home() noexcept override { return home_; }
  std::uint64_t connection() const noexcept override { return 0; }
  std::string_view principal() const override { return principal_; }

  void respond(int status, std::string_view, std::string_view headers,
               std::initializer_list<std::string_view> body) override {
    std::string whole;
    for (const auto part : body) whole += part;
    finish(status, id_in(headers), std::move(whole));
  }
  void open_stream(std::string_view headers) override { given_ = id_in(headers); }
  bool write(std::string_view bytes) override {
    stream_ += bytes;
    // Only the last event counts, which is the answer.
    for (auto end = stream_.find("\n\n"); end != std::string::npos; end = stream_.find("\n\n")) {
      note(std::string_view(stream_).substr(0, end));
      stream_.erase(0, end + 2);
    }
    return true;
  }
  void end_stream() override { finish(200, std::move(given_), std::move(last_)); }
  void on_closed(std::function<void()>) override {}

 private:
  static std::string id_in(std::string_view headers) {
    const auto at = headers.find(session_header);
    if (at == std::string_view::npos) return {};
    const auto begin = at + session_header.size();
    return std::string(headers.substr(begin, headers.find('\r', begin) - begin));
  }

  void note(std::string_view event) {
    std::string data;
    while (!event.empty()) {
      const auto line = event.substr(0, event.find('\n'));
      event.remove_prefix(std::min(line.size() + 1, event.size()));
      if (line.starts_with("data: ")) data.append(data.empty() ? "" : "\n").append(line.substr(6));
    }
    if (!data.empty()) last_ = std::move(data);
  }

  void finish(int status, std::string session, std::string json) {
    if (!done_) return;
    home_.post([done = std::exchange(done_, nullptr), status, session = std::move(session),
                json = std::move(json)]() mutable { done(status, std::move(session), std::move(json)); });
  }

  transport::loop& home_;
  const std::string host_, principal_, session_, body_;
  transport::http_request request_;
  handler done_;
  std::string stream_, last_, given_;
};

}  // namespace

std::shared_ptr<transport::http_exchange> make_inner_exchange(transport::loop& home, std::string host,
                                                              std::string principal, std::string session,
                                                              std::string body, bool repeated,
                                                              std::function<void(int, std::string, std::string)> done) {
  return std::make_shared<inner_exchange>(home, std::move(host), std::move(principal), std::move(session),
                                          std::move(body), repeated, std::move(done));
}

}  // namespace holdfast::actors::admin
