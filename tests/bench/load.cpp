// A load generator for MCP servers over Streamable HTTP; `--help` lists the modes. Prints `measuring` when the warm-up
// is over (or `holding` when everything is open) and one line of JSON at the end.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <exception>
#include <string>

#include "apps/commands/histogram.hpp"
#include "tests/bench/client_pool.hpp"
#include "tests/bench/socket.hpp"

namespace holdfast::bench {
namespace {

constexpr std::uint64_t answer_timeout = 10 * second;

struct options {
  std::string url;
  std::size_t connections = 64;
  double duration = 5;
  double warmup = 1;
  double rate = 0;
  std::string hold;
  std::size_t calls = 0;
  std::string tool = "echo";
  std::string arguments;
  std::size_t payload = 200;
};

class load {
 public:
  explicit load(options o) : options_(std::move(o)), clients_(target_) {
    target_.server = parse_url(options_.url);
    target_.tool = options_.tool;
    target_.arguments =
        options_.arguments.empty() ? R"({"text":")" + std::string(options_.payload, 'x') + "\"}" : options_.arguments;
  }

  /// Closed loop, or open loop with `rate`. The exit code.
  int run() {
    clients_.open(options_.connections);
    if (idle().size() == options_.connections) {
      measure(options_.warmup);
      std::puts("measuring");
      std::fflush(stdout);
      latencies_.clear();
      late_ = 0;
      measure(options_.duration);
      const auto calls = latencies_.count();
      report(calls);
      finish();
      return calls > 0 && clients_.lost() == 0 ? 0 : 1;
    }
    report(0);
    return 1;
  }

  /// Opens sessions or streams, then waits for the end of the input.
  int hold() {
    const bool streams = options_.hold == "streams";
    clients_.open(streams ? options_.connections : std::min(options_.connections, client_pool::setups_at_once));
    std::size_t held = idle().size();
    call_some(held);
    while (clients_.lost() == 0 && held < options_.connections) {
      const auto opened = clients_.renew(options_.connections - held);
      call_some(opened);
      held += opened;
    }
    if (streams) held = open_streams();
    std::printf("holding %zu\n", held);
    std::fflush(stdout);
    clients_.report_lost();
    while (std::getchar() != EOF) {
    }
    return held == options_.connections && clients_.lost() == 0 ? 0 : 1;
  }

 private:
  client_pool::clients& idle() { return clients_.idle(); }

  /// Every one of the first so many sessions makes as many calls as were asked for.
  void call_some(std::size_t sessions) {
    for (std::size_t made = 0; made < options_.calls && clients_.lost() == 0; ++made) {
      for (std::size_t i = 0; i < sessions; ++i) start_call(*idle()[i], now());
      clients_.await(sessions, client::phase::idle);
    }
  }

  std::size_t open_streams() {
    std::size_t opened = 0;
    for (std::size_t first = 0; first < idle().size(); first += client_pool::setups_at_once) {
      const auto last = std::min(first + client_pool::setups_at_once, idle().size());
      for (std::size_t i = first; i < last; ++i) {
        idle()[i]->open_stream();
        clients_.note(*idle()[i]);
      }
      opened += clients_.await(last - first, client::phase::streaming);
    }
    return opened;
  }

  void measure(double seconds) {
    const std::uint64_t begin = now();
    const std::uint64_t end = begin + static_cast<std::uint64_t>(seconds * second);
    const std::uint64_t interval = options_.rate > 0 ? static_cast<std::uint64_t>(second / options_.rate) : 0;
    std::uint64_t next_due = begin + interval;
    while (now() < end && clients_.lost() < clients_.size()) {
      start_calls(interval, next_due);
      clients_.poll(interval ? std::min(next_due, end) : end, [&](client& c) { finished(c); });
    }
    elapsed_ = now() - begin;
  }

  void start_calls(std::uint64_t interval, std::uint64_t& next_due) {
    const std::uint64_t at = now();
    if (interval == 0) {
      for (auto* c : idle()) start_call(*c, at);
      idle().clear();
      return;
    }
    for (; next_due <= at; next_due += interval) due_.push_back(next_due);
    while (!due_.empty() && !idle().empty()) {
      start_call(*idle().back(), due_.front());
      due_.pop_front();
      idle().pop_back();
    }
    late_ = std::max(late_, due_.size());
  }

  void start_call(client& c, std::uint64_t due) {
    c.call(due);
    clients_.note(c);
  }

  void finished(client& c) {
    if (c.state() != client::phase::idle) return;
    const std::uint64_t at = now();
    latencies_.record(at - c.due());
    // Closed loop: the next call leaves at once, not when the whole batch of events is through.
    if (options_.rate <= 0) return start_call(c, at);
    idle().push_back(&c);
  }

  /// Lets running calls end and ends the sessions, as a server may keep a process for each.
  void finish() {
    const std::uint64_t deadline = now() + answer_timeout;
    for (auto* c : idle()) c->end();
    std::size_t ended = 0;
    while (ended + clients_.lost() < clients_.size() && now() < deadline) {
      clients_.poll(deadline, [&](client& c) {
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
        micros(0.99), micros(0.999), micros(1), clients_.lost(), late_);
    std::fflush(stdout);
    clients_.report_lost();
  }

  options options_;
  target target_;
  client_pool clients_;
  std::deque<std::uint64_t> due_;
  apps::histogram latencies_;
  std::uint64_t elapsed_ = 0;
  std::size_t late_ = 0;
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
  app.add_option("--calls", o.calls, "calls that every session makes before it is held");
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
