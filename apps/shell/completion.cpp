#include "apps/shell/completion.hpp"

#include <algorithm>

#include "apps/shell/words.hpp"

namespace holdfast::apps {
namespace {

bool is_option(const std::string& word) { return word.size() > 1 && word.front() == '-'; }

/// What stands for a value in the usage, without what the parser adds about checks.
std::string kind_of(const CLI::Option& o) {
  const auto type = o.get_type_name();
  return type.substr(0, type.find(':'));
}

/// Where the words before the last one have led to.
struct place {
  const CLI::App* command;
  const CLI::Option* value_of = nullptr;  ///< an option whose value comes next
  std::size_t arguments = 0;              ///< positional ones that are there
};

const CLI::App* subcommand(const CLI::App& of, const std::string& name) {
  for (const auto* each : of.get_subcommands({}))
    if (each->get_name() == name) return each;
  return nullptr;
}

const CLI::Option* option(const CLI::App& of, const std::string& name) {
  for (const auto* each : of.get_options())
    if (each->check_name(name)) return each;
  return nullptr;
}

place walk(const CLI::App& app, const std::vector<std::string>& words) {
  place at{&app};
  for (const auto& word : words) {
    if (at.value_of != nullptr) {
      at.value_of = nullptr;
    } else if (is_option(word)) {
      const auto* const named = option(*at.command, word.substr(0, word.find('=')));
      const bool takes_more =
          named != nullptr && named->get_items_expected_max() > 0 && word.find('=') == std::string::npos;
      if (takes_more) at.value_of = named;
    } else if (const auto* const next = subcommand(*at.command, word)) {
      at = {next};
    } else if (at.command->get_prefix_command() && subcommand(app, word) != nullptr) {
      at = {subcommand(app, word)};
    } else {
      ++at.arguments;
    }
  }
  return at;
}

const CLI::Option* positional(const CLI::App& command, std::size_t number) {
  for (const auto* each : command.get_options()) {
    if (!each->get_positional()) continue;
    const auto takes = static_cast<std::size_t>(std::max(each->get_items_expected_max(), 1));
    if (number < takes) return each;
    number -= takes;
  }
  return nullptr;
}

std::vector<std::string> values_of(const CLI::Option& o, const std::string& begin, const live_values& live) {
  const auto kind = kind_of(o);
  if (kind.find('|') == std::string::npos) return live(kind, begin);
  std::vector<std::string> words;
  for (std::size_t from = 0; from <= kind.size();) {
    const auto end = std::min(kind.find('|', from), kind.size());
    words.push_back(kind.substr(from, end - from));
    from = end + 1;
  }
  return words;
}

}  // namespace

completion complete(const CLI::App& app, std::string_view line, const live_values& live) {
  completion c;
  auto words = words_of_line(line).value_or(std::vector<std::string>());
  const bool new_word = line.empty() || line.back() == ' ' || line.back() == '\t';
  if (!new_word && !words.empty()) {
    c.begun = words.back();
    words.pop_back();
  }
  const auto at = walk(app, words);
  auto& found = c.candidates;
  if (at.value_of != nullptr) {
    found = values_of(*at.value_of, c.begun, live);
  } else if (is_option(c.begun)) {
    for (const auto* each : at.command->get_options())
      for (const auto& name : each->get_lnames()) found.push_back("--" + name);
  } else {
    if (at.arguments == 0)
      for (const auto* each : at.command->get_subcommands({})) found.push_back(each->get_name());
    if (at.command->get_prefix_command())
      for (const auto* each : app.get_subcommands({})) found.push_back(each->get_name());
    if (const auto* const next = positional(*at.command, at.arguments)) {
      const auto more = values_of(*next, c.begun, live);
      found.insert(found.end(), more.begin(), more.end());
    }
  }
  std::erase_if(found, [&](const std::string& each) { return !each.starts_with(c.begun); });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return c;
}

std::string common_beginning(const std::vector<std::string>& all) {
  if (all.empty()) return "";
  std::string common = all.front();
  for (const auto& each : all) {
    const auto differ = std::mismatch(common.begin(), common.end(), each.begin(), each.end());
    common.erase(differ.first, common.end());
  }
  return common;
}

}  // namespace holdfast::apps
