#include "persistence/redis/redis_topologies_impl.hpp"

namespace holdfast::persistence {

std::unique_ptr<redis_topology> make_topology(const redis_surroundings& s) {
  switch (s.site.kind) {
    case redis_site::kind::sentinel: return make_sentinel_topology(s);
    case redis_site::kind::cluster: return make_cluster_topology(s);
    case redis_site::kind::server: break;
  }
  return make_server_topology(s);
}

}  // namespace holdfast::persistence
