// How fast sessions come back that a node has to read from the store. Opens sessions and prints `holding N`; reads the
// URL of the node that has taken the place of the first from its input; then sends every session a `ping`: to some of
// them one at a time (and once more, when they are back), to the others many at once. Prints one line of JSON.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands/histogram.hpp"
#include "tests/bench/client_pool.hpp"
#include "tests/bench/socket.hpp"

namespace holdfast::bench {
namespace {

constexpr std::uint64_t answer_timeout = 10 * second;

struct options {
  std::string url;
  std::size_t sessions = 10'000;
  std::size_t calls = 0;
  std::size_t alone = 2'000;
  std::size_t at_once = 64;
};

using names = std::vector<std::string>;

/// What names each of the sessions that were opened; fewer than wanted if a connection was lost.
names open_sessions(const target& t, const options& o) {
  client_pool pool(t);
  pool.open(std::min(o.sessions, client_pool::setups_at_once));
  names opened;
  for (std::size_t fresh = pool.idle().size(); fresh > 0 && pool.lost() == 0;) {
    for (std::size_t made = 0; made < o.calls; ++made) {
      for (std::size_t i = 0; i < fresh; ++i) pool.idle()[i]->call(now());
      if (pool.await(fresh, client::phase::idle) != fresh) return opened;
    }
    for (std::size_t i = 0; i < fresh; ++i) opened.push_back(pool.idle()[i]->session_headers());
    fresh = pool.renew(o.sessions - opened.size());
  }
  pool.report_lost();
  return opened;
}

struct measured {
  apps::histogram latencies;
  std::uint64_t took = 0;
  std::size_t lost = 0;
};

/// Pings each of them once, so many at a time.
measured ping_all(client_pool& pool, const names& sessions) {
  measured m;
  std::size_t next = 0;
  const auto go_on = [&](client& c) {
    if (next == sessions.size()) return;
    c.use(sessions[next++]);
    c.ping(now());
    pool.note(c);
  };
  const std::uint64_t begin = now();
  for (auto* c : pool.idle()) go_on(*c);
  std::uint64_t deadline = now() + answer_timeout;
  while (m.latencies.count() < sessions.size() && pool.lost() == 0 && now() < deadline) {
    pool.poll(deadline, [&](client& c) {
      if (c.state() != client::phase::idle) return;
      const std::uint64_t at = now();
      deadline = at + answer_timeout;
      m.latencies.record(at - c.due());
      go_on(c);
    });
  }
  m.took = now() - begin;
  m.lost = sessions.size() - m.latencies.count();
  return m;
}

void print(const char* name, const measured& m) {
  const auto micros = [&m](double part) { return static_cast<double>(m.latencies.at(part)) / 1000; };
  const auto count = static_cast<unsigned long long>(m.latencies.count());
  const double seconds = static_cast<double>(std::max<std::uint64_t>(m.took, 1)) / second;
  std::printf(R"("%s":{"count":%llu,"lost":%zu,"per_s":%.1f,"p50_us":%.1f,"p99_us":%.1f,"max_us":%.1f})", name, count,
              m.lost, static_cast<double>(count) / seconds, micros(0.5), micros(0.99), micros(1));
}

int run(int argc, char** argv) {
  options o;
  CLI::App app{"How fast sessions come back that a node has to read from the store"};
  app.add_option("url", o.url, "the node in which the sessions are opened, http://HOST:PORT/mcp")->required();
  app.add_option("--sessions", o.sessions, "how many to open");
  app.add_option("--calls", o.calls, "calls that each of them makes before the node goes");
  app.add_option("--alone", o.alone, "how many of them come back one at a time");
  app.add_option("--at-once", o.at_once, "how many of the others at a time");
  CLI11_PARSE(app, argc, argv);
  raise_file_limit();

  target before;
  before.server = parse_url(o.url);
  before.arguments = R"({"text":")" + std::string(200, 'x') + "\"}";
  const auto sessions = open_sessions(before, o);
  std::printf("holding %zu\n", sessions.size());
  std::fflush(stdout);
  std::string url;
  if (sessions.size() != o.sessions || !std::getline(std::cin, url)) return 1;

  target after;
  after.server = parse_url(url);
  const auto split = sessions.begin() + static_cast<std::ptrdiff_t>(std::min(o.alone, sessions.size()));
  client_pool one(after), many(after);
  one.open(1);
  many.open(o.at_once);
  const auto alone = ping_all(one, names(sessions.begin(), split));
  const auto again = ping_all(one, names(sessions.begin(), split));
  const auto together = ping_all(many, names(split, sessions.end()));
  one.report_lost();
  many.report_lost();
  std::printf("{");
  print("alone", alone);
  std::printf(",");
  print("again", again);
  std::printf(",");
  print("together", together);
  std::printf("}\n");
  return alone.lost + again.lost + together.lost == 0 ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) try { return holdfast::bench::run(argc, argv); } catch (const std::exception& e) {
  std::fprintf(stderr, "bench_rehydration: %s\n", e.what());
  return 1;
}
