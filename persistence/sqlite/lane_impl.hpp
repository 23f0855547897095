#pragma once

#include <cstddef>
#include <memory>

#include "persistence/sqlite/writer_impl.hpp"
#include "persistence/store.hpp"

namespace holdfast::persistence::sqlite {

/// `to` outlives the lane.
std::unique_ptr<store_lane> make_lane(boost::asio::io_context& on, writer& to, std::size_t waiting_max);

}  // namespace holdfast::persistence::sqlite
