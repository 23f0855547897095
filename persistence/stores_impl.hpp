#pragma once

#include <memory>

#include "persistence/store.hpp"

/// The stores there are, one function a file. Each takes a URL of its own schemes, as `store::open` describes them, and
/// answers `rejected` with what would be right if the URL is malformed.
namespace holdfast::persistence {

result<std::unique_ptr<store>> open_memory(const store_options& o);
result<std::unique_ptr<store>> open_sqlite(const store_options& o);
result<std::unique_ptr<store>> open_redis(const store_options& o);

}  // namespace holdfast::persistence
