// bench_store_commits URL [OUTSTANDING [SECONDS [SERVER_PID]]]
// So many entities commit to a store without end, each the next as soon as the one before has been answered: a journal
// entry of 400 bytes is set and the one before it dropped. Prints one line of JSON.
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <list>
#include <sstream>
#include <string>

#include "persistence/store.hpp"

namespace {

using namespace holdfast::persistence;
using clock_type = std::chrono::steady_clock;

double own_cpu_seconds() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

/// 0 if there is no such process.
double cpu_seconds(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(std::min(text.find(") ") + 1, text.size())));
  std::string skipped;
  double user = 0, system = 0;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  fields >> user >> system;
  return (user + system) / double(::sysconf(_SC_CLK_TCK));
}

class load {
 public:
  load(store_lane& lane, std::size_t entities) : lane_(lane) {
    for (std::size_t i = 0; i < entities; ++i) {
      all_.push_back({});
      auto& c = all_.back();
      c.of = {"session", "bench-" + std::to_string(::getpid()) + "-" + std::to_string(i)};
      lane_.claim(c.of.slot(), "bench", 0, [this, &c](const result<std::optional<token>>& t) {
        if (!t) return fail(t.error().detail);
        if (!*t) return fail("a claim was refused");
        for (auto& other : all_)
          if (other.of.slot() == c.of.slot()) other.by = **t;
        if (++claimed_ == all_.size()) start();
      });
    }
  }

  std::uint64_t committed() const noexcept { return committed_; }

  [[noreturn]] static void fail(const std::string& why) {
    std::cerr << why << "\n";
    std::_Exit(1);
  }

 private:
  void start() {
    for (auto& c : all_) {
      c.snapshot = std::string(1'024, 's');
      go_on(c);
    }
  }

  void go_on(commit& c) {
    ++c.sequence;
    c.journal_dropped.clear();
    if (!c.journal.empty()) c.journal_dropped.push_back(c.journal.begin()->first);
    c.journal.clear();
    c.journal["call-" + std::to_string(c.sequence)] = {stage::intent, std::string(400, 'j')};
    c.open_executions = 1;
    lane_.commit(c, [this, &c](const result<verdict>& v) {
      if (!v) fail(v.error().detail);
      if (*v != verdict::ok) fail("a commit was refused");
      ++committed_;
      c.snapshot.reset();
      go_on(c);
    });
  }

  store_lane& lane_;
  std::list<commit> all_;
  std::size_t claimed_ = 0;
  std::uint64_t committed_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) load::fail("usage: bench_store_commits URL [OUTSTANDING [SECONDS [SERVER_PID]]]");
  store_options o;
  o.url = argv[1];
  const std::size_t outstanding = argc > 2 ? std::stoul(argv[2]) : 64;
  const std::chrono::seconds duration(argc > 3 ? std::stol(argv[3]) : 5);
  const std::string server = argc > 4 ? argv[4] : "";
  auto s = store::open(o);
  if (!s) load::fail(s.error().detail);
  boost::asio::io_context io{1};
  const auto lane = (*s)->lane(io);
  load work(*lane, outstanding);
  io.run_for(std::chrono::milliseconds(500));
  const auto before = work.committed();
  const double own = own_cpu_seconds(), of_server = cpu_seconds(server);
  const auto begin = clock_type::now();
  io.run_for(duration);
  const double seconds = std::chrono::duration<double>(clock_type::now() - begin).count();
  const auto commits = double(work.committed() - before);
  std::cout << "{\"outstanding\":" << outstanding << ",\"commits_per_s\":" << std::uint64_t(commits / seconds)
            << ",\"cpu_us\":" << (own_cpu_seconds() - own) / commits * 1e6
            << ",\"server_cpu_us\":" << (cpu_seconds(server) - of_server) / commits * 1e6
            << ",\"latency_us\":" << (*s)->health().latency.count() << "}\n";
}
