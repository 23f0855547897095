#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "actors/admin/desk.hpp"
#include "actors/principal.hpp"

namespace holdfast::actors::admin {

/// Requests of operators to a session, through the front door: they go to whichever node has the session, and on to the
/// next one when that is lost. All in tasks of the desk's loop.
class inner_client : public std::enable_shared_from_this<inner_client> {
 public:
  using clock = std::chrono::steady_clock;
  using then = std::function<void(int status, const std::string& json)>;

  /// For a session that there is, or for one of its own, see `open`. On behalf of `principal`: of a user, whose
  /// sessions alone there are then, of anonymous, or of an operator, who may use them all and begins such of anonymous.
  explicit inner_client(desk& at, std::string session = {}, std::string principal = std::string(operator_principal))
      : at_(at.shared_from_this()), session_(std::move(session)), principal_(std::move(principal)) {}

  const std::string& session() const noexcept { return session_; }

  /// Begins a session of its own; `done` with what went wrong, if anything.
  void open(clock::time_point until, std::function<void(std::optional<problem>)> done);

  /// Sends a request, again where it may have been lost, until it is answered: with a result or an error of JSON-RPC,
  /// or a status that is none of 502 and 503. After `until` the last answer counts; status 504 if there is none.
  void send(std::string body, clock::time_point until, then done);

  /// Something that has no answer.
  void tell(std::string body);

  /// The request of this id is no longer wanted.
  void cancel(std::string_view id, std::string_view reason);

  /// Ends the session of its own.
  void say_goodbye();

 private:
  struct request {
    std::string body;
    clock::time_point until;
    then done;
    bool repeated = false;
  };
  void post(std::string body, bool repeated, then done);
  void go(const std::shared_ptr<request>& r);

  const std::shared_ptr<desk> at_;
  std::string session_;
  const std::string principal_;
  bool owns_ = false;
};

/// What a session of operators begins with.
std::string initialize_request();

/// What stands in an answer of JSON-RPC that is an error, or in none, as a problem.
problem trouble_in(int status, const std::string& json);

}  // namespace holdfast::actors::admin
