// A load generator for MCP servers over Streamable HTTP; `--help` lists the modes. Prints `measuring` when the warm-up
// is over (or `holding` when everything is open) and one line of JSON at the end.
#include <sys/epoll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands/histogram.hpp"
#include "tests/bench/client.hpp"
#include "tests/bench/socket.hpp"

namespace holdfast::bench {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t setup_timeout = 60 * second;
constexpr std::uint64_t answer_timeout = 10 * second;
constexpr std::size_t setups_at_once = 128;

std::uint64_t now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * second + static_cast<std::uint64_t>(t.tv_nsec);
}

struct options {
  std::string url;
  std::size_t connections = 64;
  double duration = 5;
  double warmup = 1;
  double rate = 0;
  std::string hold;
  std::string tool = "echo";
  std::string arguments;
  std::size_t payload = 200;
};

class load {
 public:
  explicit load(options o) : options_(std::move(o)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    target_.server = parse_url(options_.url);
    target_.tool = options_.tool;
    target_.arguments =
        options_.arguments.empty() ? R"({"text":")" + std::string(options_.payload, 'x') + "\"}" : options_.arguments;
  }

  /// Closed loop, or open loop with `rate`. The exit code.
  int run() {
    open(options_.connections);
    if (idle_.size() == options_.connections) {
      measure(options_.warmup);
      std::puts("measuring");
      std::fflush(stdout);
      latencies_.clear();
      late_ = 0;
      measure(options_.duration);
      const auto calls = latencies_.count();
      report(calls);
      finish();
      return calls > 0 && lost_ == 0 ? 0 : 1;
    }
    report(0);
    return 1;
  }

  /// Opens sessions or streams, then waits for the end of the input.
  int hold() {
    const bool streams = options_.hold == "streams";
    open(streams ? options_.connections : std::min(options_.connections, setups_at_once));
    std::size_t held = idle_.size();
    while (lost_ == 0 && held < options_.connections) held += renew(options_.connections - held);
    if (streams) held = open_streams();
    std::printf("holding %zu\n", held);
    std::fflush(stdout);
    report_lost();
    while (std::getchar() != EOF) {
    }
    return held == options_.connections && lost_ == 0 ? 0 : 1;
  }

 private:
  using clients = std::vector<client*>;

  void add_client() {
    auto c = std::make_unique<client>(target_, 1000);
    epoll_event e{};
    // Edge-triggered: writable is reported once, when the connection stands.
    e.events = EPOLLIN | EPOLLOUT | EPOLLET;
    e.data.ptr = c.get();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c->fd(), &e);
    clients_.push_back(std::move(c));
  }

  /// Polls once, until `deadline` at the latest, and hands every client that changed its phase to `changed`.
  template <class F>
  void poll(std::uint64_t deadline, F changed) {
    std::array<epoll_event, 256> ready{};
    const std::uint64_t at = now();
    const std::uint64_t wait = deadline > at ? deadline - at : 0;
    const timespec timeout{static_cast<time_t>(wait / second), static_cast<long>(wait % second)};
    const int count = ::epoll_pwait2(epoll_.get(), ready.data(), static_cast<int>(ready.size()), &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      auto& c = *static_cast<client*>(ready[static_cast<std::size_t>(i)].data.ptr);
      if (c.state() == client::phase::lost) continue;
      if (!c.on_ready()) continue;
      if (c.state() == client::phase::lost) note_lost(c);
      changed(c);
    }
  }

  void note_lost(const client& c) {
    if (lost_++ == 0) reason_ = c.reason();
  }

  void open(std::size_t wanted) {
    const std::uint64_t deadline = now() + setup_timeout;
    while (idle_.size() + lost_ < wanted && now() < deadline) {
      while (clients_.size() < wanted && clients_.size() < idle_.size() + lost_ + setups_at_once) add_client();
      poll(deadline, [&](client& c) {
        if (c.state() == client::phase::idle) idle_.push_back(&c);
      });
    }
  }

  /// Opens up to `wanted` further sessions on the connections there are; how many were opened.
  std::size_t renew(std::size_t wanted) {
    clients busy(idle_.begin(), idle_.begin() + static_cast<std::ptrdiff_t>(std::min(wanted, idle_.size())));
    for (auto* c : busy) c->renew();
    return await(busy.size(), client::phase::idle);
  }

  std::size_t open_streams() {
    std::size_t opened = 0;
    for (std::size_t first = 0; first < idle_.size(); first += setups_at_once) {
      const auto last = std::min(first + setups_at_once, idle_.size());
      for (std::size_t i = first; i < last; ++i) idle_[i]->open_stream();
      opened += await(last - first, client::phase::streaming);
    }
    return opened;
  }

  /// Waits until so many clients have come to a phase or are lost; how many have come.
  std::size_t await(std::size_t wanted, client::phase p) {
    const std::uint64_t deadline = now() + setup_timeout;
    const std::size_t lost_before = lost_;
    std::size_t come = 0;
    while (come + lost_ - lost_before < wanted && now() < deadline) {
      poll(deadline, [&](client& c) { come += c.state() == p; });
    }
    return come;
  }

  void measure(double seconds) {
    const std::uint64_t begin = now();
    const std::uint64_t end = begin + static_cast<std::uint64_t>(seconds * second);
    const std::uint64_t interval = options_.rate > 0 ? static_cast<std::uint64_t>(second / options_.rate) : 0;
    std::uint64_t next_due = begin + interval;
    while (now() < end && lost_ < clients_.size()) {
      start_calls(interval, next_due);
      poll(interval ? std::min(next_due, end) : end, [&](client& c) { finished(c); });
    }
    elapsed_ = now() - begin;
  }

  void start_calls(std::uint64_t interval, std::uint64_t& next_due) {
    const std::uint64_t at = now();
    if (interval == 0) {
      for (auto* c : idle_) start_call(*c, at);
      idle_.clear();
      return;
    }
    for (; next_due <= at; next_due += interval) due_.push_back(next_due);
    while (!due_.empty() && !idle_.empty()) {
      start_call(*idle_.back(), due_.front());
      due_.pop_front();
      idle_.pop_back();
    }
    late_ = std::max(late_, due_.size());
  }

  void start_call(client& c, std::uint64_t due) {
    c.call(due);
    if (c.state() == client::phase::lost) note_lost(c);
  }

  void finished(client& c) {
    if (c.state() != client::phase::idle) return;
    const std::uint64_t at = now();
    latencies_.record(at - c.due());
    // Closed loop: the next call leaves at once, not when the whole batch of events is through.
    if (options_.rate <= 0) return start_call(c, at);
    idle_.push_back(&c);
  }

  /// Lets running calls end and ends the sessions, as a server may keep a process for each.
  void finish() {
    const std::uint64_t deadline = now() + answer_timeout;
    for (auto* c : idle_) c->end();
    std::size_t ended = 0;
    while (ended + lost_ < clients_.size() && now() < deadline) {
      poll(deadline, [&](client& c) {
        if (c.state() == client::phase::idle) c.end();
        ended += c.state() == client::phase::ended;
      });
    }
  }

  void report(std::uint64_t calls) const {
    const double seconds = static_cast<double>(std::max<std::uint64_t>(elapsed_, 1)) / second;
    const auto micros = [this](double part) { return static_cast<double>(latencies_.at(part)) / 1000; };
    std::printf(
        R"({"calls":%llu,"seconds":%.3f,"calls_per_s":%.1f,"p50_us":%.1f,"p99_us":%.1f,"p999_us":%.1f,"max_us":%.1f,)"
        R"("lost":%zu,"late":%zu})"
        "\n",
        static_cast<unsigned long long>(calls), seconds, static_cast<double>(calls) / seconds, micros(0.5),
        micros(0.99), micros(0.999), micros(1), lost_, late_);
    std::fflush(stdout);
    report_lost();
  }

  void report_lost() const {
    if (lost_ > 0) std::fprintf(stderr, "bench_load: %zu connections lost, the first: %s\n", lost_, reason_.c_str());
  }

  options options_;
  target target_;
  descriptor epoll_;
  std::vector<std::unique_ptr<client>> clients_;
  clients idle_;
  std::deque<std::uint64_t> due_;
  apps::histogram latencies_;
  std::uint64_t elapsed_ = 0;
  std::size_t late_ = 0;
  std::size_t lost_ = 0;
  std::string reason_;
};

int run(int argc, char** argv) {
  options o;
  CLI::App app{"Load generator for MCP servers over Streamable HTTP"};
  app.add_option("url", o.url, "the server, http://HOST:PORT/mcp")->required();
  app.add_option("--connections", o.connections,
                 "sessions, each on a connection of its own; with --hold, how many to hold");
  app.add_option("--duration", o.duration, "seconds to measure");
  app.add_option("--warmup", o.warmup, "seconds before that");
  app.add_option("--rate", o.rate, "open loop: calls per second; latency counts from when a call was due");
  app.add_option("--hold", o.hold, "open and hold until the input ends")->check(CLI::IsMember({"sessions", "streams"}));
  app.add_option("--tool", o.tool, "the tool to call");
  app.add_option("--arguments", o.arguments, "its arguments, a JSON object");
  app.add_option("--payload", o.payload, "without --arguments: bytes of text to send");
  CLI11_PARSE(app, argc, argv);
  raise_file_limit();
  load l(o);
  return o.hold.empty() ? l.run() : l.hold();
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) try { return holdfast::bench::run(argc, argv); } catch (const std::exception& e) {
  std::fprintf(stderr, "bench_load: %s\n", e.what());
  return 1;
}
