#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace holdfast::actors {

/// A list that one thread at a time makes longer while any thread reads. What is in it stays where it is, until the
/// list goes. A reader has the index from whoever added it, or from `size`.
template <class T>
class growing {
 public:
  static constexpr std::size_t chunk_size = 64, chunks_max = 1024;
  static constexpr std::size_t size_max = chunk_size * chunks_max;

  growing() = default;
  growing(const growing&) = delete;
  growing& operator=(const growing&) = delete;
  ~growing() {
    for (auto& c : chunks_) delete c.load(std::memory_order_relaxed);
  }

  T& operator[](std::size_t i) const noexcept {
    return *(*chunks_[i / chunk_size].load(std::memory_order_acquire))[i % chunk_size];
  }

  std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }

  /// At the end, which is below `size_max`.
  template <class... Args>
  T& add(Args&&... args) {
    const auto at = size_.load(std::memory_order_relaxed);
    auto& c = chunks_[at / chunk_size];
    if (c.load(std::memory_order_relaxed) == nullptr) c.store(new chunk, std::memory_order_release);
    auto& place = (*c.load(std::memory_order_relaxed))[at % chunk_size];
    place = std::make_unique<T>(std::forward<Args>(args)...);
    size_.store(at + 1, std::memory_order_release);
    return *place;
  }

 private:
  using chunk = std::array<std::unique_ptr<T>, chunk_size>;
  std::array<std::atomic<chunk*>, chunks_max> chunks_{};
  std::atomic<std::size_t> size_{0};
};

}  // namespace holdfast::actors
