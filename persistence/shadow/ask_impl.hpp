#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

#include "persistence/store.hpp"

namespace holdfast::persistence::shadow {

/// Awaits an operation of a lane. `start` takes the completion, and is called when the answer is awaited; the coroutine
/// goes on where the completion runs. If that never runs, the coroutine goes with it.
template <class T, class Start>
auto ask(Start start) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(result<T>)>(
      [](auto handler, Start begin) {
        // A completion can be copied, a coroutine cannot.
        const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        begin(completion<T>([kept](result<T> r) { std::move (*kept)(std::move(r)); }));
      },
      boost::asio::use_awaitable, std::move(start));
}

}  // namespace holdfast::persistence::shadow
