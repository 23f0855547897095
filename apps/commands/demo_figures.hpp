#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::apps {

/// What was seen while a node was killed under a call. Times count from the call.
struct failover_record {
  using time = std::chrono::microseconds;
  struct step {
    time at{0};
    std::int64_t number = 0;
  };

  std::int64_t steps = 0;  ///< that the tool takes
  std::vector<step> progress;
  std::string owner;                 ///< of the session; was killed
  std::optional<time> killed;        ///< nothing: it did not come to that
  std::string successor;             ///< who has the session then; empty = nobody was seen to
  std::optional<time> taken_over;    ///< when that was seen
  std::optional<time> answered;      ///< nothing: no answer came
  std::string answer;                ///< its text
  std::string trouble;               ///< in place of a good answer
  std::optional<std::int64_t> runs;  ///< of the tool, as its server counted them
  std::string runs_trouble;          ///< why that is not known
};

/// How long the client waited: between the last thing it heard before the kill and the first after it. Nothing if it
/// heard nothing before or after.
std::optional<failover_record::time> gap_of(const failover_record& r);

/// The middle one of its waits before that; nothing if there was none.
std::optional<failover_record::time> usual_wait_of(const failover_record& r);

/// What was promised and not kept; empty if all was. Promised are an answer, each step of the progress once and in
/// order, one run of the tool, and another node that takes the session over.
std::vector<std::string> broken_promises(const failover_record& r);

/// The figures as one JSON object.
std::string figures_json(const failover_record& r);

/// "213 ms"
std::string milliseconds_text(failover_record::time t);

}  // namespace holdfast::apps
