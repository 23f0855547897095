#include "apps/config/config.hpp"

namespace holdfast::apps {

std::filesystem::path state_folder(const environment& env) {
  // Relative values of XDG variables are to be ignored, says the XDG Base Directory Specification.
  const auto folder = [&](const std::string& name) -> std::filesystem::path {
    const auto value = env(name);
    return value && value->starts_with('/') ? *value : std::string();
  };
  auto state = folder("XDG_STATE_HOME");
  if (state.empty() && !folder("HOME").empty()) state = folder("HOME") / ".local" / "state";
  return state.empty() ? state : state / "holdfast";
}

std::string default_store(const environment& env) {
  const auto folder = state_folder(env);
  return folder.empty() ? "" : "sqlite:" + (folder / "holdfast.db").string();
}

}  // namespace holdfast::apps
