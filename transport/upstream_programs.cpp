#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "transport/errc.hpp"
#include "transport/loop.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/program_run.hpp"
#include "transport/program_tool.hpp"
#include "transport/upstream_connection.hpp"

// An MCP server within the node, whose tools are programs.

namespace holdfast::transport {
namespace {

using tools_ptr = std::shared_ptr<const program_set>;

/// RFC 3339, UTC, milliseconds.
std::string time_text(std::chrono::system_clock::time_point at) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char date[32], whole[48];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(whole, sizeof whole, "%s.%03dZ", date, static_cast<int>(ms % 1000));
  return whole;
}

class program_link final : public upstream_link, public std::enable_shared_from_this<program_link> {
 public:
  using say = std::function<void(std::string)>;

  program_link(loop& home, tools_ptr set, const upstream_limits& l, say s)
      : home_(home), set_(std::move(set)), limits_(l), say_(std::move(s)) {}

  void request(upstream_request r, std::shared_ptr<upstream_events> events) override {
    const auto m = mcp::scan(r.body);
    if (!m) return fail_later(r.id, std::move(events), m.error());
    switch (m->what) {
      case mcp::method::tools_call: return call(r, *m, std::move(events));
      case mcp::method::tools_list: return answer_later(r.id, std::move(events), list());
      case mcp::method::ping:
      case mcp::method::logging_set_level: return answer_later(r.id, std::move(events), "{}");
      default: {
        const auto words = "Programs do not know " + std::string(m->method_name);
        return post(r.id, std::move(events), [id = r.id, words](upstream_events& to) {
          to.on_answer(mcp::make_error(std::to_string(id), mcp::code::method_not_found, words));
        });
      }
    }
  }

  void send(std::string json) override {
    const auto m = mcp::scan(json);
    if (!m || m->what != mcp::method::cancelled) return;
    if (const auto id = mcp::integer_value(mcp::member(m->params, "requestId")); id && *id > 0)
      forget(static_cast<std::uint64_t>(*id));
  }

  void forget(std::uint64_t id) override {
    std::shared_ptr<program_run> run;
    {
      const std::lock_guard lock(mutex_);
      const auto found = calls_.find(id);
      if (found == calls_.end()) return;
      run = std::move(found->second.run);
      calls_.erase(found);
    }
    if (!run) return;
    if (loop::current() == &run->home()) return run->stop({});
    auto& on = run->home();
    on.post([run = std::move(run)] { run->stop({}); });
  }

  std::size_t in_flight() const noexcept override {
    const std::lock_guard lock(mutex_);
    return calls_.size();
  }

  /// Kills all programs; `then` runs on the home loop when the last of them has gone.
  void shut(const failure& why, std::function<void()> then) {
    std::vector<std::shared_ptr<program_run>> all;
    {
      const std::lock_guard lock(mutex_);
      shut_ = why;
      when_empty_ = std::move(then);
      for (const auto& [key, run] : runs_) all.push_back(run);
      warm_.clear();
    }
    for (auto& run : all) {
      auto& on = run->home();
      on.post([run = std::move(run), why] { run->stop(why); });
    }
    tell_if_empty();
  }

 private:
  struct entry {
    std::shared_ptr<upstream_events> events;  // of one that is answered without a program
    std::shared_ptr<program_run> run;
  };

  // requests that need no program

  void post(std::uint64_t id, std::shared_ptr<upstream_events> events, std::function<void(upstream_events&)> f) {
    {
      const std::lock_guard lock(mutex_);
      calls_[id].events = std::move(events);
    }
    loop::current()->post([self = shared_from_this(), id, f = std::move(f)] {
      std::shared_ptr<upstream_events> to;
      {
        const std::lock_guard lock(self->mutex_);
        const auto found = self->calls_.find(id);
        if (found == self->calls_.end()) return;
        to = std::move(found->second.events);
        self->calls_.erase(found);
      }
      f(*to);
    });
  }

  void answer_later(std::uint64_t id, std::shared_ptr<upstream_events> events, std::string_view result) {
    post(id, std::move(events),
         [json = mcp::make_result(std::to_string(id), result)](upstream_events& to) { to.on_answer(json); });
  }

  void fail_later(std::uint64_t id, std::shared_ptr<upstream_events> events, failure why) {
    post(id, std::move(events), [why = std::move(why)](upstream_events& to) { to.on_failed(why); });
  }
  void fail_later(std::uint64_t id, std::shared_ptr<upstream_events> events, std::error_code why) {
    fail_later(id, std::move(events), failure{why, {}});
  }

  std::string list() const {
    std::string all;
    for (const auto& t : set_->tools) all.append(all.empty() ? "" : ",").append(t.entry);
    return R"({"tools":[)" + all + "]}";
  }

  // calls

  void call(const upstream_request& r, const mcp::envelope& m, std::shared_ptr<upstream_events> events) {
    const auto name = mcp::string_value(m.name).value_or(std::string());
    const auto tool =
        std::find_if(set_->tools.begin(), set_->tools.end(), [&](const auto& t) { return t.name == name; });
    if (tool == set_->tools.end()) {
      return post(r.id, std::move(events), [id = r.id, name](upstream_events& to) {
        to.on_answer(mcp::make_error(std::to_string(id), mcp::code::invalid_params, "Unknown tool: " + name));
      });
    }
    auto run = take_run(*tool, r.id);
    if (!run) return fail_later(r.id, std::move(events), run.error());
    const auto limit = r.timeout.count() > 0 ? std::min(r.timeout, tool->timeout) : tool->timeout;
    program_run::call c{r.id, input_of(*tool, m, limit), m.progress_token.data() != nullptr, r.timeout};
    (*run)->take(std::move(c), std::move(events));
    keep_warm(*tool);
  }

  std::string input_of(const program_tool& tool, const mcp::envelope& m, std::chrono::milliseconds limit) const {
    const auto arguments = mcp::member(m.params, "arguments");
    const auto state = mcp::member(m.meta, state_member);
    const auto locale = mcp::member(m.meta, locale_member);
    auto out = R"({"tool":)" + mcp::quote(tool.name);
    if (!tool.version.empty()) out += R"(,"version":)" + mcp::quote(tool.version);
    out.append(R"(,"params":)").append(arguments.empty() ? "{}" : arguments);
    if (tool.stateful) out.append(R"(,"state":)").append(state.empty() ? "null" : state);
    out += R"(,"deadline":)" + mcp::quote(time_text(std::chrono::system_clock::now() + limit));
    out += R"(,"timeoutMs":)" + std::to_string(limit.count());
    if (mcp::is_string(locale)) {
      out.append(R"(,"locale":)").append(locale);
    } else if (!set_->locale.empty()) {
      out += R"(,"locale":)" + mcp::quote(set_->locale);
    }
    return out + "}";
  }

  /// One that waits, or a new one.
  outcome<std::shared_ptr<program_run>> take_run(const program_tool& tool, std::uint64_t id) {
    auto& here = *loop::current();
    {
      const std::lock_guard lock(mutex_);
      if (shut_) return never_sent(*shut_);
      auto& waiting = warm_[{&here, &tool}];
      while (!waiting.empty() && !waiting.back()->waits()) waiting.pop_back();
      if (!waiting.empty()) {
        auto run = std::move(waiting.back());
        waiting.pop_back();
        calls_[id].run = run;
        ids_[run.get()] = id;
        return run;
      }
      if (runs_.size() - warm_count() >= set_->processes_max)
        return failure{make_error_code(errc::overloaded), "exec.processes_max programs run already"};
    }
    auto run = start(tool, here);
    if (!run) return run;
    const std::lock_guard lock(mutex_);
    calls_[id].run = *run;
    ids_[run->get()] = id;
    return run;
  }

  outcome<std::shared_ptr<program_run>> start(const program_tool& tool, loop& on) {
    const auto which = std::make_shared<const program_run*>(nullptr);
    program_run::callbacks to;
    to.gone = [self = shared_from_this(), which] { self->gone(*which); };
    to.settled = [self = shared_from_this(), which] { self->settled(*which); };
    to.said = say_;
    auto run = program_run::start(on, tool, limits_, std::move(to));
    if (!run) return run;
    *which = run->get();
    const std::lock_guard lock(mutex_);
    runs_[run->get()] = *run;
    return run;
  }

  void keep_warm(const program_tool& tool) {
    auto& here = *loop::current();
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (shut_ || warm_[{&here, &tool}].size() >= tool.warm) return;
      }
      auto run = start(tool, here);
      if (!run) return say_(tool.name + ": " + run.error().detail);
      const std::lock_guard lock(mutex_);
      warm_[{&here, &tool}].push_back(*run);
    }
  }

  std::size_t warm_count() const {
    std::size_t n = 0;
    for (const auto& [key, waiting] : warm_) n += waiting.size();
    return n;
  }

  void settled(const program_run* run) {
    const std::lock_guard lock(mutex_);
    const auto id = ids_.find(run);
    if (id == ids_.end()) return;
    calls_.erase(id->second);
    ids_.erase(id);
  }

  void gone(const program_run* run) {
    {
      const std::lock_guard lock(mutex_);
      for (auto& [key, waiting] : warm_) std::erase_if(waiting, [&](const auto& w) { return w.get() == run; });
      ids_.erase(run);
      runs_.erase(run);
    }
    tell_if_empty();
  }

  void tell_if_empty() {
    std::function<void()> then;
    {
      const std::lock_guard lock(mutex_);
      if (!shut_ || !runs_.empty()) return;
      then = std::exchange(when_empty_, nullptr);
    }
    if (then) home_.post(std::move(then));
  }

  loop& home_;
  const tools_ptr set_;
  const upstream_limits limits_;
  const say say_;
  mutable std::mutex mutex_;  // all below; never held while a run is called
  std::unordered_map<std::uint64_t, entry> calls_;
  std::unordered_map<const program_run*, std::shared_ptr<program_run>> runs_;  // until nothing is left of them
  std::unordered_map<const program_run*, std::uint64_t> ids_;
  std::map<std::pair<loop*, const program_tool*>, std::vector<std::shared_ptr<program_run>>> warm_;
  std::optional<failure> shut_;
  std::function<void()> when_empty_;
};

class program_connection final : public upstream_connection, public std::enable_shared_from_this<program_connection> {
 public:
  program_connection(loop& on, program_set s, const upstream_limits& l, upstream_connection_events& events)
      : loop_(on), set_(std::move(s)), limits_(l), events_(&events) {}

  ~program_connection() override {
    if (link_) link_->shut({make_error_code(errc::closed), "connection closed"}, [] {});
  }

  void open(std::string, std::function<void(outcome<std::string>)> done) override {
    program_set there = set_;
    std::erase_if(there.tools, [&](const program_tool& t) {
      const auto lacking = lacks(t);
      for (const auto& words : lacking) events_->on_stderr(t.name + " is left out: " + words);
      return !lacking.empty();
    });
    const auto say = [weak = weak_from_this()](std::string line) {
      const auto self = weak.lock();
      if (!self) return;
      self->loop_.post([weak, line = std::move(line)]() mutable {
        if (const auto s = weak.lock(); s && s->events_) s->events_->on_stderr(std::move(line));
      });
    };
    link_ = std::make_shared<program_link>(loop_, std::make_shared<const program_set>(std::move(there)), limits_, say);
    loop_.post([self = shared_from_this(), done = std::move(done)] {
      if (self->events_ == nullptr) return;
      self->up_ = true;
      done(std::string(R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"logging":{}},)"
                       R"("serverInfo":{"name":"holdfast-programs","version":")" HOLDFAST_VERSION R"("}})"));
    });
  }

  std::shared_ptr<upstream_link> link() override { return up_ ? link_ : nullptr; }

  const char* protocol() const noexcept override { return "exec"; }

  void close(std::function<void()> done) override {
    events_ = nullptr;
    if (!link_) return loop_.post(std::move(done));
    std::exchange(link_, nullptr)->shut({make_error_code(errc::closed), "connection closed"}, std::move(done));
  }

 private:
  loop& loop_;
  const program_set set_;
  const upstream_limits limits_;
  upstream_connection_events* events_;
  std::shared_ptr<program_link> link_;
  bool up_ = false;
};

}  // namespace

std::shared_ptr<upstream_connection> upstream_connection::over_programs(loop& on, program_set s, upstream_limits l,
                                                                        upstream_connection_events& events) {
  return std::make_shared<program_connection>(on, std::move(s), l, events);
}

}  // namespace holdfast::transport
