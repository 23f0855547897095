#include "apps/config/store_keys.hpp"

#include <algorithm>
#include <string_view>

#include "persistence/redis/redis_url.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using actors::store_config;

constexpr std::size_t prefix_bytes_max = 64;
constexpr std::uint64_t gib = 1u << 30;
constexpr std::string_view redis_schemes[] = {"redis://", "rediss://", "unix:", "redis+sentinel://",
                                              "redis+cluster://"};

bool is_redis(std::string_view url) {
  return std::any_of(std::begin(redis_schemes), std::end(redis_schemes),
                     [&](std::string_view scheme) { return url.starts_with(scheme); });
}

/// What is wrong with a URL of a store, in words that do not show it; empty if nothing is.
std::string url_objection(std::string_view url) {
  if (url == "memory:") return "";
  if (url.starts_with("memory:")) return "must be `memory:` with nothing after it";
  if (url.starts_with("sqlite://")) return "must be sqlite:PATH, without `//` before the path";
  if (url == "sqlite:") return "must name a file: sqlite:PATH";
  if (url.starts_with("sqlite:")) return "";
  if (!is_redis(url))
    return "must begin with memory:, sqlite:PATH, redis://, rediss://, unix:PATH, redis+sentinel:// or "
           "redis+cluster://";
  const auto site = persistence::parse_redis_url(url);
  if (site) return "";
  // What it says of those may be a piece of a password that holds a `&`.
  if (url.starts_with("unix:")) return "must be unix:PATH, of which ?db=N&user=U&password=P may follow";
  return "cannot be used: " + site.error().detail;
}

void read_url(const value& v, std::string& url) {
  auto text = v.text();
  if (!text) return;
  if (const auto objection = url_objection(*text); !objection.empty()) return v.wrong(objection);
  url = std::move(*text);
}

void read_shadow(const value& v, store_config& s) {
  if (const auto text = v.text(); text && text->empty()) {
    s.shadow.clear();
  } else if (text) {
    read_url(v, s.shadow);
  }
}

void read_prefix(const value& v, store_config& s) {
  const auto text = v.text();
  if (!text) return;
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || "-_.:"sv.find(c) != ""sv.npos;
  };
  if (text->empty() || text->size() > prefix_bytes_max || !std::all_of(text->begin(), text->end(), fits))
    return v.wrong(v.shown() + " must be 1 to 64 letters, digits, `-`, `_`, `.` or `:`");
  s.primary.prefix = *text;
}

/// The value is not shown: it might be a key itself.
void read_keys_place(const value& v, store_config& s) {
  const auto text = v.text();
  if (!text) return;
  const auto is_place = [&](std::string_view kind) { return text->starts_with(kind) && text->size() > kind.size(); };
  if (!text->empty() && !is_place("file:") && !is_place("env:")) return v.wrong("must be file:PATH or env:NAME");
  s.keys = *text;
}

}  // namespace

const keys<store_config>& store_keys() {
  using T = store_config;
  static const keys<T> table = {
      {"url", [](const value& v, T& s) { read_url(v, s.primary.url); }, {}},
      {"prefix", read_prefix, {}},
      text<T>(
          "ca_file", [](T & s) -> auto& { return s.primary.ca_file; }),
      number<T>(
          "connections", [](T & s) -> auto& { return s.primary.connections; }, 1, 64),
      number<T>(
          "wait_replicas", [](T & s) -> auto& { return s.primary.wait_replicas; }, 0, 16),
      duration<T>(
          "deadline", [](T & s) -> auto& { return s.primary.deadline; }, 10ms, 10min),
      number<T>(
          "waiting_max", [](T & s) -> auto& { return s.primary.waiting_max; }, 1, 10'000'000),
      duration<T>("hold_timeout", &T::hold_timeout, 0ms, 1h),
      {"shadow", read_shadow, {}},
      choice<persistence::text_format, T>("format", &T::format, {"json", "msgpack"}),
      size<T>("compress_above", &T::compress_above, 0, gib),
      {"keys", read_keys_place, {}},
  };
  return table;
}

void read_store(const value& v, store_config& into) {
  if (!v.is_map() && !v.is_null()) return read_url(v, into.primary.url);
  read_section(v, into, store_keys());
  if (into.primary.wait_replicas > 0 && !is_redis(into.primary.url))
    v.wrong_key("has `wait_replicas`, which is for Redis, but its `url` names none");
  if (!into.shadow.empty() && into.shadow == into.primary.url)
    v.wrong_key("has a `shadow` that is the same store as its `url`");
}

}  // namespace holdfast::apps
