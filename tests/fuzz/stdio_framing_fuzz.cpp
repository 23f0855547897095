// Lines come out the same however the bytes are cut; a framed message is one line that holds the same message.

#include "transport/stdio_framing.hpp"

#include "tests/fuzz/property.hpp"
#include "transport/mcp/envelope.hpp"

using namespace holdfast;
using namespace holdfast::fuzz;

namespace {

struct outcome {
  std::vector<std::string> lines;
  std::string rest;
  bool within_limit = true;
  bool operator==(const outcome&) const = default;
};

outcome split(const std::vector<std::string>& pieces, std::size_t limit) {
  outcome o;
  transport::line_splitter splitter(limit);
  for (const auto& piece : pieces) {
    o.within_limit = splitter.feed(piece, [&](std::string_view line) { o.lines.emplace_back(line); });
    if (!o.within_limit) return o;
  }
  o.rest = splitter.rest();
  return o;
}

// The bytes as they must have been, but for a CR before a LF.
std::string joined(const outcome& o) {
  std::string text;
  for (const auto& line : o.lines) text += line + "\n";
  return text + o.rest;
}

std::string without_cr_before_lf(std::string_view text) {
  std::string kept;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' || text.substr(i + 1, 1) != "\n") kept += text[i];
  }
  return kept;
}

void check_framing(std::string_view text) {
  const std::string line = transport::frame_line(std::string(text));
  property(line.find('\n') == line.size() - 1, "a framed message has one LF, at its end");
  const bool was_message = mcp::scan(text).has_value();
  if (!was_message) return;
  property(split({line}, line.size()).lines.size() == 1, "a framed message is split off as one line");
  const auto before = mcp::scan(text);
  const auto after = mcp::scan(line);
  property(after.has_value(), "a framed message is still a message");
  property(after->kind == before->kind && after->what == before->what && after->id == before->id,
           "a framed message is the same message");
}

void check_printable(std::string_view text, std::size_t limit) {
  const std::string printed = transport::printable_line(text, limit);
  property(printed.size() <= limit, "a printable line is within its limit");
  property(mcp::string_value(mcp::quote(printed)) == printed, "a printable line is well-formed UTF-8");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t limit = data[0] < 128 ? 100'000 : data[0] - 128u;
  const std::string_view stream = text_of(data + 2, size - 2);
  const outcome whole = split({std::string(stream)}, limit);
  property(split(cut(stream, data[1]), limit) == whole, "cutting the stream changes nothing");
  for (const auto& line : whole.lines) {
    property(line.find('\n') == line.npos, "a line holds no LF");
    property(line.size() <= limit, "a line is within the limit");
  }
  if (whole.within_limit) {
    property(without_cr_before_lf(joined(whole)) == without_cr_before_lf(without_cr_before_lf(stream)),
             "no byte is lost");
  }
  check_framing(stream);
  check_printable(stream, limit);
  return 0;
}
