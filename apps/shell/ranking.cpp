#include "apps/shell/ranking.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::apps {
namespace {

double ranked_by(const ranked_session& s, std::string_view key) {
  if (key == "calls") return s.calls;
  if (key == "mailbox") return s.mailbox;
  if (key == "memory") return s.memory;
  if (key == "age") return s.age;
  if (key == "idle") return s.idle;
  return s.rate;
}

}  // namespace

std::vector<ranked_session> ranking::look(const json_value& answer, std::string_view key,
                                          std::chrono::steady_clock::time_point at) {
  std::vector<ranked_session> all;
  std::map<std::string, double> handled;
  const auto seconds = std::chrono::duration<double>(at - looked_).count();
  const auto& sessions = member(answer, "sessions");
  if (sessions.IsArray()) {
    for (const auto& s : sessions.GetArray()) {
      auto& r = all.emplace_back();
      r.id = text_of(s, "id");
      r.node = text_of(s, "node");
      r.state = text_of(s, "state");
      r.client = text_of(member(s, "client"), "name");
      r.calls = number_of(s, "calls");
      r.mailbox = number_of(s, "mailbox");
      r.memory = number_of(s, "memoryBytes");
      r.age = number_of(s, "ageMs");
      r.idle = number_of(s, "idleMs");
      const auto now = handled[r.id] = number_of(s, "handled");
      const auto before = handled_.find(r.id);
      // An actor that came anew, on another node for instance, counts from the beginning.
      if (before != handled_.end() && now >= before->second && seconds > 0) r.rate = (now - before->second) / seconds;
    }
  }
  handled_ = std::move(handled);
  looked_ = at;
  std::stable_sort(all.begin(), all.end(),
                   [&](const auto& a, const auto& b) { return ranked_by(a, key) > ranked_by(b, key); });
  return all;
}

}  // namespace holdfast::apps
