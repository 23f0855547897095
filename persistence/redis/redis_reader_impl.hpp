#pragma once

#include <hiredis/hiredis.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "persistence/redis/redis_reply.hpp"

namespace holdfast::persistence {

/// Takes a server's bytes apart. Bounded: a reply longer than `bytes_max` or an array of more than `elements_max` is an
/// error. After an error only destruction is of use.
class redis_reader {
 public:
  static constexpr std::size_t elements_max = 1U << 20U;

  explicit redis_reader(std::size_t bytes_max = 256U << 20U);

  /// Takes bytes. False: they are no replies, see `error`.
  bool feed(std::string_view bytes);

  /// The next reply, valid until the next call; null if more bytes are needed or after an error.
  redis_reply* next();

  const std::string& error() const noexcept { return error_; }

 private:
  struct freed {
    void operator()(redisReader* r) const noexcept { ::redisReaderFree(r); }
  };

  void fail(std::string why);

  const std::size_t bytes_max_;
  std::unique_ptr<redisReader, freed> reader_;
  redis_reply root_;
  std::string error_;
};

}  // namespace holdfast::persistence
