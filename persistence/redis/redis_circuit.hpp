#pragma once

namespace holdfast::persistence {

/// Whether it is worth asking at all. Opens when several operations in a row found the server unavailable until their
/// deadline; closes when anything was answered.
class redis_circuit {
 public:
  static constexpr unsigned failures_max = 3;

  bool is_open() const noexcept { return failures_ >= failures_max; }

  /// True if this opened it.
  bool on_unavailable() noexcept { return ++failures_ == failures_max; }

  void on_answered() noexcept { failures_ = 0; }

 private:
  unsigned failures_ = 0;
};

}  // namespace holdfast::persistence
