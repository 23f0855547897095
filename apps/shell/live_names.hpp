#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands/operator_client.hpp"

namespace holdfast::apps {

/// What there is in a cluster at the moment, by the kinds that usage lines name.
class live_names {
 public:
  explicit live_names(std::shared_ptr<operator_client> client) : client_(std::move(client)) {}

  /// Of this kind and beginning so, as far as a node says within a moment: none if it does not.
  std::vector<std::string> of(std::string_view kind, std::string_view begin) const;

 private:
  std::shared_ptr<operator_client> client_;
};

}  // namespace holdfast::apps
