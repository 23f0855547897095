#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/simulation/world.hpp"
#include "transport/errc.hpp"
#include "transport/http_client.hpp"
#include "transport/http_server.hpp"

namespace holdfast::simulation {

class process;
class network;
class exchange;

/// A connection, which carries one request after another, and what comes back. It delivers in order; what a cut holds
/// up arrives once that is over.
class connection : public std::enable_shared_from_this<connection> {
 public:
  /// `from` is null for a client outside of the nodes.
  connection(network& n, std::uint64_t number, process* from, int place, std::uint16_t port);

  void send(const std::string& head, std::string body, std::shared_ptr<transport::http_receiver> to);
  bool is_broken() const noexcept { return broken_; }
  bool is_free() const noexcept { return !broken_ && receiver_ == nullptr; }
  bool carries(const transport::http_receiver& r) const noexcept { return receiver_.get() == &r; }
  std::uint64_t number() const noexcept { return number_; }
  std::uint16_t port() const noexcept { return port_; }

  /// The client's side goes, or the whole process there: it hears no more, and the other side is told.
  void leave();

 private:
  friend class exchange;
  friend class network;
  struct way {
    std::deque<std::function<void()>> queue;
    bool moving = false, was_cut = false;
  };

  void move(way connection::*which, std::function<void()> what);
  void pump(way connection::*which);
  void serve(const std::string& head, const std::string& body);
  void tell_client(std::function<void(transport::http_receiver&)> what, bool is_last);
  void lose_server(transport::errc why);

  network& network_;
  const std::uint64_t number_;
  process* const from_;
  const int from_place_, to_place_;
  const std::uint16_t port_;
  process* server_ = nullptr;
  std::shared_ptr<transport::http_receiver> receiver_;
  std::weak_ptr<exchange> serving_;
  way up_, down_;
  bool broken_ = false;
  bool ended_ = false;  // by the client, as far as the server's side has been told
};

class network {
 public:
  explicit network(world& w) : world_(w) {}

  world& in() noexcept { return world_; }
  wires lines;

  /// Who listens at a port; nobody: connections are refused.
  struct listener {
    process* owner = nullptr;
    transport::http_handler* handler = nullptr;
  };
  std::map<std::uint16_t, listener> listeners;

  std::shared_ptr<connection> connect(process* from, int from_place, std::uint16_t port);

  /// The connections from and to a process end with it.
  void forget(process& p);

 private:
  friend class connection;
  world& world_;
  std::uint64_t last_ = 0;
  std::vector<std::weak_ptr<connection>> all_;
};

}  // namespace holdfast::simulation
