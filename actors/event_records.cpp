#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "actors/event_streams.hpp"
#include "transport/mcp/envelope.hpp"

// How event streams are written down, and how they come back.

namespace holdfast::actors {
namespace {

/// The message inside the text of an event.
std::string_view message_of(std::string_view event) {
  constexpr std::string_view before = "\ndata: ";
  const auto at = event.find(before);
  return at == event.npos ? "{}" : event.substr(at + before.size(), event.size() - at - before.size() - 2);
}

/// Where an entry goes on.
std::uint64_t place_before(const event_record& e) {
  const auto takes_one = e.what == event_record::kind::event || e.what == event_record::kind::marker;
  return e.position - (takes_one ? 1 : 0);
}

}  // namespace

std::string event_streams::record_of(const entry& e, bool delivered) const {
  auto record = R"({"s":)" + std::to_string(e.stream) + R"(,"p":)" + std::to_string(e.position) + R"(,"k":)" +
                std::to_string(static_cast<int>(e.what));
  if (e.event_before != place_before(e)) record += R"(,"b":)" + std::to_string(e.event_before);
  if (e.what == kind::place) record += R"(,"n":)" + std::to_string(last_stream_);
  if (delivered) record += R"(,"d":1)";
  if (e.last) record += R"(,"f":1)";
  if (e.what == kind::event) record.append(R"(,"m":)").append(message_of(e.text));
  return record + "}";
}

std::vector<std::pair<std::uint64_t, std::string>> event_streams::records() const {
  std::map<std::uint64_t, std::string> all;
  const auto add = [&](const stream& s) {
    auto before = s.log.dropped();
    s.log.each([&](std::uint64_t position, std::uint64_t record, std::string_view text) {
      const auto last = s.finished && position == s.log.last();
      all.emplace(record, record_of({record, s.number, position, std::exchange(before, position), kind::event, last,
                                     std::string(text)},
                                    position <= s.delivered));
    });
    if (s.record == 0 || all.contains(s.record)) return;
    const auto what = s.finished ? kind::end : kind::place;
    all.emplace(s.record,
                record_of({s.record, s.number, s.log.last(), before, what, false, {}}, s.delivered == s.log.last()));
  };
  add(own_);
  for (const auto& s : others_) add(s);
  for (const auto& e : unsettled_) all.emplace(e.number, record_of(e, false));
  return {std::make_move_iterator(all.begin()), std::make_move_iterator(all.end())};
}

void event_streams::restore(std::uint64_t record, std::string_view bytes) {
  const auto number_at = [&](std::string_view name) {
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, mcp::integer_value(mcp::member(bytes, name)).value_or(0)));
  };
  const auto number = static_cast<std::uint32_t>(number_at("s"));
  entry e{record, number, number_at("p"), 0, static_cast<kind>(number_at("k")), false, {}};
  e.event_before = mcp::member(bytes, "b").data() != nullptr ? number_at("b") : place_before(e);
  last_record_ = record;
  if (kept_from_ == 0) kept_from_ = record;
  last_stream_ = std::max({last_stream_, number, static_cast<std::uint32_t>(number_at("n"))});
  auto* s = find(number);
  if (s == nullptr) {
    s = &others_.emplace_back();
    s->number = number;
  }
  s->record = record;
  if (s->begun == 0) s->begun = record;
  s->log.continue_after(place_before(e), e.event_before);
  s->last_event = std::max(s->last_event, e.event_before);
  if (e.what == kind::event) {
    s->last_event = s->log.append(event_text(*s, e.position, mcp::member(bytes, "m")), log_limits(), record);
  } else if (e.what == kind::marker) {
    s->log.append_marker();
  }
  s->last = s->log.last();
  if (number_at("d") != 0) s->delivered = s->last;
  if (number_at("f") != 0 || e.what == kind::end || e.what == kind::abandoned) {
    s->said_all = s->finished = true;
    s->finished_at = clock::now();
  }
}

/// Records that no stream needs any more go, so that the oldest one kept is never far behind the newest.
void event_streams::drop_records() {
  if (keeper_ == nullptr || !unsettled_.empty()) return;
  const auto far = 4 * limits_.replay_events_max;
  auto needed = last_record_ + 1;
  const auto visit = [&](stream& s) {
    while (s.log.oldest_record() != 0 && s.log.oldest_record() + far < last_record_) s.log.drop_oldest();
    // A stream of which nothing was dropped can be told from its beginning, which a marker stands for.
    const auto whole = &s != &own_ && s.log.covers(0) && s.begun + far >= last_record_;
    const auto oldest = whole ? s.begun : s.log.oldest_record() != 0 ? s.log.oldest_record() : s.record;
    if (oldest != 0) needed = std::min(needed, oldest);
  };
  for (auto& s : others_) visit(s);
  const auto needed_by_others = needed;
  visit(own_);
  // A record that only says how far the numbers have come can be written again.
  const auto only_a_place = own_.log.oldest_record() == 0 && own_.record != 0 && own_.record + 1 < needed_by_others;
  const auto newest_gone =
      needed > kept_from_ && last_stream_ > 0 && find(last_stream_) == nullptr && own_.record < needed;
  if (only_a_place || newest_gone) return note(own_, kind::place, {}, false);
  if (needed <= kept_from_ || kept_from_ == 0) return;
  kept_from_ = needed;
  keeper_->drop_before(needed);
}

}  // namespace holdfast::actors
