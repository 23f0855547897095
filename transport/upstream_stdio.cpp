#include <utility>

#include "transport/channel_link.hpp"
#include "transport/errc.hpp"
#include "transport/loop.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/stdio_framing.hpp"
#include "transport/stdio_process.hpp"
#include "transport/upstream_connection.hpp"
#include "transport/upstream_handshake.hpp"

namespace holdfast::transport {
namespace {

// As much of a line that is no message as tells the operator who printed it.
constexpr std::size_t garbage_bytes_max = 200;

class stdio_connection final : public upstream_connection,
                               public stdio_process_events,
                               public channel_writer,
                               public std::enable_shared_from_this<stdio_connection> {
 public:
  stdio_connection(loop& on, stdio_command c, upstream_limits l, upstream_connection_events& events)
      : loop_(on), command_(std::move(c)), limits_(l), events_(&events), lines_(l.message_bytes_max) {}

  ~stdio_connection() override {
    if (link_) link_->shut({make_error_code(errc::closed), "connection closed"}, [] {});
    loop_.cancel(open_timer_);
    if (process_) process_->close(limits_.shutdown_grace, [] {});
  }

  void open(std::string params, std::function<void(outcome<std::string>)> done) override {
    opened_ = std::move(done);
    auto started = stdio_process::start(loop_, command_, limits_.queue_bytes_max, *this);
    if (!started) {
      loop_.post([self = shared_from_this(), why = started.error()] { self->give_up(why); });
      return;
    }
    process_ = std::move(*started);
    link_ = std::make_shared<channel_link>(loop_, channel_link::limits{limits_.in_flight_max, limits_.queue_bytes_max},
                                           *this);
    open_timer_ = loop_.after(limits_.connect_timeout, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->give_up({make_error_code(errc::timed_out), "no answer to initialize in time"});
    });
    auto id = link_->next_id();
    link_->request({id, initialize_request(id, params), {}}, handshake_events());
  }

  std::shared_ptr<upstream_link> link() override { return up_ ? link_ : nullptr; }

  const char* protocol() const noexcept override { return "stdio"; }

  void close(std::function<void()> done) override {
    events_ = nullptr;
    opened_ = nullptr;
    end({make_error_code(errc::closed), "connection closed"}, [] {});
    if (auto process = std::exchange(process_, nullptr))
      process->close(limits_.shutdown_grace, std::move(done));
    else
      loop_.post(std::move(done));
  }

  bool write_message(std::uint64_t, std::string json) override { return process_->write(frame_line(std::move(json))); }

  void on_stdout(std::string_view bytes) override {
    auto keep = shared_from_this();
    if (ended_) return;
    if (!lines_.feed(bytes, [this](std::string_view line) { take_line(line); }))
      fail({make_error_code(errc::too_large), command_.command + ": a line over the message limit"});
  }

  void on_stderr(std::string line) override {
    if (events_) events_->on_stderr(std::move(line));
  }

  void on_exit(failure why) override {
    auto keep = shared_from_this();
    fail(std::move(why));
  }

 private:
  std::shared_ptr<upstream_events> handshake_events() {
    auto weak = weak_from_this();
    initialize_events::callbacks to;
    to.message = [weak](std::string json) {
      if (auto self = weak.lock(); self && self->events_) self->events_->on_message(std::move(json));
    };
    to.answer = [weak](const std::string& json) {
      if (auto self = weak.lock()) self->on_initialized(json);
    };
    to.failed = [weak](failure why) {
      if (auto self = weak.lock()) self->give_up(std::move(why));
    };
    return std::make_shared<initialize_events>(std::move(to));
  }

  void take_line(std::string_view line) {
    if (ended_ || line.find_first_not_of(" \t") == std::string_view::npos) return;
    if (mcp::is_batch(line)) {
      if (auto messages = mcp::elements(line)) {
        for (auto message : *messages) take_message(message);
        return;
      }
    }
    take_message(line);
  }

  void take_message(std::string_view json) {
    if (ended_) return;
    switch (link_->dispatch(json, channel_link::unrouted::only_request)) {
      case channel_link::verdict::taken: break;
      case channel_link::verdict::for_connection:
        if (events_) events_->on_message(std::string(json));
        break;
      case channel_link::verdict::not_a_message:
        if (events_) events_->on_stderr("stdout: " + printable_line(json, garbage_bytes_max));
        break;
    }
  }

  void on_initialized(std::string_view answer) {
    auto hello = read_handshake(answer);
    if (!hello) return give_up(hello.error());
    loop_.cancel(open_timer_);
    link_->send(initialized_notification());
    up_ = true;
    if (auto done = std::exchange(opened_, nullptr)) done(std::move(hello->result));
  }

  /// `open` has failed.
  void give_up(failure why) {
    end(why, [] {});
    if (process_) process_->stop(limits_.shutdown_grace);
    if (auto done = std::exchange(opened_, nullptr)) done(std::move(why));
  }

  /// The connection is of no use any more.
  void fail(failure why) {
    if (ended_) return;
    if (!up_) return give_up(std::move(why));
    end(why, [weak = weak_from_this(), why] {
      if (auto self = weak.lock(); self && self->events_) self->events_->on_down(why);
    });
    if (process_) process_->stop(limits_.shutdown_grace);
  }

  void end(const failure& why, std::function<void()> then) {
    ended_ = true;
    loop_.cancel(open_timer_);
    if (link_) link_->shut(why, std::move(then));
  }

  loop& loop_;
  const stdio_command command_;
  const upstream_limits limits_;
  upstream_connection_events* events_;
  std::function<void(outcome<std::string>)> opened_;
  std::shared_ptr<stdio_process> process_;
  std::shared_ptr<channel_link> link_;
  line_splitter lines_;
  loop::timer open_timer_ = 0;
  bool up_ = false, ended_ = false;
};

}  // namespace

std::shared_ptr<upstream_connection> upstream_connection::over_stdio(loop& on, stdio_command c, upstream_limits l,
                                                                     upstream_connection_events& events) {
  return std::make_shared<stdio_connection>(on, std::move(c), l, events);
}

}  // namespace holdfast::transport
