#pragma once

#include <cstdint>
#include <string>

namespace holdfast::actors {

/// What can be written down of a stream.
struct event_record {
  enum class kind : std::uint8_t {
    event,
    marker,     ///< a position to resume from, without an event
    end,        ///< nothing more comes, and the connection ends
    abandoned,  ///< nothing more comes, and the connection is left to the client
    place,      ///< only how far the numbers have come
  };
  std::uint64_t number = 0;
  std::uint32_t stream = 0;
  std::uint64_t position = 0;
  std::uint64_t event_before = 0;  ///< the position of the event before it; what lies between are markers
  kind what = kind::event;
  bool last = false;
  std::string text;  ///< of an event, as it is sent
};

/// What is kept of events for resumption.
struct kept_events {
  std::uint64_t number = 0, bytes = 0;
};

/// Makes events durable before a client sees them.
class event_keeper {
 public:
  virtual ~event_keeper() = default;

  /// Takes a record (a JSON object) and returns its number, higher than all before. `event_streams::settle` is called
  /// with that number or a higher one once it is durable.
  virtual std::uint64_t keep(std::string record) = 0;

  /// Records with lower numbers are of no use any more.
  virtual void drop_before(std::uint64_t number) = 0;
};

}  // namespace holdfast::actors
