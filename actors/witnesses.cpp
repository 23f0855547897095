#include "actors/witnesses.hpp"

#include <utility>
#include <vector>

#include "actors/peer_ask.hpp"
#include "actors/test_hooks.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr auto others_answer_within = milliseconds{200};
// Two nodes hear the same beat at slightly different times.
constexpr auto heard_margin = milliseconds{50};

}  // namespace

void ask_witnesses(transport::loop& on, const cluster& in, const std::map<std::string, neighbour>& neighbours,
                   const std::string& about, clock::time_point last,
                   std::function<void(machines::detector::others_said)> done) {
  std::vector<transport::http_target> others;
  std::vector<std::string> who;
  for (const auto& [incarnation, n] : neighbours) {
    if (incarnation == about || rule_is_out("second_opinion")) continue;
    others.push_back(n.target);
    who.push_back(incarnation);
  }
  const auto later_than = [last](const std::string& answer) {
    const auto ago = mcp::integer_value(mcp::member(answer, "ago")).value_or(-1);
    return ago >= 0 && clock::now() - milliseconds{ago} > last + heard_margin;
  };
  ask_all(on, in, others, peer_path::heard, R"({"of":)" + mcp::quote(about) + "}", others_answer_within, later_than,
          [about, who, done = std::move(done)](const said_by_all& said) {
            machines::detector::others_said all{about, any_yes(said), {}};
            for (std::size_t i = 0; i < said.size(); ++i) {
              if (!said[i]) all.mute.push_back(who[i]);
            }
            done(std::move(all));
          });
}

std::string testimony(std::string_view asked, const hearings& heard) {
  const auto of = mcp::string_value(mcp::member(asked, "of")).value_or(std::string());
  const auto known = heard.find(of);
  const auto ago =
      known == heard.end() ? -1 : std::chrono::duration_cast<milliseconds>(clock::now() - known->second).count();
  return R"({"ago":)" + std::to_string(ago) + "}";
}

}  // namespace holdfast::actors
