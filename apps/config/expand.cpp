#include "apps/config/expand.hpp"

#include <algorithm>
#include <filesystem>

namespace holdfast::apps {
namespace {

using reason = bad_expansion::reason;
using piece = boost::system::result<std::string, bad_expansion>;

bool is_variable_name(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), is_word);
}

piece variable(std::string_view inner, const environment& env) {
  const auto cut = inner.find(":-");
  const std::string name(inner.substr(0, cut));
  if (!is_variable_name(name))
    return bad_expansion{reason::malformed,
                         "has a ${…} that names no variable: write ${NAME} or ${NAME:-default}, and $$ for a dollar"};
  const auto set = env(name);
  if (cut == std::string_view::npos) {
    if (set) return *set;
    return bad_expansion{reason::unset, "needs the environment variable " + name + ", which is not set (or write ${" +
                                            name + ":-default})"};
  }
  if (set && !set->empty()) return *set;
  const std::string_view fallback = inner.substr(cut + 2);
  if (fallback.find("${") != std::string_view::npos)
    return bad_expansion{reason::unsupported,
                         "has a ${…} within the default of ${" + name + "}, which is not supported"};
  return std::string(fallback);
}

piece client_variable(std::string_view inner, const expansion& how) {
  if (inner == "workspaceFolder") return how.workspace;
  if (inner == "workspaceFolderBasename") return std::filesystem::path(how.workspace).filename().string();
  if (inner == "pathSeparator" || inner == "/") return std::string("/");
  if (inner == "userHome") return variable("HOME", how.env);
  if (inner.starts_with("env:")) return variable(inner.substr(4), how.env);
  if (inner.starts_with("input:"))
    return bad_expansion{
        reason::unsupported,
        "uses ${input:…}, which only an editor can ask for: use ${env:NAME} and set the variable for Holdfast"};
  if (inner.starts_with("command:") || inner.starts_with("config:"))
    return bad_expansion{reason::unsupported, "uses a ${…} that only an editor can fill in: use ${env:NAME}"};
  return variable(inner, how.env);
}

}  // namespace

piece expand(std::string_view text, const expansion& how) {
  std::string out;
  while (!text.empty()) {
    const auto dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    if (how.dollar_escapes && text.starts_with('$')) {
      out += '$';
      text.remove_prefix(1);
    } else if (text.starts_with('{')) {
      const auto end = text.find('}');
      if (end == std::string_view::npos) return bad_expansion{reason::malformed, "has a ${ without its }"};
      const auto inner = text.substr(1, end - 1);
      auto value = how.workspace.empty() ? variable(inner, how.env) : client_variable(inner, how);
      if (!value) return value;
      out += *value;
      text.remove_prefix(end + 1);
    } else {
      out += '$';
    }
  }
  return out;
}

}  // namespace holdfast::apps
