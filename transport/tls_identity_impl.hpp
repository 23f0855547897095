#pragma once

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "transport/tls_identity.hpp"

namespace holdfast::transport {

/// The two sides of an identity as it was read. Connections keep what they were made with.
struct tls_contexts {
  boost::asio::ssl::context server{boost::asio::ssl::context::tls_server};
  boost::asio::ssl::context client{boost::asio::ssl::context::tls_client};
  std::atomic<bool> replaced{false};  ///< the files have changed since
};

/// What new connections of `of`, made by `tls_identity::load`, are to use. Any thread.
std::shared_ptr<tls_contexts> contexts_of(tls_identity& of);

}  // namespace holdfast::transport
