#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tests/bench/http_message.hpp"
#include "tests/bench/socket.hpp"

namespace holdfast::bench {

/// What every client of a run shares.
struct target {
  endpoint server;
  std::string tool = "echo";
  std::string arguments = "{}";  ///< a JSON object
};

/// One MCP session over one connection, driven by whoever polls its socket: after a step that ends in `idle`, the owner
/// decides what comes next. Everything that goes wrong ends in `lost`, with a reason.
class client {
 public:
  enum class phase { connecting, initializing, announcing, idle, calling, opening, streaming, ending, ended, lost };

  /// Starts to connect. `t` outlives the client.
  client(const target& t, std::uint64_t first_id);

  int fd() const { return socket_.get(); }
  phase state() const { return phase_; }
  const std::string& reason() const { return reason_; }

  /// When the running or last call was due, in nanoseconds of the caller's clock.
  std::uint64_t due() const { return due_; }

  /// What names the session in a request. `use` goes on with another one's, only when idle.
  const std::string& session_headers() const { return session_headers_; }
  void use(std::string session_headers) { session_headers_ = std::move(session_headers); }

  /// Starts the tool call that was due at `due`. Only when idle, as the others that follow.
  void call(std::uint64_t due);

  /// The same with a `ping`, which no upstream hears of.
  void ping(std::uint64_t due);

  /// Opens the session's event stream.
  void open_stream();

  /// Starts another session on the same connection; this one stays as it is.
  void renew();

  /// Ends the session.
  void end();

  /// To be called when the socket is ready. True when the phase has changed.
  bool on_ready();

 private:
  bool receive();
  void advance();
  void begin_call(std::uint64_t due, std::string_view method_and_params);
  void send_request(std::string_view method, std::string_view accept, std::string_view body);
  void finish_initialize();
  void finish_call();
  void lose(std::string reason);

  const target& target_;
  descriptor socket_;
  http_message answer_;
  phase phase_ = phase::connecting;
  std::uint64_t id_;
  std::uint64_t due_ = 0;
  std::string session_headers_;
  std::string out_;
  std::string reason_;
};

}  // namespace holdfast::bench
