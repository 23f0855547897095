#include <CLI/CLI.hpp>
#include <algorithm>
#include <future>
#include <iostream>
#include <memory>

#include "apps/commands/commands.hpp"
#include "apps/commands/findings.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/terminal.hpp"
#include "apps/config/config.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

using grade = finding::grade;

constexpr std::size_t at_once_max = 8;

std::string_view word(grade g) {
  switch (g) {
    case grade::good: return "ok";
    case grade::doubtful: return "warning";
    case grade::bad: return "failed";
  }
  return "";
}

/// `text` with each of its further lines indented.
std::string indented(std::string_view text, std::size_t by) {
  std::string out;
  for (const char c : printable(text)) {
    out += c;
    if (c == '\n') out.append(by, ' ');
  }
  return out;
}

void print(const findings& all, bool json) {
  if (json) {
    std::cout << "{\"findings\":[";
    for (std::size_t i = 0; i < all.size(); ++i)
      std::cout << (i > 0 ? "," : "") << "{\"grade\":" << mcp::quote(word(all[i].how))
                << ",\"about\":" << mcp::quote(all[i].about) << ",\"detail\":" << mcp::quote(all[i].detail)
                << ",\"remedy\":" << mcp::quote(all[i].remedy) << '}';
    std::cout << "]}\n";
    return;
  }
  constexpr std::size_t margin = 9;
  for (const auto& f : all) {
    const std::string grade_word(word(f.how));
    std::cout << grade_word << std::string(margin - grade_word.size(), ' ') << f.about << ": "
              << indented(f.detail, margin) << '\n';
    if (!f.remedy.empty()) std::cout << std::string(margin, ' ') << "-> " << f.remedy << '\n';
  }
}

findings check_upstream(const actors::upstream_config& u) {
  if (!u.enabled) return {{grade::good, "upstream " + u.alias, "disabled", ""}};
  findings out = check_command(u);
  const bool startable = std::none_of(out.begin(), out.end(), [](const finding& f) { return f.how == grade::bad; });
  if (startable) out.push_back(check_connection(u));
  return out;
}

/// Some at a time: servers may be heavy to start.
void check_upstreams(const std::vector<actors::upstream_config>& upstreams, findings& out) {
  for (std::size_t start = 0; start < upstreams.size() && !interruption(); start += at_once_max) {
    std::vector<std::future<findings>> running;
    for (std::size_t i = start; i < std::min(start + at_once_max, upstreams.size()); ++i)
      running.push_back(std::async(std::launch::async, [&u = upstreams[i]] { return check_upstream(u); }));
    for (auto& each : running) {
      const auto found = each.get();
      out.insert(out.end(), found.begin(), found.end());
    }
  }
}

findings mistakes_found(const mistakes& m) {
  findings out;
  for (const auto& each : m.all) out.push_back({grade::bad, "configuration", to_string(each), "correct it there"});
  return out;
}

config_outcome configuration(const std::string& file) {
  if (file.empty()) return load_config_text(default_config_text(), "(built-in configuration)");
  return load_config(file);
}

void check_configuration(const std::string& file, findings& out) {
  const auto config = configuration(file);
  if (!config) {
    const auto found = mistakes_found(config.error());
    out.insert(out.end(), found.begin(), found.end());
    return;
  }
  const std::string source = file.empty() ? "the built-in one" : file;
  out.push_back(
      {grade::good, "configuration", source + ", " + std::to_string(config->upstreams.size()) + " upstreams", ""});
  const auto listeners = check_listeners(*config);
  out.insert(out.end(), listeners.begin(), listeners.end());
  const auto certificates = check_certificates(*config);
  out.insert(out.end(), certificates.begin(), certificates.end());
  out.push_back(check_descriptors(*config));
  const auto of_store = check_store(*config);
  out.insert(out.end(), of_store.begin(), of_store.end());
  check_upstreams(config->upstreams, out);
}

struct doctor_options {
  std::string file;
  bool of_node = false;
};

int run_doctor(const common_options& common, const doctor_options& options) {
  findings all;
  if (options.of_node) all = check_running_node(common);
  if (!options.of_node || !options.file.empty()) check_configuration(options.file, all);
  print(all, common.json);
  if (interruption()) return exit_code::interrupted;
  const bool bad = std::any_of(all.begin(), all.end(), [](const finding& f) { return f.how == grade::bad; });
  return bad ? exit_code::failed : exit_code::ok;
}

}  // namespace

void add_doctor(CLI::App& app, const common_options& common) {
  auto* command = app.add_subcommand("doctor", "Check a configuration, this machine and every upstream");
  command->footer(
      "With --url or --admin (or their variables) it is the node there that is checked, and a configuration only if\n"
      "one is named.\n"
      "Exit codes: 0 nothing failed, 1 something did.");
  const auto options = std::make_shared<doctor_options>();
  command->add_option("--config", options->file, "the configuration; without it, the built-in one")->type_name("FILE");
  command->callback([&app, &common, options] {
    options->of_node = app.count("--url") + app.count("--admin") > 0;
    finish(run_doctor(common, *options));
  });
}

}  // namespace holdfast::apps
