#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "persistence/redis/redis_topologies_impl.hpp"

namespace holdfast::persistence {

/// The connections to one server, closed with this.
class redis_links {
 public:
  /// Begins to connect.
  redis_links(const redis_surroundings& s, const redis_endpoint& to);
  redis_links(const redis_links&) = delete;
  redis_links& operator=(const redis_links&) = delete;
  ~redis_links();

  /// One that is ready if possible. All but `bulk` go over the same one.
  redis_link& pick(bool bulk);

  const redis_link& first() const noexcept { return *links_[0]; }
  bool has(const redis_link& link) const noexcept;

  /// How many are fit for requests.
  std::size_t ready() const noexcept;

 private:
  std::vector<std::shared_ptr<redis_link>> links_;
  std::size_t next_ = 0;
};

}  // namespace holdfast::persistence
