#include "actors/shared_records.hpp"

#include "actors/node_context.hpp"
#include "actors/registry.hpp"

namespace holdfast::actors {

void tell_versions(const node_context& node, beat& to) {
  to.breakers = node.circuits->version();
  to.cache = node.cache_keys->version();
  if (node.registry) to.upstreams = node.registry->version();
}

void hear_versions(node_context& node, const beat& from) {
  node.circuits->heard(from.breakers);
  node.cache_keys->heard(from.cache);
  if (node.registry) node.registry->heard(from.upstreams);
}

}  // namespace holdfast::actors
