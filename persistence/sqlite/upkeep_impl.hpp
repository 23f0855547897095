#pragma once

#include <chrono>
#include <optional>

#include "persistence/sqlite/tables_impl.hpp"

namespace holdfast::persistence::sqlite {

/// The work nobody asks for, in steps of a few milliseconds: removes what has expired, gives free pages back to the
/// file system, copies the log into the file. On the writer's thread, between transactions.
class upkeep {
 public:
  using clock = std::chrono::steady_clock;

  upkeep(tables& of, clock::time_point now);

  /// When the next step should be taken if nothing else is to be done.
  clock::time_point due() const noexcept { return due_; }

  /// To be asked after every transaction: the log must not grow without end.
  bool urgent(clock::time_point now) const noexcept;

  /// `idle`: nothing waits. `probe`: the last transaction failed, so one that writes is wanted.
  std::optional<store_failure> step(clock::time_point now, bool idle, bool probe);

 private:
  bool sweep();
  bool shrink();
  void copy_log(clock::time_point now);

  tables& of_;
  clock::time_point due_;
  clock::time_point copy_again_{};  // not before, since the last time brought little
};

}  // namespace holdfast::persistence::sqlite
