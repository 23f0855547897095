#pragma once

#include <string_view>

namespace holdfast::fuzz {

enum class opinion { json, no_json, beyond_limits };

/// What RapidJSON takes `text` for. `beyond_limits`: it knows no numbers beyond a double and no lone surrogates.
opinion other_opinion(std::string_view text);

}  // namespace holdfast::fuzz
