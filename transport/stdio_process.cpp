#include "transport/stdio_process.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

#include "transport/child_spawn.hpp"
#include "transport/errc.hpp"
#include "transport/loop_impl.hpp"
#include "transport/stdio_framing.hpp"

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
using descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;
using boost::system::error_code;

constexpr std::size_t stdout_buffer_bytes = 64u << 10;
constexpr std::size_t stderr_buffer_bytes = 4u << 10;
constexpr std::size_t stderr_line_bytes_max = 4u << 10;
constexpr std::size_t report_bytes_max = 128;
// The pipes end with the guard, which has killed every other holder; this is for a holder it could not kill.
constexpr std::chrono::milliseconds pipe_end_wait{500};
constexpr std::chrono::milliseconds guard_end_wait{1'000};

std::string& guard_path() {
  static std::string path;
  return path;
}

std::string guard_beside_us() {
  char self[PATH_MAX];
  auto size = ::readlink("/proc/self/exe", self, sizeof self);
  std::string path(self, size > 0 ? static_cast<std::size_t>(size) : 0);
  return path.substr(0, path.rfind('/') + 1) + "holdfast-guard";
}

/// A child that closes its standard input would otherwise kill us: writes to pipes have no MSG_NOSIGNAL.
void ignore_sigpipe() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction current {};
    if (::sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
  });
}

std::string describe_exit(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = ::sigdescr_np(WTERMSIG(status));
    return "signal " + std::to_string(WTERMSIG(status)) + (name ? " (" + std::string(name) + ")" : "");
  }
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

class guarded_process final : public stdio_process, public std::enable_shared_from_this<guarded_process> {
 public:
  guarded_process(loop& on, const stdio_command& c, guarded_child child, std::size_t queue_bytes_max,
                  stdio_process_events& events)
      : loop_(on),
        command_(c.command),
        directory_(c.directory),
        events_(&events),
        guard_(child.guard),
        queue_bytes_max_(queue_bytes_max),
        exit_watch_(context_of(on), child.exit_watch.release()),
        in_(context_of(on), child.in.release()),
        out_(context_of(on), child.out.release()),
        err_(context_of(on), child.err.release()),
        report_(context_of(on), child.report.release()),
        lifeline_(std::move(child.lifeline)),
        out_buffer_(stdout_buffer_bytes, '\0'),
        err_buffer_(stderr_buffer_bytes, '\0') {}

  void begin() {
    watch_exit();
    read_report();
    read_stdout();
    read_stderr();
  }

  bool write(std::string bytes) override {
    if (!in_.is_open()) return true;  // on_exit is on its way
    if (writing_.size() + waiting_.size() + bytes.size() > queue_bytes_max_) return false;
    if (waiting_.empty())
      waiting_ = std::move(bytes);
    else
      waiting_.append(bytes);
    if (writing_.empty()) write_next();
    return true;
  }

  void finish_input() override {
    input_ends_ = true;
    if (writing_.empty()) close_stdin();
  }

  void stop(std::chrono::milliseconds grace) override {
    if (stopping_ || exited_) return;
    stopping_ = true;
    grace_ = grace;
    close_stdin();
    arm(grace, &guarded_process::terminate);
  }

  void close(std::chrono::milliseconds grace, std::function<void()> done) override {
    events_ = nullptr;
    stop(grace);
    if (ended_)
      loop_.post(std::move(done));
    else
      done_ = std::move(done);
  }

  int guard_pid() const noexcept override { return guard_; }

 private:
  void close_stdin() {
    error_code ignored;
    in_.close(ignored);
  }

  void arm(std::chrono::milliseconds delay, void (guarded_process::*step)()) {
    loop_.cancel(timer_);
    timer_ = loop_.after(delay, [self = shared_from_this(), step] { ((*self).*step)(); });
  }

  void terminate() {
    ::kill(guard_, SIGTERM);
    arm(grace_, &guarded_process::kill_all);
  }

  void kill_all() {
    lifeline_.reset();
    arm(guard_end_wait, &guarded_process::kill_guard);
  }

  void kill_guard() { ::kill(guard_, SIGKILL); }

  void write_next() {
    writing_ = std::exchange(waiting_, {});
    asio::async_write(in_, asio::buffer(writing_),
                      [self = shared_from_this()](const error_code& ec, std::size_t) { self->on_written(ec); });
  }

  void on_written(const error_code& ec) {
    writing_.clear();
    if (ec) {
      // It closed its input or is ending; what matters comes by way of its output or its exit.
      waiting_.clear();
      close_stdin();
    } else if (!waiting_.empty()) {
      write_next();
    } else if (input_ends_) {
      close_stdin();
    }
  }

  void read_stdout() {
    out_.async_read_some(asio::buffer(out_buffer_), [self = shared_from_this()](const error_code& ec, std::size_t n) {
      if (ec) return self->on_stdout_end();
      if (self->events_) self->events_->on_stdout({self->out_buffer_.data(), n});
      self->read_stdout();
    });
  }

  void on_stdout_end() {
    out_ended_ = true;
    // A server that can no longer answer is of no use, running or not.
    if (!exited_ && !stopping_) arm(pipe_end_wait, &guarded_process::stop_silent);
    finish_if_over();
  }

  void stop_silent() {
    if (!exited_) stop(std::chrono::milliseconds{1'000});
  }

  void read_stderr() {
    err_.async_read_some(asio::buffer(err_buffer_), [self = shared_from_this()](const error_code& ec, std::size_t n) {
      if (!ec) {
        self->take_stderr({self->err_buffer_.data(), n});
        return self->read_stderr();
      }
      if (!self->err_line_.empty()) self->emit_stderr();
      self->err_ended_ = true;
      self->finish_if_over();
    });
  }

  void take_stderr(std::string_view bytes) {
    while (!bytes.empty()) {
      auto end = bytes.find('\n');
      auto piece = bytes.substr(0, end);
      err_line_.append(piece.substr(0, stderr_line_bytes_max - std::min(stderr_line_bytes_max, err_line_.size())));
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
      emit_stderr();
    }
  }

  void emit_stderr() {
    if (!err_line_.empty() && err_line_.back() == '\r') err_line_.pop_back();
    if (events_) events_->on_stderr(printable_line(err_line_, stderr_line_bytes_max));
    err_line_.clear();
  }

  void read_report() {
    report_.async_read_some(asio::buffer(report_buffer_),
                            [self = shared_from_this()](const error_code& ec, std::size_t n) {
                              if (ec || self->report_text_.size() + n > report_bytes_max) {
                                self->report_ended_ = true;
                                return self->finish_if_over();
                              }
                              self->report_text_.append(self->report_buffer_, n);
                              self->read_report();
                            });
  }

  /// The number behind `word` in the guard's report, or 0.
  int reported(std::string_view word) const {
    auto at = ("\n" + report_text_).find("\n" + std::string(word) + " ");
    if (at == std::string::npos) return 0;
    int value = 0;
    auto* begin = report_text_.data() + at + word.size() + 1;
    std::from_chars(begin, report_text_.data() + report_text_.size(), value);
    return value;
  }

  void watch_exit() {
    exit_watch_.async_wait(descriptor::wait_read, [self = shared_from_this()](const error_code& ec) {
      if (ec) return;
      self->on_guard_exit();
    });
  }

  void on_guard_exit() {
    int status = 0;
    while (::waitpid(guard_, &status, 0) < 0 && errno == EINTR) {
    }
    exited_ = true;
    exit_status_ = status;
    error_code ignored;
    exit_watch_.close(ignored);
    close_stdin();
    lifeline_.reset();
    arm(pipe_end_wait, &guarded_process::give_up_pipes);
    finish_if_over();
  }

  void give_up_pipes() {
    error_code ignored;
    out_.close(ignored);
    err_.close(ignored);
    report_.close(ignored);
  }

  void finish_if_over() {
    if (ended_ || !exited_ || !out_ended_ || !err_ended_ || !report_ended_) return;
    ended_ = true;
    loop_.cancel(timer_);
    // A guard that was itself killed could not clean up: the parent-death signal took the command, this its group.
    if (int group = reported("pid"); WIFSIGNALED(exit_status_) && group > 1) ::kill(-group, SIGKILL);
    auto why = reason();
    if (auto* events = std::exchange(events_, nullptr)) events->on_exit(std::move(why));
    if (auto done = std::exchange(done_, nullptr)) done();
  }

  failure reason() const {
    auto not_run = [](const std::string& what, int error) {
      return failure{make_error_code(errc::spawn_failed), what + ": " + std::generic_category().message(error)};
    };
    if (int e = reported("command")) return not_run(command_, e);
    if (int e = reported("directory")) return not_run("directory " + directory_, e);
    if (int e = reported("fork")) return not_run("fork", e);
    return {make_error_code(errc::process_exited), command_ + ": " + describe_exit(exit_status_)};
  }

  loop& loop_;
  const std::string command_, directory_;
  stdio_process_events* events_;
  const pid_t guard_;
  const std::size_t queue_bytes_max_;
  descriptor exit_watch_, in_, out_, err_, report_;
  unique_fd lifeline_;
  std::string out_buffer_, err_buffer_, err_line_, report_text_, writing_, waiting_;
  char report_buffer_[64];
  std::function<void()> done_;
  loop::timer timer_ = 0;
  std::chrono::milliseconds grace_{0};
  int exit_status_ = 0;
  bool input_ends_ = false, stopping_ = false, exited_ = false, out_ended_ = false, err_ended_ = false,
       report_ended_ = false, ended_ = false;
};

}  // namespace

void set_guard_path(std::string path) { guard_path() = std::move(path); }

outcome<std::shared_ptr<stdio_process>> stdio_process::start(loop& on, const stdio_command& c,
                                                             std::size_t queue_bytes_max,
                                                             stdio_process_events& events) {
  ignore_sigpipe();
  auto child = spawn_guarded(guard_path().empty() ? guard_beside_us() : guard_path(), c);
  if (!child) return child.error();
  auto process = std::make_shared<guarded_process>(on, c, std::move(*child), queue_bytes_max, events);
  process->begin();
  return std::shared_ptr<stdio_process>(process);
}

}  // namespace holdfast::transport
