#include "apps/commands/load_run.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "apps/commands/interrupt_latency.hpp"
#include "transport/loop.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/mcp/revision.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::apps {
namespace {

using clock = std::chrono::steady_clock;
using transport::failure;
using transport::outcome;

std::string initialize_params() {
  return "{\"protocolVersion\":" + mcp::quote(mcp::to_string(mcp::newest_legacy)) +
         ",\"capabilities\":{},\"clientInfo\":{\"name\":\"holdfast bench\",\"version\":" +
         mcp::quote(HOLDFAST_VERSION) + "}}";
}

/// What the sessions of a run share.
struct run_state {
  const load_plan& plan;
  transport::loop& loop;
  load_report report;
  std::size_t opened = 0;
  std::size_t closed = 0;
  std::size_t failed = 0;  // make no more calls
  bool stopping = false;
  std::optional<failure> trouble;  // a session could not be opened
  std::function<void()> on_change;

  void count_error(std::string why) {
    if (report.errors++ == 0) report.first_error = std::move(why);
  }
};

class load_session final : public transport::upstream_events,
                           public transport::upstream_connection_events,
                           public std::enable_shared_from_this<load_session> {
 public:
  explicit load_session(run_state& run)
      : run_(run), connection_(transport::upstream_connection::over_http(run.loop, run.plan.to, {}, *this)) {}

  void open() {
    connection_->open(initialize_params(), [self = shared_from_this()](const outcome<std::string>& result) {
      if (result) {
        ++self->run_.opened;
      } else if (!self->run_.trouble) {
        self->run_.trouble = result.error();
      }
      self->run_.on_change();
    });
  }

  void call() {
    const auto link = connection_->link();
    const std::uint64_t id = link->next_id();
    called_ = clock::now();
    link->request({id, mcp::make_request(std::to_string(id), mcp::to_string(mcp::method::tools_call), params()),
                   run_.plan.call_timeout},
                  shared_from_this());
  }

  void close() {
    connection_->close([self = shared_from_this()] {
      ++self->run_.closed;
      self->run_.on_change();
    });
  }

 private:
  std::string params() const {
    return "{\"name\":" + mcp::quote(run_.plan.tool) + ",\"arguments\":" + run_.plan.arguments + "}";
  }

  void on_answer(std::string json) override {
    if (run_.stopping) return;
    const auto answer = mcp::scan(json);
    if (!answer) {
      run_.count_error(answer.error().message());
    } else if (!answer->error.empty()) {
      run_.count_error(std::string(answer->error));
    } else if (mcp::member(answer->result, "isError") == "true") {
      run_.count_error(std::string(answer->result));
    } else {
      ++run_.report.calls;
      run_.report.latencies.record(
          static_cast<std::uint64_t>(std::chrono::nanoseconds(clock::now() - called_).count()));
    }
    call();
  }

  void on_failed(failure why) override {
    if (run_.stopping) return;
    run_.count_error(why.detail.empty() ? why.code.message() : why.detail);
    ++run_.failed;
    run_.on_change();
  }

  // Nobody is asked anything here: we offer no capability, and the load is made of the answers alone.
  void on_message(std::string) override {}
  void on_stderr(std::string) override {}

  // The call in flight has failed already.
  void on_down(failure) override {}

  run_state& run_;
  std::shared_ptr<transport::upstream_connection> connection_;
  clock::time_point called_;
};

class load_run {
 public:
  load_run(const load_plan& plan, const std::atomic<bool>& interrupted)
      : interrupted_(interrupted), loop_(transport::loop::create()), state_{plan, *loop_, {}, 0, 0, 0, false, {}, {}} {}

  outcome<load_report> run() {
    state_.on_change = [this] { change(); };
    loop_->post([this] {
      for (std::size_t i = 0; i < state_.plan.sessions; ++i)
        sessions_.push_back(std::make_shared<load_session>(state_));
      for (auto& session : sessions_) session->open();
      watch();
    });
    loop_->run();
    if (state_.trouble) return *state_.trouble;
    return std::move(state_.report);
  }

 private:
  void change() {
    if (state_.closed == sessions_.size()) return loop_->stop();
    if (state_.stopping) return;
    if (state_.trouble || state_.failed == sessions_.size()) return stop();
    if (state_.opened == sessions_.size() && !started_) start();
  }

  void start() {
    started_ = clock::now();
    loop_->after(state_.plan.duration, [this] { stop(); });
    for (auto& session : sessions_) session->call();
  }

  void stop() {
    if (state_.stopping) return;
    state_.stopping = true;
    if (started_) state_.report.elapsed = clock::now() - *started_;
    for (auto& session : sessions_) session->close();
  }

  void watch() {
    if (interrupted_) return stop();
    loop_->after(interrupt_latency, [this] { watch(); });
  }

  const std::atomic<bool>& interrupted_;
  std::unique_ptr<transport::loop> loop_;
  run_state state_;
  std::vector<std::shared_ptr<load_session>> sessions_;
  std::optional<clock::time_point> started_;
};

}  // namespace

outcome<load_report> run_load(const load_plan& plan, const std::atomic<bool>& interrupted) {
  return load_run(plan, interrupted).run();
}

}  // namespace holdfast::apps
