#include "actors/drain.hpp"

#include <caf/send.hpp>
#include <future>
#include <memory>
#include <thread>

#include "actors/ingress.hpp"
#include "actors/node_context.hpp"

namespace holdfast::actors {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds step{5};             // between two looks
constexpr milliseconds notice_time{1'000};  // a balancer asks a few times a second
constexpr milliseconds count_time{1'000};   // an ingress that has failed does not count any more

std::size_t unanswered(const node_context& node) {
  std::size_t all = 0;
  for (const auto& ingress : node.ingresses) {
    const auto counted = std::make_shared<std::promise<std::size_t>>();
    auto count = counted->get_future();
    caf::anon_send(ingress, ingress_count{[counted](std::size_t n) { counted->set_value(n); }});
    if (count.wait_for(count_time) == std::future_status::ready) all += count.get();
  }
  return all;
}

void tell(const node_context& node, drain_step what) {
  for (const auto& ingress : node.ingresses) caf::anon_send(ingress, ingress_drain{what});
}

}  // namespace

void drain(node_context& node, const std::atomic<bool>& hurry) {
  const auto began = clock::now();
  const auto waits = [&] {
    if (hurry || clock::now() >= began + node.config.drain_timeout) return false;
    if (node.calls.all == 0 && unanswered(node) == 0) return false;
    std::this_thread::sleep_for(step);
    return true;
  };
  tell(node, drain_step::finish);
  for (bool refuses = false; waits();) {
    if (!refuses && clock::now() - began >= notice_time) {
      refuses = true;
      tell(node, drain_step::refuse);
    }
  }
  tell(node, drain_step::close);
  while (waits()) continue;
}

void await_answers(const node_context& node, milliseconds at_most) {
  for (const auto end = clock::now() + at_most; unanswered(node) > 0 && clock::now() < end;)
    std::this_thread::sleep_for(step);
}

}  // namespace holdfast::actors
