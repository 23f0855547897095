#include "transport/program_run.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "transport/errc.hpp"
#include "transport/mcp/messages.hpp"

// What a program prints, line by line, made into messages of MCP.

namespace holdfast::transport {
namespace {

using mcp::raw_json;

constexpr std::chrono::milliseconds kill_grace{200};
constexpr std::size_t garbage_bytes_max = 200;

bool is_null(raw_json v) { return v.data() == nullptr || v == "null"; }

bool is_list(raw_json v) { return !v.empty() && v.front() == '['; }

/// A JSON object, checked whole.
bool is_object_text(std::string_view line) {
  const auto listed = "[" + std::string(line) + "]";
  const auto one = mcp::elements(listed, 1);
  return one && one->size() == 1 && mcp::is_object(one->front());
}

std::string text_content(std::string_view text) { return R"({"type":"text","text":)" + mcp::quote(text) + "}"; }

std::string number(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end.ptr};
}

std::string seconds(std::chrono::milliseconds ms) {
  return ms.count() % 1000 == 0 ? std::to_string(ms.count() / 1000) + " s" : std::to_string(ms.count()) + " ms";
}

}  // namespace

outcome<std::shared_ptr<program_run>> program_run::start(loop& on, const program_tool& tool, const upstream_limits& l,
                                                         callbacks to) {
  const std::shared_ptr<program_run> run(new program_run(on, tool, l, std::move(to)));
  auto process = stdio_process::start(on, tool.command, l.queue_bytes_max, *run);
  if (!process) return process.error();
  run->process_ = std::move(*process);
  return run;
}

void program_run::take(call c, std::shared_ptr<upstream_events> events) {
  call_ = std::move(c);
  events_ = std::move(events);
  const bool is_calls = call_.timeout.count() > 0 && call_.timeout < tool_.timeout;
  timer_ = loop_.after(is_calls ? call_.timeout : tool_.timeout, [this, is_calls] {
    if (is_calls) return stop(failure{make_error_code(errc::timed_out), "the program was stopped"});
    refuse("The program did not end within " + seconds(tool_.timeout) + " and was stopped");
  });
  if (process_->write(frame_line(std::move(call_.input)))) return process_->finish_input();
  loop_.post([self = shared_from_this()] {
    self->stop(failure{make_error_code(errc::too_large), "the parameters are larger than limits.queue_bytes_max"});
  });
}

void program_run::stop(std::optional<failure> why) {
  if (why && events_) events_->on_failed(std::move(*why));
  settle();
  end();
}

// --- what the process does -------------------------------------------------------------------------------------------

void program_run::on_stdout(std::string_view bytes) {
  if (!events_) return;
  output_bytes_ += bytes.size();
  if (output_bytes_ > tool_.output_bytes_max || !lines_.feed(bytes, [this](std::string_view l) { take_line(l); }))
    refuse("The program wrote more than " + std::to_string(tool_.output_bytes_max) + " bytes and was stopped");
}

void program_run::on_stderr(std::string line) {
  to_.said(tool_.name + ": " + line);
  last_words_ = std::move(line);
}

void program_run::on_exit(failure why) {
  process_ = nullptr;
  if (events_ && !lines_.rest().empty()) take_line(std::string(lines_.rest()));
  if (events_ && why.code == errc::spawn_failed) {
    events_->on_failed(std::move(why));
    settle();
  }
  if (events_) {
    const bool is_whole = why.detail.ends_with(": exit status 0") && !(content_.empty() && text_.empty());
    if (is_whole) {
      succeed({}, {});
    } else {
      refuse("The program ended without a result (" + why.detail + ")" +
             (last_words_.empty() ? "" : "; its last words: " + last_words_));
    }
  }
  loop_.post(std::move(to_.gone));
}

void program_run::take_line(std::string_view line) {
  if (!events_ || line.find_first_not_of(" \t") == std::string_view::npos) return;
  if (!is_object_text(line)) return to_.said(tool_.name + ": stdout: " + printable_line(line, garbage_bytes_max));
  if (const auto state = mcp::member(line, "state"); state.data() != nullptr) state_ = state;
  if (mcp::member(line, "progress").data() != nullptr) show_progress(line);
  if (mcp::member(line, "log").data() != nullptr) show_log(line);
  if (const auto piece = mcp::member(line, "partial"); piece.data() != nullptr) add_piece(piece);
  if (const auto error = mcp::member(line, "error"); error.data() != nullptr)
    return refuse(mcp::string_value(error).value_or(std::string(error)));
  if (const auto result = mcp::member(line, "result"); result.data() != nullptr) take_result(result);
}

void program_run::take_result(std::string_view result) {
  if (is_null(result)) return succeed({}, {});
  const auto content = mcp::member(result, "content");
  if (!is_list(content)) {
    const auto text = mcp::string_value(result);
    text_ += text ? *text : std::string(result);
    return succeed(mcp::is_object(result) ? result : raw_json(), {});
  }
  add_content(content);
  if (mcp::member(result, "isError") != "true")
    return succeed(mcp::member(result, "structuredContent"), mcp::member(result, "_meta"));
  refuse({});
}

// --- what the client sees of it --------------------------------------------------------------------------------------

void program_run::tell(const std::string& method, const std::string& params) {
  events_->on_message(mcp::make_notification(method, params));
}

/// Progress has to increase (specification, "Progress"). Pieces count as such where the program itself says nothing.
double program_run::next_progress() {
  if (!counts_itself_) return ++progress_;
  return progress_ = std::nextafter(progress_, std::numeric_limits<double>::infinity());
}

void program_run::show_progress(std::string_view line) {
  const auto given = mcp::member(line, "progress");
  double value = 0;
  const auto read = std::from_chars(given.data(), given.data() + given.size(), value);
  if (read.ec != std::errc() || !call_.wants_progress) return;
  counts_itself_ = true;
  progress_ = value > progress_ ? value : next_progress();
  auto params = R"({"progressToken":)" + std::to_string(call_.id) + R"(,"progress":)" + number(progress_);
  if (const auto total = mcp::member(line, "total"); !is_null(total)) params.append(R"(,"total":)").append(total);
  if (const auto words = mcp::member(line, "message"); mcp::is_string(words))
    params.append(R"(,"message":)").append(words);
  tell("notifications/progress", params + "}");
}

void program_run::show_log(std::string_view line) {
  const auto given = mcp::string_value(mcp::member(line, "level")).value_or("info");
  constexpr std::array<std::string_view, 8> levels{"debug", "info",     "notice", "warning",
                                                   "error", "critical", "alert",  "emergency"};
  const bool is_known = std::find(levels.begin(), levels.end(), given) != levels.end();
  tell("notifications/message", R"({"level":)" + mcp::quote(is_known ? given : "info") + R"(,"logger":)" +
                                    mcp::quote(tool_.name) + R"(,"data":)" + std::string(mcp::member(line, "log")) +
                                    "}");
}

/// A piece of the result: it is shown at once, and once more in the whole.
void program_run::add_piece(std::string_view piece) {
  if (const auto text = mcp::string_value(piece)) {
    text_ += *text;
  } else if (is_list(piece)) {
    add_content(piece);
  } else if (mcp::is_object(piece)) {
    add_content("[" + std::string(piece) + "]");
  } else {
    return;
  }
  if (!call_.wants_progress) return;
  tell("notifications/progress", R"({"progressToken":)" + std::to_string(call_.id) + R"(,"progress":)" +
                                     number(next_progress()) + R"(,"_meta":{")" + partial_member + R"(":)" +
                                     std::string(piece) + "}}");
}

void program_run::add_content(std::string_view list) {
  const auto each = mcp::elements(list);
  for (const auto item : each ? *each : std::vector<raw_json>()) {
    if (!mcp::is_object(item)) continue;
    if (!text_.empty()) content_.push_back(text_content(std::exchange(text_, {})));
    content_.emplace_back(item);
  }
}

// --- its end ---------------------------------------------------------------------------------------------------------

void program_run::succeed(std::string_view structured, std::string_view meta) {
  std::string extra;
  if (mcp::is_object(structured)) extra.append(R"(,"structuredContent":)").append(structured);
  auto told = mcp::is_object(meta) ? std::string(meta) : std::string();
  if (!state_.empty() && tool_.stateful) told = mcp::with_member(told.empty() ? "{}" : told, state_member, state_);
  if (!told.empty()) extra.append(R"(,"_meta":)").append(told);
  answer(R"("isError":false)" + extra);
}

/// A failure of the tool, which the model is to see. Empty: what it said in its content.
void program_run::refuse(const std::string& words) {
  if (!words.empty()) {
    if (!text_.empty()) content_.push_back(text_content(std::exchange(text_, {})));
    text_ = words;
  }
  auto meta = std::string();
  if (!state_.empty() && tool_.stateful) meta = R"(,"_meta":)" + mcp::with_member("{}", state_member, state_);
  answer(R"("isError":true)" + meta);
}

void program_run::answer(std::string result) {
  if (!text_.empty()) content_.push_back(text_content(std::exchange(text_, {})));
  std::string list;
  for (const auto& item : content_) list.append(list.empty() ? "" : ",").append(item);
  if (events_)
    events_->on_answer(mcp::make_result(std::to_string(call_.id), R"({"content":[)" + list + "]," + result + "}"));
  settle();
  end();
}

void program_run::settle() {
  loop_.cancel(std::exchange(timer_, 0));
  if (std::exchange(events_, nullptr)) to_.settled();
}

/// What it does from here on is of no interest.
void program_run::end() {
  if (std::exchange(ending_, true) || !process_) return;
  std::exchange(process_, nullptr)->close(kill_grace, std::move(to_.gone));
}

}  // namespace holdfast::transport
