#include "tests/bench/client_pool.hpp"

#include <algorithm>
#include <cstdio>

namespace holdfast::bench {

std::uint64_t now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * second + static_cast<std::uint64_t>(t.tv_nsec);
}

client_pool::client_pool(const target& t) : target_(t), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

void client_pool::add() {
  auto c = std::make_unique<client>(target_, 1000);
  epoll_event e{};
  // Edge-triggered: writable is reported once, when the connection stands.
  e.events = EPOLLIN | EPOLLOUT | EPOLLET;
  e.data.ptr = c.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c->fd(), &e);
  all_.push_back(std::move(c));
}

void client_pool::open(std::size_t wanted) {
  const std::uint64_t deadline = now() + setup_timeout;
  while (idle_.size() + lost_ < wanted && now() < deadline) {
    while (all_.size() < wanted && all_.size() < idle_.size() + lost_ + setups_at_once) add();
    poll(deadline, [&](client& c) {
      if (c.state() == client::phase::idle) idle_.push_back(&c);
    });
  }
}

std::size_t client_pool::renew(std::size_t wanted) {
  const clients busy(idle_.begin(), idle_.begin() + static_cast<std::ptrdiff_t>(std::min(wanted, idle_.size())));
  for (auto* c : busy) {
    c->renew();
    note(*c);
  }
  return await(busy.size(), client::phase::idle);
}

std::size_t client_pool::await(std::size_t wanted, client::phase p) {
  const std::uint64_t deadline = now() + setup_timeout;
  std::size_t come = 0;
  while (come < wanted && lost_ == 0 && now() < deadline) {
    poll(deadline, [&](client& c) { come += c.state() == p; });
  }
  return come;
}

void client_pool::note(const client& c) {
  if (c.state() == client::phase::lost && lost_++ == 0) reason_ = c.reason();
}

void client_pool::report_lost() const {
  if (lost_ > 0) std::fprintf(stderr, "%zu connections lost, the first: %s\n", lost_, reason_.c_str());
}

}  // namespace holdfast::bench
