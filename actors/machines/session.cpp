#include "actors/machines/session.hpp"

#include <array>

//   fresh ─ initialize_answered ─▶ negotiated ─ initialized_said ─▶ operating
//     └───────────────┴───────── end_asked ──────────┴───────▶ ended

namespace holdfast::actors::machines::session {
namespace {

step on(fresh s, initialize_asked) { return {s, effect::proceed}; }
step on(fresh, initialize_answered) { return {negotiated{}}; }
step on(fresh s, initialized_said) { return {s, effect::refuse_early}; }
step on(fresh s, request_came) { return {s, effect::refuse_early}; }
step on(fresh, end_asked) { return {ended{}, effect::shut_down}; }

step on(negotiated s, initialize_asked) { return {s, effect::refuse_repeated}; }
step on(negotiated s, initialize_answered) { return {s}; }
step on(negotiated, initialized_said) { return {operating{}, effect::release_held}; }
// Some clients never say `initialized`; their requests are served all the same.
step on(negotiated s, request_came) { return {s, effect::proceed}; }
step on(negotiated, end_asked) { return {ended{}, effect::shut_down}; }

step on(operating s, initialize_asked) { return {s, effect::refuse_repeated}; }
step on(operating s, initialize_answered) { return {s}; }
step on(operating s, initialized_said) { return {s}; }
step on(operating s, request_came) { return {s, effect::proceed}; }
step on(operating, end_asked) { return {ended{}, effect::shut_down}; }

step on(ended s, initialize_asked) { return {s, effect::refuse_ended}; }
step on(ended s, initialize_answered) { return {s}; }
step on(ended s, initialized_said) { return {s, effect::refuse_ended}; }
step on(ended s, request_came) { return {s, effect::refuse_ended}; }
step on(ended s, end_asked) { return {s}; }

constexpr std::array<std::string_view, std::variant_size_v<state>> names{"fresh", "negotiated", "operating", "ended"};

}  // namespace

step advance(const state& from, const event& what) {
  return std::visit([](const auto& s, const auto& e) { return on(s, e); }, from, what);
}

bool may_speak(const state& s) noexcept { return std::holds_alternative<operating>(s); }

std::string_view name_of(const state& s) noexcept { return names[s.index()]; }

}  // namespace holdfast::actors::machines::session
