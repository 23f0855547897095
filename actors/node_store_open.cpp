#include <algorithm>
#include <system_error>
#include <utility>

#include "actors/node_store.hpp"
#include "persistence/shadow_store.hpp"

namespace holdfast::actors {
namespace {

transport::failure failure_of(const std::string& detail) {
  return {std::make_error_code(std::errc::io_error), "store: " + detail};
}

}  // namespace

transport::outcome<std::unique_ptr<node_store>> node_store::open(const store_config& c) {
  if (c.primary.url == "memory:" && c.shadow.empty()) return std::unique_ptr<node_store>();
  persistence::encoding_options texts;
  texts.format = c.format;
  texts.compress_above = c.compress_above;
  if (!c.keys.empty()) {
    auto keys = persistence::read_keys(c.keys);
    if (!keys) return failure_of("keys: " + keys.error().detail);
    texts.keys = std::move(*keys);
  }
  auto options = c.primary;
  // What waits for a commit is told of a failure when the commit is.
  options.deadline = std::min(options.deadline, c.hold_timeout);
  auto opened = persistence::store::open(options);
  if (!opened) return failure_of(opened.error().detail);
  if (!c.shadow.empty()) {
    auto shadowed = options;
    shadowed.url = c.shadow;
    shadowed.wait_replicas = 0;
    auto shadow = persistence::store::open(shadowed);
    if (!shadow) return failure_of("the shadow: " + shadow.error().detail);
    *opened = persistence::with_shadow(std::move(*opened), std::move(*shadow));
  }
  return std::make_unique<node_store>(std::move(*opened), persistence::encoding(std::move(texts)),
                                      c.on_loss == on_store_loss::degrade, options.deadline);
}

}  // namespace holdfast::actors
