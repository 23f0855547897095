#include "apps/config/config.hpp"

namespace holdfast::apps {

std::string shown_store(std::string_view url) {
  if (url.starts_with("sqlite:")) return std::string(url);
  if (url.starts_with("unix:")) return std::string(url.substr(0, url.find('?')));
  // The last one: a password may hold what should have been escaped.
  const auto at = url.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  const auto scheme = url.find("://");
  return (scheme < at ? std::string(url.substr(0, scheme + 3)) : std::string()) + std::string(url.substr(at + 1));
}

}  // namespace holdfast::apps
