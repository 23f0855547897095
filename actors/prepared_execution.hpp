#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/machines/execution.hpp"

namespace holdfast::actors {

/// An execution that is put together step by step. While a call carries it out, that call has the state.
struct prepared_execution {
  static constexpr int version = 1;

  std::uint64_t number = 0;  ///< of this session's; its id is SESSION.s<number>
  std::string reference;     ///< of the request that began it: the same one sent again finds it
  machines::execution::state state;
  std::string tool;    ///< as clients know it; empty before one is selected
  std::string params;  ///< raw arguments; empty before they are set
  machines::execution::timestamp began;
  std::vector<machines::execution::transition> history;
  std::string call;           ///< the id of the call that carries it out, or did last: SESSION.NUMBER
  std::string result, error;  ///< raw, of the last call
  bool result_kept = true;    ///< false: it was too large
};

/// As the session's journal holds it. By names, so that states and events may be added.
std::string to_json(const prepared_execution& p);

/// Nothing if it is none, or one of a newer version.
std::optional<prepared_execution> read_prepared(std::string_view json);

/// Its name in the journal.
inline std::string prepared_key(std::uint64_t number) { return "s" + std::to_string(number); }
inline bool is_prepared_key(std::string_view key) noexcept { return key.starts_with('s'); }

}  // namespace holdfast::actors
