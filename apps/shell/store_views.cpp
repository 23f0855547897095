#include <array>

#include "apps/shell/histogram_view.hpp"
#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"

namespace holdfast::apps {
namespace {

constexpr std::array store_columns = {
    field_view{"NODE", "node"},
    field_view{"STATE", "state"},
    field_view{"TIER", "tier"},
    field_view{"ROLE", "role"},
    field_view{"REPLICAS", "replicas"},
    field_view{"LAG", "lagBytes", as::bytes},
    field_view{"COMMITS", "commits"},
    field_view{"A COMMIT", "commitMicroseconds", as::microseconds},
    field_view{"WAITING", "waiting"},
    field_view{"FAILURES", "failures"},
    field_view{"CONNECTIONS", "connections"},
    field_view{"DIFFERENCES", "shadowDifferences"},
    field_view{"URL", "url"},
};

void store(console& at) {
  const auto answer = at.get(api_path({"store"}));
  show(at, answer, [&](std::ostream& out) {
    const auto& nodes = member(answer.json, "nodes");
    print_list(out, nodes, store_columns, at.columns());
    if (!nodes.IsArray()) return;
    for (const auto& n : nodes.GetArray())
      if (const auto detail = text_of(n, "detail"); !detail.empty())
        out << '\n' << text_of(n, "node") << ": " << detail << '\n';
  });
}

void print_histogram(std::ostream& out, const json_value& h) {
  const auto buckets = buckets_of(h);
  const auto quantile = [&](double q) { return shown_quantile(buckets, q); };
  out << plain(member(h, "name")) << ": " << plain(member(h, "count")) << ", p50 " << quantile(0.5) << ", p90 "
      << quantile(0.9) << ", p99 " << quantile(0.99) << ", p99.9 " << quantile(0.999) << '\n';
  print_bars(out, buckets);
}

void latency(console& at) {
  const auto answer = at.get(api_path({"latency"}));
  show(at, answer, [&](std::ostream& out) {
    const auto& all = member(answer.json, "histograms");
    if (!all.IsArray() || all.Empty()) {
      out << "none\n";
      return;
    }
    for (const auto& h : all.GetArray()) print_histogram(out, h);
  });
}

void print_tree(std::ostream& out, const json_value& v, std::size_t depth) {
  for (const auto& each : v.GetObject()) {
    out << std::string(depth * 2, ' ') << plain(each.name) << ":";
    if (each.value.IsObject() && each.value.MemberCount() > 0) {
      out << '\n';
      print_tree(out, each.value, depth + 1);
    } else {
      out << ' ' << plain(each.value) << '\n';
    }
  }
}

void config(console& at) {
  const auto answer = at.get(api_path({"config"}));
  show(at, answer, [&](std::ostream& out) {
    const auto& nodes = member(answer.json, "nodes");
    if (!nodes.IsArray()) return;
    for (const auto& n : nodes.GetArray()) {
      out << "# " << text_of(n, "node") << '\n';
      if (const auto& c = member(n, "config"); c.IsObject()) print_tree(out, c, 0);
    }
  });
}

}  // namespace

void add_store_views(CLI::App& app, console& at) {
  add_command(app, "store", "Show the store as every node sees it", [&at] { store(at); });
  add_command(app, "latency", "Show how long calls took since the nodes' start", [&at] { latency(at); });
  auto* shown = add_command(app, "config", "Show the effective configuration, without secrets", {});
  shown->callback([&at, shown] {
    if (shown->get_subcommands().empty()) config(at);
  });
  add_config_changes(*shown, at);
}

}  // namespace holdfast::apps
