// However a stream is cut, the parser yields the same events, retry time, last id and verdict.

#include "transport/sse_parser.hpp"

#include "tests/fuzz/property.hpp"

using namespace holdfast::fuzz;
using holdfast::transport::sse_event;
using holdfast::transport::sse_parser;

namespace {

struct outcome {
  std::vector<std::string> events;
  bool within_limit = true;
  std::optional<unsigned> retry_ms;
  std::string last_id;
  bool operator==(const outcome&) const = default;
};

outcome parse(const std::vector<std::string>& pieces, std::size_t limit) {
  outcome o;
  sse_parser parser(limit);
  for (const auto& piece : pieces) {
    o.within_limit = parser.feed(piece, [&](const sse_event& e) {
      property(e.data.size() <= limit, "the data of an event is within the limit");
      property(!e.id || *e.id == parser.last_event_id(), "an event's id is the last id seen");
      property(!e.id || e.id->find('\0') == e.id->npos, "no id holds a NUL");
      property(e.type.find_first_of("\r\n") == e.type.npos, "a type is one line");
      property(e.data.find('\r') == e.data.npos, "line ends in data are LF");
      o.events.push_back(std::string(e.type) + '\n' + std::string(e.id.value_or("-")) + '\n' + std::string(e.data));
    });
    if (!o.within_limit) break;
  }
  o.retry_ms = parser.retry_ms();
  o.last_id = parser.last_event_id();
  return o;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t limit = data[0] < 128 ? 1000 : data[0] - 128u;
  const std::string_view stream = text_of(data + 2, size - 2);
  const outcome whole = parse({std::string(stream)}, limit);
  property(parse(cut(stream, data[1]), limit) == whole, "cutting the stream changes nothing");
  std::vector<std::string> bytes;
  for (char c : stream) bytes.emplace_back(1, c);
  property(parse(bytes, limit) == whole, "feeding byte by byte changes nothing");
  return 0;
}
