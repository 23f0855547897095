#include "actors/peer_admission.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "actors/cluster_text.hpp"
#include "actors/peer_ask.hpp"
#include "transport/errc.hpp"

namespace holdfast::actors {
namespace {

using machines::membership::member;
using transport::errc;
using answer = transport::outcome<std::string>;

/// Errors that say: not you.
bool is_refusal(const std::error_code& e) {
  return e == errc::tls_failed || e == errc::unauthorized || e == errc::bad_http;
}

struct poll {
  std::string name;
  std::size_t open;
  bool must_reach_somebody;
  std::function<void(std::string)> done;
  bool name_is_taken = false, reached = false;
  std::string refusal;

  void note(const member& by, const answer& said) {
    const auto lives = said && read_beat(*said).has_value();
    (by.name == name ? name_is_taken : reached) |= lives;
    if (!said && is_refusal(said.error().code))
      refusal = by.name + " (" + by.address + ") and this node refuse each other: " + said.error().detail;
    if (--open == 0) done(problem());
  }

  std::string problem() const {
    if (name_is_taken) return "a node named " + name + " is alive; give each its own cluster.name";
    if (reached) return {};
    if (!refusal.empty()) return refusal;
    return must_reach_somebody ? "no other node answers" : "";
  }
};

}  // namespace

void ask_admission(transport::loop& on, const cluster& in, const applicant& who,
                   std::function<void(std::string)> done) {
  std::vector<member> members;
  bool others = false;
  for (const auto& m : who.view.members) {
    if (m.address == in.address) continue;
    others |= m.name != who.name;
    members.push_back(m);
  }
  if (members.empty()) return on.post([done = std::move(done)] { done({}); });
  const auto all = std::make_shared<poll>();
  all->name = who.name;
  all->open = members.size();
  all->must_reach_somebody = who.must_reach_somebody && others;
  all->done = std::move(done);
  for (const auto& m : members)
    ask_peer(on, in, in.target_of(m.address), peer_path::beat, who.beat, who.limit,
             [all, m](const answer& said) { all->note(m, said); });
}

}  // namespace holdfast::actors
