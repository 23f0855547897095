#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

/// The life of a client session as a pure machine: what the client may do when, and when the gateway may speak first.
namespace holdfast::actors::machines::session {

struct fresh {  ///< created, `initialize` not answered yet
  bool operator==(const fresh&) const = default;
};
struct negotiated {  ///< `initialize` answered, the client has not said `initialized` yet
  bool operator==(const negotiated&) const = default;
};
struct operating {
  bool operator==(const operating&) const = default;
};
struct ended {
  bool operator==(const ended&) const = default;
};
using state = std::variant<fresh, negotiated, operating, ended>;

struct initialize_asked {};
struct initialize_answered {};
struct initialized_said {};
struct request_came {};
struct end_asked {};
using event = std::variant<initialize_asked, initialize_answered, initialized_said, request_came, end_asked>;

enum class effect : std::uint8_t {
  none,
  proceed,          ///< handle what came
  release_held,     ///< what the gateway wanted to tell the client may go out now
  refuse_repeated,  ///< `initialize` a second time
  refuse_early,     ///< a request before `initialize`
  refuse_ended,     ///< the session is over
  shut_down,        ///< end calls, streams and connections
};

struct step {
  state next;
  effect todo = effect::none;
  bool operator==(const step&) const = default;
};

step advance(const state& from, const event& what);

/// True once the gateway may send requests and notifications of its own ("Lifecycle": before `initialized` only pings
/// and log messages).
bool may_speak(const state& s) noexcept;

std::string_view name_of(const state& s) noexcept;

}  // namespace holdfast::actors::machines::session
