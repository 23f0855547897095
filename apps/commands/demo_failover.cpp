#include "apps/commands/demo_failover.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iostream>
#include <mutex>
#include <thread>
#include <utility>

#include "apps/commands/demo_figures.hpp"
#include "apps/commands/demo_stage.hpp"
#include "apps/commands/demo_timeline.hpp"
#include "apps/commands/demo_upstream.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/terminal.hpp"
#include "apps/config/config.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using time = failover_record::time;
using tone = timeline::tone;

constexpr std::chrono::milliseconds glance = 10ms, takeover_within = 15s, runs_within = 15s;
constexpr std::chrono::milliseconds call_patience = 60s;  // beyond what the tool needs

std::string call_params(const std::string& tool, const std::string& arguments) {
  return R"({"name":)" + mcp::quote(tool) + R"(,"arguments":)" + arguments + "}";
}

std::string first_text(mcp::raw_json result) {
  const auto content = mcp::elements(mcp::member(result, "content"));
  return content && !content->empty() ? text_member(content->front(), "text") : std::string();
}

/// A call that runs on a thread of its own, and what is heard of it.
class watched_call {
 public:
  struct news {
    time at{0};
    std::optional<std::int64_t> step;                    // a step of its progress, or
    std::optional<transport::outcome<std::string>> end;  // the answer
  };

  watched_call(mcp_client& client, std::string params, std::chrono::milliseconds timeout)
      : began_(clock::now()), thread_([this, &client, params = std::move(params), timeout] {
          mcp_client::call c{mcp::to_string(mcp::method::tools_call), params, timeout, {}};
          c.on_notification = [this](const std::string& json) { on_notification(json); };
          auto answer = client.request(c, interruption());
          tell({now(), {}, std::move(answer)});
        }) {}
  watched_call(const watched_call&) = delete;
  watched_call& operator=(const watched_call&) = delete;
  ~watched_call() { thread_.join(); }

  time now() const { return std::chrono::duration_cast<time>(clock::now() - began_); }

  /// The next news; nothing if there is none for so long.
  std::optional<news> next(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    if (!told_.wait_for(lock, at_most, [this] { return !news_.empty(); })) return std::nullopt;
    auto first = std::move(news_.front());
    news_.pop_front();
    return first;
  }

 private:
  void on_notification(const std::string& json) {
    const auto at = now();
    const auto message = mcp::scan(json);
    if (!message || message->what != mcp::method::progress) return;
    tell({at, mcp::integer_value(mcp::member(message->params, "progress")).value_or(0), {}});
  }

  void tell(news n) {
    const std::lock_guard lock(mutex_);
    news_.push_back(std::move(n));
    told_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable told_;
  std::deque<news> news_;
  const clock::time_point began_;
  std::thread thread_;
};

class failover_demo {
 public:
  failover_demo(const failover_options& o, demo_stage& stage, std::ostream* out)
      : options_(o),
        stage_(stage),
        out_(out),
        timeline_(out != nullptr ? *out : std::cout, wants_colours(isatty(STDOUT_FILENO) == 1, process_environment()),
                  terminal_columns()) {
    record_.steps = o.steps;
  }

  std::optional<ending> run() {
    const auto front = mcp_url(stage_.cluster().front_port);
    transport::http_endpoint endpoint;
    endpoint.url = front;
    mcp_client client(endpoint);
    if (auto trouble = connect(client, front)) return trouble;
    session_ = client.session();
    if (auto trouble = find_tools(client)) return trouble;
    if (out_ != nullptr) timeline_.head();
    follow(client, front);
    if (interruption()) return ending{exit_code::interrupted, "interrupted"};
    await_successor();
    count_runs(client);
    return std::nullopt;
  }

  const failover_record& record() const noexcept { return record_; }

  void print_summary() const {
    const auto gap = gap_of(record_), usual = usual_wait_of(record_);
    const auto broken = broken_promises(record_);
    auto& out = *out_;
    out << '\n';
    if (gap) {
      out << "The client waited " << timeline_.toned(milliseconds_text(*gap), tone::striking)
          << " for the first news after the kill";
      if (usual) out << ", and " << milliseconds_text(*usual) << " for each before it";
      out << ".\n";
    }
    if (!record_.successor.empty())
      out << record_.successor << " had the session " << milliseconds_text(*record_.taken_over - *record_.killed)
          << " after the kill of " << record_.owner << ".\n";
    if (broken.empty()) {
      out << timeline_.toned("Kept:", tone::good) << " the answer, all " << record_.steps
          << " steps of its progress once and in order, one run of the tool.\n";
    }
    for (const auto& b : broken) out << timeline_.toned("Broken:", tone::bad) << ' ' << printable(b) << '\n';
    out << std::flush;
  }

 private:
  void show(time at, std::optional<time> wait, const std::string& who, const std::string& what, tone t = tone::plain) {
    if (out_ != nullptr) timeline_.line(at, wait, who, what, t);
  }

  /// The catalogue may have put the upstream's name before that of the tool.
  std::optional<ending> find_tools(mcp_client& client) {
    const auto listed = list_tools(client, call_patience);
    if (listed.trouble) return listed.trouble;
    for (const auto& tool : listed.tools) {
      const auto name = text_member(tool, "name");
      const auto is = [&](std::string_view plain) {
        return name == plain || name.ends_with("__" + std::string(plain));
      };
      if (is(slow_tool)) slow_ = name;
      if (is(runs_tool)) runs_ = name;
    }
    if (!slow_.empty() && !runs_.empty()) return std::nullopt;
    return ending{exit_code::failed,
                  "this cluster has no tool slow_count: run `holdfast demo upstream`, put its URL into the nodes' "
                  "configuration, and start the cluster with that; or leave --dir out"};
  }

  /// The call, from its beginning to its end.
  void follow(mcp_client& client, const std::string& front) {
    ticket_ = mcp::random_id();
    const auto arguments = R"({"steps":)" + std::to_string(options_.steps) + R"(,"step_ms":)" +
                           std::to_string(options_.step.count()) + R"(,"ticket":)" + mcp::quote(ticket_) + "}";
    watched_call call(client, call_params(slow_, arguments), options_.step * options_.steps + call_patience);
    show(call.now(), {}, "client", "calls " + slow_ + " through the front, " + front);
    for (bool ended = false; !ended;) {
      if (const auto news = call.next(glance)) ended = note(*news);
      if (!record_.killed && !ended && std::ssize(record_.progress) >= std::max<std::int64_t>(1, options_.steps / 3))
        kill(call);
      if (record_.killed && !record_.taken_over) look_for_successor(call.now());
    }
    began_ = clock::now() - record_.answered.value_or(call.now());
  }

  /// True for the end of the call.
  bool note(const watched_call::news& n) {
    const auto before = std::exchange(heard_, n.at);
    const auto wait = before ? std::optional(n.at - *before) : std::nullopt;
    const bool first_after_kill = record_.killed && !std::exchange(heard_since_kill_, true);
    if (n.step) {
      record_.progress.push_back({n.at, *n.step});
      show(n.at, wait, "client", progress_bar(*n.step, options_.steps),
           first_after_kill ? tone::striking : tone::plain);
      return false;
    }
    note_end(*n.end, n.at);
    show(n.at, wait, "client", record_.trouble.empty() ? "has the answer: " + record_.answer : record_.trouble,
         record_.trouble.empty() ? tone::good : tone::bad);
    return true;
  }

  void note_end(const transport::outcome<std::string>& end, time at) {
    if (!end) {
      record_.trouble = end.error().detail.empty() ? end.error().code.message() : end.error().detail;
      return;
    }
    record_.answered = at;
    const auto result = result_in(*end);
    if (!result) {
      record_.trouble = result.error().words;
      return;
    }
    record_.answer = first_text(*result);
    if (mcp::member(*result, "isError") == "true") record_.trouble = record_.answer;
  }

  void kill(const watched_call& call) {
    for (const auto& n : stage_.cluster().nodes) {
      const auto owner = stage_.owner_of(session_, n);
      if (!owner || owner->node.empty()) continue;
      record_.owner = owner->node;
      show(call.now(), {}, owner->node, "owns the client's session, in slot " + owner->slot, tone::quiet);
      if (!stage_.kill(record_.owner)) continue;
      record_.killed = call.now();
      heard_since_kill_ = false;
      return show(*record_.killed, {}, record_.owner, "is killed with -9", tone::bad);
    }
  }

  void look_for_successor(time at) {
    for (const auto& n : stage_.cluster().nodes) {
      if (n.name == record_.owner) continue;
      const auto owner = stage_.owner_of(session_, n);
      if (!owner || !owner->here) continue;
      record_.successor = n.name;
      record_.taken_over = at;
      return show(at, at - *record_.killed, n.name, "has taken the session over", tone::good);
    }
  }

  /// It may be seen later than its effect.
  void await_successor() {
    const auto deadline = clock::now() + takeover_within;
    while (record_.killed && !record_.taken_over && clock::now() < deadline && !interruption()) {
      look_for_successor(std::chrono::duration_cast<time>(clock::now() - began_));
      std::this_thread::sleep_for(glance);
    }
  }

  void count_runs(mcp_client& client) {
    const auto answer = client.request({mcp::to_string(mcp::method::tools_call),
                                        call_params(runs_, R"({"ticket":)" + mcp::quote(ticket_) + "}"),
                                        runs_within,
                                        {}},
                                       interruption());
    if (!answer) {
      record_.runs_trouble = answer.error().detail;
      return;
    }
    const auto result = result_in(*answer);
    const auto number = result ? mcp::integer_value(first_text(*result)) : std::nullopt;
    record_.runs = number;
    if (!number) record_.runs_trouble = result ? "no number came" : result.error().words;
  }

  const failover_options& options_;
  demo_stage& stage_;
  std::ostream* out_;  // null: nothing is shown
  timeline timeline_;
  std::string session_, slow_, runs_, ticket_;
  failover_record record_;
  std::optional<time> heard_;
  bool heard_since_kill_ = true;
  clock::time_point began_;  // of the call
};

}  // namespace

std::optional<ending> demo_failover(const failover_options& o, bool json) {
  interrupt_by_end();
  if (!json) std::cout << "Setting up: a cluster on this machine, and an MCP server with a slow tool.\n" << std::endl;
  const auto stage = demo_stage::set(o.dir, o.nodes);
  if (!stage) return stage.error();
  failover_demo demo(o, **stage, json ? nullptr : &std::cout);
  if (auto trouble = demo.run()) return trouble;
  if (json) {
    std::cout << figures_json(demo.record()) << std::endl;
  } else {
    demo.print_summary();
  }
  const auto broken = broken_promises(demo.record());
  if (broken.empty()) return std::nullopt;
  return ending{exit_code::failed, "not as promised: " + broken.front()};
}

}  // namespace holdfast::apps
