#include "apps/shell/ranking.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

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

std::string ranked_json(const json_value& answer, const std::vector<ranked_session>& sessions) {
  rapidjson::Document whole;
  auto& memory = whole.GetAllocator();
  whole.CopyFrom(answer, memory);
  std::map<std::string, json_value*> by_id;
  json_value* const known = whole.IsObject() && whole.HasMember("sessions") ? &whole["sessions"] : nullptr;
  json_value ordered(rapidjson::kArrayType);
  if (known != nullptr && known->IsArray()) {
    for (auto& s : known->GetArray()) by_id[text_of(s, "id")] = &s;
    for (const auto& r : sessions) {
      const auto s = by_id.find(r.id);
      if (s == by_id.end()) continue;
      s->second->AddMember("rate", r.rate, memory);
      ordered.PushBack(*s->second, memory);
      by_id.erase(s);
    }
    *known = ordered;
  }
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  whole.Accept(writer);
  return {text.GetString(), text.GetSize()};
}

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
