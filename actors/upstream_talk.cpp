#include <utility>

#include "actors/listing_fetch.hpp"
#include "actors/log.hpp"
#include "actors/upstream_actor.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {

// --- talking to the upstream -----------------------------------------------------------------------------------------

void upstream_actor::ask(std::string_view method, std::string_view params, own_request::answer answer) {
  if (!link_) return answer(transport::failure{transport::errc::closed, "not connected"});
  const auto id = link_->next_id();
  link_->request({id, mcp::make_request(std::to_string(id), method, params), config().list_timeout},
                 std::make_shared<own_request>(home(), self(), std::move(answer)));
}

void upstream_actor::tell_level(std::function<void()> then) {
  const auto lowest = levels_.lowest();
  const auto known = std::exchange(sent_level_, lowest) == lowest;
  if (!link_ || lowest.empty() || (known && after_level_.empty()) ||
      !mcp::is_object(mcp::member(capabilities(), "logging"))) {
    return then();
  }
  after_level_.push_back(std::move(then));
  if (known) return;  // under way
  ask("logging/setLevel", R"({"level":)" + mcp::quote(lowest) + "}", [this](const auto&) {
    for (const auto& f : std::exchange(after_level_, {})) f();
  });
}

void upstream_actor::read_lists() {
  if (reading_) {
    read_again_ = true;
    return;
  }
  reading_ = true;
  const auto changed = std::exchange(changed_, {});
  listing_fetch::start(
      initialize_result_, node_.config.catalogue.entries_max,
      [this](std::string_view method, const std::string& params, auto answer) { ask(method, params, answer); },
      [this, changed](transport::outcome<listing_ptr> l) {
        reading_ = false;
        if (!l) {
          log::warning("upstream.lists_failed", {{"upstream", name_}, {"reason", l.error().detail}});
        }
        tell_catalogue(l ? *l : nullptr, changed);
        if (std::exchange(read_again_, false)) return read_lists();
        if (!l && link_) read_lists_later();
      });
}

void upstream_actor::read_lists_later() {
  list_timer_ = after(config().reconnect_max, [this, link = link_] {
    if (link_ && link == link_) read_lists();
  });
}

void upstream_actor::tell_catalogue(listing_ptr l, list_kinds changed) {
  send(node_.catalogue, listing_ready{spec_.index, spec_.capabilities.index(), std::move(l), changed});
}

// --- what the upstream says outside any call -------------------------------------------------------------------------

void upstream_actor::on_message(std::string json) {
  auto event_id = link_ && spec_.role == connection_role::session ? link_->session().last_event_id : std::string();
  home().deliver(self(),
                 callback{[this, attempt = attempt_, json = std::move(json), id = std::move(event_id)]() mutable {
                   if (attempt == attempt_ && !stopping_) on_connection_message(std::move(json), id);
                 }});
}

void upstream_actor::on_down(transport::failure why) {
  home().deliver(self(), callback{[this, attempt = attempt_, why = std::move(why)] {
                   if (attempt != attempt_ || stopping_) return;
                   const auto reason = why.code.message() + ": " + why.detail;
                   // An upstream that has forgotten a session answers.
                   if (why.code != transport::errc::session_lost)
                     breaker().failed(reason, std::chrono::steady_clock::now());
                   lost(reason);
                 }});
}

void upstream_actor::on_stderr(std::string line) {
  log::info("upstream.stderr", {{"upstream", name_}, {"line", stderr_.shown(line)}});
}

void upstream_actor::on_connection_message(std::string json, const std::string& event_id) {
  if (slot_->get() == nullptr) {
    if (early_.size() < 64) early_.push_back(std::move(json));
    return;
  }
  const auto e = mcp::scan(json);
  if (!e || e->kind == mcp::message_kind::answer) return;
  switch (e->what) {
    case mcp::method::ping: return link_->send(mcp::make_result(e->id, "{}"));
    case mcp::method::tools_list_changed: return lists_changed({true, false, false}, json, event_id);
    case mcp::method::prompts_list_changed: return lists_changed({false, true, false}, json, event_id);
    case mcp::method::resources_list_changed: return lists_changed({false, false, true}, json, event_id);
    case mcp::method::resources_updated: return updated(e->uri, json);
    default: break;
  }
  if (spec_.role == connection_role::session)
    return send(spec_.owner, upstream_message{spec_.index, link_, std::move(json), event_id});
  // Nobody in particular is behind this connection, so its requests have nobody to go to, and its log lines might
  // tell one client about another.
  if (e->kind != mcp::message_kind::request) return;
  if (e->what == mcp::method::roots_list && spec_.capabilities.roots)
    return link_->send(mcp::make_result(e->id, R"({"roots":[]})"));
  link_->send(mcp::make_error(e->id, mcp::code::method_not_found, "This connection serves no such request"));
}

void upstream_actor::lists_changed(list_kinds what, const std::string& json, const std::string& event_id) {
  if (!feeds_catalogue()) return send(spec_.owner, upstream_message{spec_.index, link_, json, event_id});
  if (!listing_wanted_) return;
  changed_.tools |= what.tools;
  changed_.prompts |= what.prompts;
  changed_.resources |= what.resources;
  read_lists();
}

void upstream_actor::updated(mcp::raw_json uri, const std::string& json) {
  for (const auto& s : subscriptions_.holders(mcp::string_value(uri).value_or(std::string()))) {
    send(s, upstream_message{spec_.index, link_, json, {}});
  }
}

}  // namespace holdfast::actors
