#include "apps/config/config.hpp"

namespace holdfast::apps {

namespace {

/// Relative values of XDG variables are to be ignored, says the XDG Base Directory Specification.
std::filesystem::path folder(const environment& env, const std::string& name) {
  const auto value = env(name);
  return value && value->starts_with('/') ? *value : std::string();
}

}  // namespace

std::filesystem::path state_folder(const environment& env) {
  auto state = folder(env, "XDG_STATE_HOME");
  if (state.empty() && !folder(env, "HOME").empty()) state = folder(env, "HOME") / ".local" / "state";
  return state.empty() ? state : state / "holdfast";
}

std::string default_store(const environment& env) {
  const auto folder = state_folder(env);
  return folder.empty() ? "" : "sqlite:" + (folder / "holdfast.db").string();
}

std::string default_admin_socket(const environment& env) {
  const auto runtime = folder(env, "XDG_RUNTIME_DIR");
  const auto at = runtime.empty() ? state_folder(env) : runtime / "holdfast";
  return at.empty() ? std::string() : at.string() + "/";
}

}  // namespace holdfast::apps
