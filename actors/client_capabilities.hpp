#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {

/// What a client can be asked for, as far as it decides who may share an upstream connection and what an upstream
/// offers.
struct capability_set {
  bool sampling = false, sampling_tools = false, elicitation_form = false, elicitation_url = false, roots = false;

  bool empty() const noexcept { return !sampling && !elicitation_form && !elicitation_url && !roots; }
  /// Dense number of the set, 0 for the empty one, below `count`.
  std::uint8_t index() const noexcept {
    return static_cast<std::uint8_t>(sampling | sampling_tools << 1 | elicitation_form << 2 | elicitation_url << 3 |
                                     roots << 4);
  }
  static constexpr std::size_t count = 32;
  bool operator==(const capability_set&) const = default;

  /// From the `capabilities` object of `initialize`. `elicitation: {}` means form mode.
  static capability_set of(mcp::raw_json capabilities);

  /// The canonical capabilities object that declares this set.
  std::string to_json() const;

  /// True if the client can be sent this request.
  bool covers(mcp::method m, mcp::raw_json params) const;
};

}  // namespace holdfast::actors
