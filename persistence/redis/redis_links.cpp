#include <algorithm>

#include "persistence/redis/redis_links_impl.hpp"

namespace holdfast::persistence {

redis_links::redis_links(const redis_surroundings& s, const redis_endpoint& to) {
  for (std::size_t i = 0; i < std::max<std::size_t>(s.connections, 1); ++i)
    links_.push_back(std::make_shared<redis_link>(s.context, to, s.link, s.link_events));
  for (const auto& link : links_) link->start();
}

redis_links::~redis_links() {
  for (const auto& link : links_) link->close();
}

redis_link& redis_links::pick(bool bulk) {
  if (!bulk || links_.size() == 1) return *links_[0];
  next_ = next_ % (links_.size() - 1) + 1;
  return links_[next_]->is_ready() ? *links_[next_] : *links_[0];
}

bool redis_links::has(const redis_link& link) const noexcept {
  return std::any_of(links_.begin(), links_.end(), [&](const auto& l) { return l.get() == &link; });
}

std::size_t redis_links::ready() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(links_.begin(), links_.end(), [](const auto& link) { return link->is_ready(); }));
}

}  // namespace holdfast::persistence
