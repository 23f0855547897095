#include <algorithm>
#include <array>
#include <cctype>

#include "persistence/stores_impl.hpp"

namespace holdfast::persistence {
namespace {

constexpr std::string_view right_ones =
    "write memory:, sqlite:PATH, redis://HOST[:PORT][/DB], rediss://…, unix:PATH, redis+sentinel://HOSTS/MASTER or "
    "redis+cluster://HOSTS";

struct kind_of_store {
  std::string_view start;
  result<std::unique_ptr<store>> (*open)(const store_options&);
};

constexpr std::array kinds{
    kind_of_store{"memory:", open_memory},
    kind_of_store{"sqlite:", open_sqlite},
    kind_of_store{"redis://", open_redis},
    kind_of_store{"rediss://", open_redis},
    kind_of_store{"unix:", open_redis},
    kind_of_store{"redis+sentinel://", open_redis},
    kind_of_store{"redis+cluster://", open_redis},
};

// The scheme alone, and only of what surely is a URL: a word before a lone colon may be a user's name.
std::string what_is_wrong(std::string_view url) {
  if (url.empty()) return "no store is given";
  const auto of_scheme = [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '-' || c == '.'; };
  const auto scheme = url.substr(0, url.find("://"));
  if (scheme.size() < url.size() && !scheme.empty() && scheme.size() <= 32 && std::ranges::all_of(scheme, of_scheme))
    return "no store goes by the scheme " + std::string(scheme);
  return "the URL of the store starts with no known scheme";
}

}  // namespace

result<std::unique_ptr<store>> store::open(const store_options& o) {
  const auto found = std::ranges::find_if(kinds, [&](const auto& k) { return o.url.starts_with(k.start); });
  if (found != kinds.end()) return found->open(o);
  return store_failure{store_errc::rejected, what_is_wrong(o.url) + ": " + std::string(right_ones)};
}

}  // namespace holdfast::persistence
