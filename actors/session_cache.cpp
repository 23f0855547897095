#include <algorithm>
#include <utility>

#include "actors/execution_meta.hpp"
#include "actors/result_cache.hpp"
#include "actors/session_actor.hpp"
#include "transport/mcp/canonical.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/mcp/sealed.hpp"

// Results that are kept, and given to later calls of the same tool with the same parameters: docs/cache.md.

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;

/// Whatever else there is may change what the call means.
bool is_plain_call(mcp::raw_json params) {
  const auto all = mcp::members(params);
  return std::all_of(all.begin(), all.end(),
                     [](const auto& m) { return m.first == "name" || m.first == "arguments" || m.first == "_meta"; });
}

}  // namespace

void session_actor::prepare_cache(call& c, const mcp::envelope& e, const std::shared_ptr<const tool_cache>& what) {
  if (!is_plain_call(e.params)) return;
  const auto given = mcp::member(e.params, "arguments");
  const auto arguments = mcp::canonical(given.empty() ? mcp::raw_json("{}") : given);
  if (!arguments) return;
  std::string whose;
  if (what->scope == cache_scope::session) {
    auto& own = work().cache_scope;
    if (own.empty()) own = mcp::random_id();
    whose = own;
  } else if (what->scope == cache_scope::user) {
    whose = principal_;
  }
  auto key = node_.cache_keys->key_of(*what, whose, *arguments, now());
  if (!key) return;
  c.cached = std::make_unique<cached_call>();
  c.cached->what = what;
  c.cached->key = std::move(*key);
  // Whoever names a call by a key means that one.
  c.cached->refresh = c.keyed != nullptr || mcp::member(e.meta, execution_meta::use_cached) == "false";
}

void session_actor::look_in_cache(const call_ptr& c) {
  auto& k = *c->cached;
  if (k.refresh) return go(c);
  if (const auto kept = node_.results->find(k.key, *k.what, now())) return answer_from_cache(c, *kept);
  k.asks = true;
  wait_until(c, c->deadline);
  const auto asked = node_.results->ask(k.key, *k.what, c->deadline, home(),
                                        [weak = std::weak_ptr(c), send = sender_of<cache_told>(), home = &home(),
                                         wait = c->waits](const cached_result& result, const cache_lead_ptr& lead) {
                                          home->loop().post([weak, send, wait, result, lead] {
                                            if (const auto of = weak.lock()) send(of, wait, result, lead);
                                          });
                                        });
  if (asked) return;
  c->waiting = false;
  c->cached = nullptr;
  go(c);
}

void session_actor::on_cache_told(cache_told& m) {
  const auto& c = m.of;
  if (!c->waiting || c->waits != m.wait || !is_here(c)) return;
  c->waiting = false;
  if (m.result) return answer_from_cache(c, *m.result);
  c->cached->asks = false;
  c->cached->lead = std::move(m.lead);
  go(c);
}

/// Nothing has happened that anybody would have to know later, so the journal does without it.
void session_actor::answer_from_cache(const call_ptr& c, const std::string& answer) {
  c->execution = 0;
  c->answer = answer;
  c->from_cache = true;
  apply(c, execution::found_in_cache{});
}

/// `result` is what the upstream says; it is no error.
void session_actor::keep_result(call& c, mcp::raw_json result) {
  const auto k = std::move(c.cached);
  const auto meta = mcp::member(result, "_meta");
  const auto marked = mcp::with_member(mcp::is_object(meta) ? meta : "{}", execution_meta::from_cache, "true");
  auto answer = std::make_shared<const std::string>(R"({"jsonrpc":"2.0","id":0,"result":)" +
                                                    mcp::with_member(result, "_meta", marked) + "}");
  if (k->lead) return k->lead->fill(std::move(answer));
  node_.results->put(k->key, *k->what, answer, home());
}

void session_actor::forget_results() {
  if (work_) work_->cache_scope.clear();
}

}  // namespace holdfast::actors
