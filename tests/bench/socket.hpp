#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::bench {

/// A file descriptor with an owner.
class descriptor {
 public:
  explicit descriptor(int fd = -1) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept;
  ~descriptor();

  int get() const { return fd_; }

 private:
  int fd_;
};

/// Where a server listens: an IPv4 address.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;
  std::string path;
};

/// Takes `http://HOST:PORT/PATH` apart; throws std::invalid_argument if it is none.
endpoint parse_url(std::string_view url);

/// A listener on the loopback interface; port 0 lets the system choose. Throws std::system_error.
descriptor listen_on(std::uint16_t port);
std::uint16_t port_of(const descriptor& listener);

/// A connection being set up; becomes writable when it stands. Throws std::system_error.
descriptor connect_to(const endpoint& server);

/// Raises the limit of open files as far as allowed and returns it.
std::uint64_t raise_file_limit();

}  // namespace holdfast::bench
