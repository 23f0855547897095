#include "persistence/redis/redis_topologies_impl.hpp"

namespace holdfast::persistence {

bool has_topology(enum redis_site::kind k) noexcept { return k == redis_site::kind::server; }

std::unique_ptr<redis_topology> make_topology(const redis_surroundings& s) {
  switch (s.site.kind) {
    case redis_site::kind::server: return make_server_topology(s);
    case redis_site::kind::sentinel:
    case redis_site::kind::cluster: break;
  }
  return nullptr;
}

}  // namespace holdfast::persistence
