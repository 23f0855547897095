#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/loop.hpp"
#include "transport/program_tool.hpp"
#include "transport/stdio_framing.hpp"
#include "transport/stdio_process.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::transport {

/// A process of a program tool: it waits for its call, gets it, and is gone. Its loop's thread only.
class program_run final : private stdio_process_events, public std::enable_shared_from_this<program_run> {
 public:
  struct call {
    std::uint64_t id = 0;  ///< of the request
    std::string input;     ///< the JSON object for its standard input
    bool wants_progress = false;
    std::chrono::milliseconds timeout{0};  ///< of the request; 0 = none
  };
  struct callbacks {
    std::function<void()> gone;             ///< nothing is left of the process; the run may be destroyed
    std::function<void()> settled;          ///< the call has got its answer or its failure
    std::function<void(std::string)> said;  ///< a line for the log
  };

  /// Starts the process. `tool` outlives the run.
  static outcome<std::shared_ptr<program_run>> start(loop& on, const program_tool& tool, const upstream_limits& l,
                                                     callbacks to);
  ~program_run() override { loop_.cancel(timer_); }

  /// Gives it the call, while it waits. The events come as of any request.
  void take(call c, std::shared_ptr<upstream_events> events);

  /// Kills the process and all that it has started. The call gets `why`, if it still waits, or else nothing.
  void stop(std::optional<failure> why);

  /// Not so once its process has ended.
  bool waits() const noexcept { return process_ != nullptr && !events_; }

  loop& home() const noexcept { return loop_; }
  const program_tool& tool() const noexcept { return tool_; }

 private:
  program_run(loop& on, const program_tool& tool, const upstream_limits& l, callbacks to)
      : loop_(on), tool_(tool), limits_(l), to_(std::move(to)), lines_(tool.output_bytes_max) {}

  void on_stdout(std::string_view bytes) override;
  void on_stderr(std::string line) override;
  void on_exit(failure why) override;

  void take_line(std::string_view line);
  void take_result(std::string_view result);
  void show_progress(std::string_view line);
  void show_log(std::string_view line);
  void add_piece(std::string_view piece);
  void add_content(std::string_view content);
  void tell(const std::string& method, const std::string& params);
  double next_progress();

  void succeed(std::string_view structured, std::string_view meta);
  void refuse(const std::string& words);
  void answer(std::string result);
  void settle();
  void end();

  loop& loop_;
  const program_tool& tool_;
  const upstream_limits limits_;
  callbacks to_;
  line_splitter lines_;
  std::shared_ptr<stdio_process> process_;
  std::shared_ptr<upstream_events> events_;  ///< null while it waits, and once the call is settled
  call call_;
  loop::timer timer_ = 0;
  std::size_t output_bytes_ = 0;
  std::vector<std::string> content_;  ///< what came in pieces, raw content objects
  std::string text_;                  ///< and the text that is to become the next one
  std::string state_, last_words_;
  double progress_ = 0;
  bool counts_itself_ = false;  ///< the program says how far it is
  bool ending_ = false;
};

}  // namespace holdfast::transport
