#include "actors/admin/json.hpp"

#include <array>
#include <ctime>

namespace holdfast::actors::admin {

using std::chrono::milliseconds;

json_object& json_object::raw(std::string_view name, std::string_view value) {
  if (text_.size() > 1) text_ += ',';
  text_.append(mcp::quote(name)).append(":").append(value);
  return *this;
}

json_object& json_object::text(std::string_view name, std::string_view value) { return raw(name, mcp::quote(value)); }

json_object& json_object::text_or_null(std::string_view name, std::string_view value) {
  return value.empty() ? raw(name, "null") : text(name, value);
}

json_object& json_object::flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }

json_object& json_object::texts(std::string_view name, const std::vector<std::string>& values) {
  return raw(name, json_texts(values));
}

json_object& json_object::list(std::string_view name, const std::vector<std::string>& raw_values) {
  return raw(name, json_list(raw_values));
}

std::string json_list(const std::vector<std::string>& raw_values) {
  std::string all = "[";
  for (const auto& v : raw_values) {
    if (all.size() > 1) all += ',';
    all += v;
  }
  return all + "]";
}

std::string json_texts(const std::vector<std::string>& values) {
  std::vector<std::string> quoted;
  for (const auto& v : values) quoted.push_back(mcp::quote(v));
  return json_list(quoted);
}

bool flag_of(mcp::raw_json object, std::string_view name) { return mcp::member(object, name) == "true"; }

std::vector<mcp::raw_json> list_of(mcp::raw_json object, std::string_view name) {
  const auto found = mcp::elements(mcp::member(object, name));
  return found ? *found : std::vector<mcp::raw_json>();
}

std::string without(mcp::raw_json object, std::string_view name) { return mcp::with_member(object, name, {}); }

std::string time_text(std::chrono::sys_time<milliseconds> at) {
  const auto since = at.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const std::time_t whole = seconds.count();
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::array<char, 40> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto rest = std::to_string(1000 + (since - seconds) / milliseconds{1});
  return std::string(text.data(), size) + "." + rest.substr(1) + "Z";
}

std::string time_now() { return time_text(std::chrono::floor<milliseconds>(std::chrono::system_clock::now())); }

}  // namespace holdfast::actors::admin
