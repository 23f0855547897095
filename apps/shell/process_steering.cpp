#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <chrono>
#include <utility>

#include "apps/commands/options.hpp"
#include "apps/shell/steering.hpp"

// Nodes that end at once, or start anew.

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds glance = 50ms, patience = 1s;

/// The answer of before with another end.
node_answer amended(const node_answer& before, std::chrono::milliseconds took, const std::string& summary) {
  rapidjson::Document now;
  now.CopyFrom(before.json, now.GetAllocator());
  auto& all = now.GetAllocator();
  now["done"].SetBool(true);
  now["milliseconds"].SetInt64(took.count());
  now["summary"].SetString(summary.c_str(), static_cast<rapidjson::SizeType>(summary.size()), all);
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  now.Accept(writer);
  return {text.GetString(), std::move(now)};
}

/// Whether the change was made to the very node that was asked, which cannot tell.
bool was_asked_itself(console& at, const node_answer& answer) {
  const auto& done = member(answer.json, "done");
  if (!done.IsBool() || done.GetBool()) return false;
  const auto status = at.try_get(api_path({"status"}, {{"scope", "node"}}), patience);
  // One that has ended by now does not answer.
  return !status || text_of(status->json, "node") == text_of(answer.json, "target");
}

/// Asks the node until it has started since `begun`.
follow_up until_back(const steer_options& o) {
  return [&o](console& at, const node_answer& answer) -> std::optional<node_answer> {
    if (!was_asked_itself(at, answer)) return std::nullopt;
    const auto begun = clock::now();
    const auto since = [begun] { return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begun); };
    while (since() < o.wait) {
      if (!pause_for(glance)) return std::nullopt;
      const auto now = at.try_get(api_path({"nodes", o.target}), patience);
      if (!now) continue;
      const auto& node = member(now->json, "node");
      if (number_of(node, "uptimeMs") >= static_cast<double>(since().count())) continue;
      if (text_of(node, "state") != "up") continue;
      const auto who = text_of(node, "incarnation");
      return amended(answer, since(),
                     o.target + " came back" + (who.empty() ? "" : " as incarnation " + who) + " in " +
                         std::to_string(since().count()) + " ms");
    }
    return std::nullopt;
  };
}

/// Asks the node until it does not answer any more.
follow_up until_gone(const steer_options& o) {
  return [&o](console& at, const node_answer& answer) -> std::optional<node_answer> {
    if (!was_asked_itself(at, answer)) return std::nullopt;
    const auto begun = clock::now();
    while (clock::now() - begun < o.wait) {
      const auto now = at.try_get(api_path({"status"}, {{"scope", "node"}}), patience);
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begun);
      if (!now) return amended(answer, took, o.target + " has ended; nobody was asked what became of its slots");
      if (!pause_for(glance)) break;
    }
    return std::nullopt;
  };
}

void add_process_change(CLI::App& app, console& at, const std::string& name, const std::string& about,
                        follow_up (*then)(const steer_options&)) {
  const auto o = std::make_shared<steer_options>();
  o->wait = 60s;
  auto* command = add_change(*add_group(app, name, about), "node", about, o, [&at, o, name, then] {
    steer(at, {"nodes", o->target, name}, {}, *o, how_node_is(o->target), then(*o));
  });
  add_argument(*command, o->target, "NODE", "its name");
}

}  // namespace

void add_process_steering(CLI::App& app, console& at) {
  add_process_change(app, at, "kill", "End a node at once, as kill -9 does", until_gone);
  add_process_change(app, at, "restart", "Have a node hand over what it has, and start anew", until_back);
}

}  // namespace holdfast::apps
