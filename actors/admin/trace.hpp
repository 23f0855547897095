#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/admin/desk.hpp"
#include "actors/session_trace.hpp"

/// Listening to a session's messages.
namespace holdfast::actors::admin {

/// Listens to a session as long as its slot is held here, whenever it is in memory. One thread, the desk's.
class trace_watch : public std::enable_shared_from_this<trace_watch> {
 public:
  /// `out` takes whole events, false once the listener has gone; `over` runs once at the end, with why.
  trace_watch(desk& at, std::string id, session_trace::limits l, std::function<bool(const std::string&)> out,
              std::function<void(const std::string& why)> over);

  void begin() { look(); }
  void stop();

 private:
  void look();
  void attach(const directory::entry& to);
  void take(const std::string& event);
  void finish(const std::string& why);

  const std::shared_ptr<desk> desk_;
  const std::string session_;
  const std::uint64_t number_;
  session_trace::limits limits_;
  std::function<bool(const std::string&)> out_;
  std::function<void(const std::string&)> over_;  // null once over
  caf::actor attached_;                           // null while there is nothing to listen to
};

/// For another node: the events as the stream of the exchange.
void serve_trace(desk& at, const std::string& params, std::shared_ptr<transport::http_exchange> to);

}  // namespace holdfast::actors::admin
