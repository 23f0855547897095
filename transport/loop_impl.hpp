#pragma once

#include <boost/asio/io_context.hpp>

#include "transport/loop.hpp"

namespace holdfast::transport {

/// The context that `l`, made by `loop::create`, runs. One thread runs it; everything bound to it needs no strand.
boost::asio::io_context& context_of(loop& l) noexcept;

}  // namespace holdfast::transport
