#include <array>

#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"

namespace holdfast::apps {
namespace {

constexpr std::array columns = {
    field_view{"NODE", "node"},       field_view{"STATE", "state"},
    field_view{"FAILED", "failed"},   field_view{"IN A ROW", "failedInARow"},
    field_view{"ENDED", "succeeded"}, field_view{"REFUSED", "refused"},
    field_view{"PROBES", "probes"},   field_view{"NOW", "concurrent"},
    field_view{"QUEUED", "queued"},   field_view{"NEXT PROBE", "nextProbeInMs", as::milliseconds},
    field_view{"FOUND BY", "by"},     field_view{"REASON", "reason"},
};

void breakers(console& at) {
  const auto answer = at.get(api_path({"circuit-breakers"}));
  show(at, answer, [&](std::ostream& out) {
    const auto& all = member(answer.json, "breakers");
    if (!all.IsArray()) return;
    for (const auto& b : all.GetArray()) {
      print_heading(out, plain(member(b, "name")) + " is " + plain(member(b, "state")));
      print_list(out, member(b, "nodes"), columns, at.columns());
    }
  });
}

}  // namespace

void add_breaker_views(CLI::App& app, console& at) {
  add_command(app, "breakers", "List the circuit breakers of the upstreams, and their limits, at every node",
              [&at] { breakers(at); });
}

}  // namespace holdfast::apps
