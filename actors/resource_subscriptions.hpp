#pragma once

#include <caf/actor.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "actors/messages.hpp"

namespace holdfast::actors {

/// The resources that sessions want to hear of through one connection; the upstream knows one subscriber only, the
/// connection. Kept by the upstream's actor, which also talks to the upstream.
class resource_subscriptions {
 public:
  enum class added : std::uint8_t {
    first,    ///< the upstream has to be asked; `settle` ends the wait
    waiting,  ///< it has been asked already
    stands,   ///< it has agreed already
  };
  /// Unless the subscription stands already, `m` is kept for `settle`.
  added add(const subscribe& m);

  /// One that stood elsewhere: nobody waits for the upstream to agree. True if it stands here, too.
  bool restore(const std::string& uri, const caf::actor& who);

  /// Tells a subscription from an earlier one of the same URI; 0 if there is none.
  std::uint64_t number_of(const std::string& uri) const;

  /// The upstream has agreed, or there will be no subscription. Returns whom to tell. Of no effect on another number.
  std::vector<subscribe> settle(const std::string& uri, std::uint64_t number, bool agreed);

  struct removed {
    std::vector<subscribe> waiting;  ///< those of the leaving subscriber that were still waiting
    bool last = false;               ///< nobody is left: the upstream can be told
  };
  removed remove(const std::string& uri, const caf::actor& who);

  const std::vector<caf::actor>& holders(const std::string& uri) const;
  std::vector<std::string> uris() const;
  /// Those that stand: a new connection to the upstream has to ask for them again.
  std::vector<std::string> agreed() const;
  bool empty() const noexcept { return by_uri_.empty(); }

 private:
  struct entry {
    std::vector<caf::actor> holders;  // never empty
    std::vector<subscribe> waiting;
    std::uint64_t number = 0;
    bool agreed = false;
  };
  std::map<std::string, entry> by_uri_;
  std::uint64_t last_ = 0;
};

}  // namespace holdfast::actors
