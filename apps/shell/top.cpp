#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <sstream>

#include "apps/commands/options.hpp"
#include "apps/commands/terminal.hpp"
#include "apps/shell/listing.hpp"
#include "apps/shell/live_screen.hpp"
#include "apps/shell/operator_commands.hpp"
#include "apps/shell/quantities.hpp"
#include "apps/shell/ranking.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct top_options {
  std::string sort = "rate";
  std::chrono::milliseconds every = 1s;
  std::size_t times = 0;
};

/// What a key means; nothing if it sorts by nothing.
std::optional<std::string> sort_of(char key) {
  switch (key) {
    case 'r': return "rate";
    case 'c': return "calls";
    case 'm': return "memory";
    case 'b': return "mailbox";
    case 'a': return "age";
    case 'i': return "idle";
    default: return std::nullopt;
  }
}

/// The server sorts by what it knows; the rate is for us to find out.
std::string path_of(const std::string& sort) {
  return api_path({"sessions"}, {{"where", "memory"}, {"sort", sort == "rate" ? "handled" : sort}, {"limit", "1000"}});
}

std::string rate_text(double rate) {
  std::ostringstream out;
  out.precision(1);
  out << std::fixed << rate << "/s";
  return out.str();
}

void print_top(std::ostream& out, const json_value& answer, const std::vector<ranked_session>& sessions,
               const std::string& sort, std::size_t rows_max, std::size_t columns) {
  double calls = 0, rate = 0;
  for (const auto& s : sessions) {
    calls += s.calls;
    rate += s.rate;
  }
  out << "sessions " << plain(member(answer, "total")) << "   calls under way " << calls << "   messages "
      << rate_text(rate) << "   by " << sort;
  const auto& missing = member(answer, "unreachable");
  if (missing.IsArray() && !missing.Empty()) out << "   ! no answer from " << plain(missing);
  out << "\n\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& s : sessions) {
    if (rows.size() == rows_max) break;
    rows.push_back({s.id, s.node, s.state, rate_text(s.rate), std::to_string(static_cast<long>(s.calls)),
                    std::to_string(static_cast<long>(s.mailbox)), shown_bytes(s.memory), shown_duration(s.age),
                    shown_duration(s.idle), s.client.empty() ? "-" : s.client});
  }
  print_table(out, {"SESSION", "NODE", "STATE", "RATE", "CALLS", "MAILBOX", "MEMORY", "AGE", "IDLE", "CLIENT"}, rows,
              columns);
}

void top_on_screen(console& at, top_options o) {
  live_screen screen;
  ranking sessions;
  for (std::size_t shown_times = 0; !interruption() && (o.times == 0 || shown_times < o.times); ++shown_times) {
    const auto answer = at.try_get(path_of(o.sort), 5s);
    std::ostringstream text;
    if (answer) {
      constexpr std::size_t lines_around = 5;
      const auto rows = screen.rows() > lines_around ? screen.rows() - lines_around : 1;
      print_top(text, answer->json, sessions.look(answer->json, o.sort, clock::now()), o.sort, rows,
                terminal_columns());
    } else {
      text << answer.error().detail << '\n';
    }
    text << "\nr rate  c calls  m memory  b mailbox  a age  i idle  q quit";
    screen.show(text.str());
    const auto until = clock::now() + o.every;
    while (!interruption() && clock::now() < until) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now());
      const auto pressed = screen.key(std::min<std::chrono::milliseconds>(left, 100ms));
      if (pressed == 'q') return;
      if (const auto sort = pressed ? sort_of(*pressed) : std::nullopt) {
        o.sort = *sort;
        break;
      }
    }
  }
}

void top_in_lines(console& at, const top_options& o) {
  ranking sessions;
  // A rate takes two looks.
  sessions.look(at.get(path_of(o.sort)).json, o.sort, clock::now());
  const auto times = o.times == 0 ? 1 : o.times;
  for (std::size_t i = 0; i < times; ++i) {
    if (!pause_for(o.every)) return;
    auto answer = at.get(path_of(o.sort));
    const auto now = sessions.look(answer.json, o.sort, clock::now());
    answer.text = ranked_json(answer.json, now);
    show(at, answer, [&](std::ostream& out) { print_top(out, answer.json, now, o.sort, now.size(), at.columns()); });
  }
}

}  // namespace

void add_top(CLI::App& app, console& at) {
  const auto o = std::make_shared<top_options>();
  auto* command = add_command(app, "top", "Show the busiest sessions, again and again", [&at, o] {
    if (at.has_person() && !at.json()) return top_on_screen(at, *o);
    top_in_lines(at, *o);
  });
  command->add_option("--sort", o->sort, "what makes a session come first")
      ->type_name(std::string(ranking::keys))
      ->check(CLI::Validator(
          [](const std::string& key) {
            const auto all = "|" + std::string(ranking::keys) + "|";
            return all.find("|" + key + "|") == std::string::npos ? "is none of " + std::string(ranking::keys) : "";
          },
          ""));
  add_duration(*command, "--every", o->every, "the time between two looks");
  command->add_option("--times", o->times, "end after so many looks; without a terminal 1")->type_name("NUMBER");
  command->footer("Keys: r rate, c calls, m memory, b mailbox, a age, i idle, q quit.");
}

}  // namespace holdfast::apps
