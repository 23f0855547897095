#include "persistence/redis/redis_answers.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "persistence/redis/redis_info.hpp"

namespace holdfast::persistence {
namespace {

constexpr std::uint64_t replicas_max = 100;  // that are looked at

store_failure corrupt(std::string what) { return {store_errc::corrupt, "in Redis: " + std::move(what)}; }

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, into);
  return error == std::errc() && stop == end;
}

/// Of "<number>:<rest>".
struct numbered {
  std::uint64_t number = 0;
  std::string_view rest;
};

std::optional<numbered> read_numbered(std::string_view text) {
  const auto colon = text.find(':');
  numbered n;
  if (colon == text.npos || !read_number(text.substr(0, colon), n.number)) return std::nullopt;
  n.rest = text.substr(colon + 1);
  return n;
}

bool take_field(std::string_view name, std::string value, record& into, bool& counted) {
  if (name.empty()) return false;
  const auto rest = std::string(name.substr(1));
  switch (name[0]) {
    case 'q': return counted = read_number(value, into.sequence);
    case 's': into.snapshot = std::move(value); return true;
    case 'p': into.parts.emplace(rest, std::move(value)); return true;
    case 'j': {
      if (value.empty() || value[0] < '0' || value[0] > '1') return false;
      auto& entry = into.journal[rest];
      entry.stage = static_cast<stage>(value[0] - '0');
      entry.bytes = value.substr(1);
      return true;
    }
    default: return true;  // what only scripts need, or a later version knows
  }
}

}  // namespace

result<verdict> read_verdict(const redis_reply& reply) {
  if (reply.kind != redis_reply::kind::integer || reply.integer < 0 || reply.integer > 3)
    return corrupt("a script's answer is no verdict");
  return static_cast<verdict>(reply.integer);
}

result<std::optional<record>> read_record(redis_reply& fields) {
  auto& all = fields.elements;
  if (all.empty()) return std::optional<record>();
  record r;
  bool counted = false;
  for (std::size_t i = 0; i + 1 < all.size(); i += 2)
    if (!take_field(all[i].text, std::move(all[i + 1].text), r, counted)) return corrupt("a field of an entity");
  if (!counted) return corrupt("an entity without a sequence");
  return std::optional<record>(std::move(r));
}

result<std::vector<event>> read_events(redis_reply& entries) {
  std::vector<event> events;
  events.reserve(entries.elements.size());
  for (auto& entry : entries.elements) {
    event e;
    if (entry.elements.size() != 2 || entry.elements[1].elements.size() != 2) return corrupt("an event");
    const std::string_view id = entry.elements[0].text;
    if (!read_number(id.substr(0, id.find('-')), e.number)) return corrupt("the number of an event");
    e.bytes = std::move(entry.elements[1].elements[1].text);
    events.push_back(std::move(e));
  }
  return events;
}

result<page> read_page(redis_reply& reply) {
  auto& all = reply.elements;
  if (all.size() % 3 != 1) return corrupt("a list of entities");
  page p;
  p.next = std::move(all[0].text);
  for (std::size_t i = 1; i < all.size(); i += 3) {
    listed l{std::move(all[i].text), std::nullopt, 0};
    if (all[i + 1].integer >= 0) l.expires_in = std::chrono::milliseconds(all[i + 1].integer);
    if (!read_number(all[i + 2].text, l.open_executions)) return corrupt("a count of open executions");
    p.entries.push_back(std::move(l));
  }
  return p;
}

result<std::optional<token>> read_owner(const redis_reply& reply) {
  if (!reply.is_text()) return std::optional<token>();
  const auto read = read_numbered(reply.text);
  if (!read) return corrupt("an ownership record");
  if (read->rest.empty()) return std::optional<token>();
  return std::optional<token>(token{read->number, std::string(read->rest)});
}

result<std::optional<versioned>> read_view(const redis_reply& reply) {
  if (!reply.is_text()) return std::optional<versioned>();
  const auto read = read_numbered(reply.text);
  if (!read) return corrupt("the view");
  return std::optional<versioned>(versioned{read->number, std::string(read->rest)});
}

result<standing> read_standing(const redis_reply& reply) {
  if (!reply.is_text()) return corrupt("INFO is not answered as Redis does");
  const auto number = [&](const std::string& name) -> std::optional<std::uint64_t> {
    std::uint64_t n = 0;
    return read_number(info_field(reply.text, name), n) ? std::optional(n) : std::nullopt;
  };
  standing s;
  s.role = info_field(reply.text, "role");
  s.replicas = number("connected_slaves").value_or(0);
  const auto written = number("master_repl_offset").value_or(0);
  for (std::uint64_t i = 0; i < std::min(s.replicas, replicas_max); ++i) {
    // ip=10.0.0.2,port=6379,state=online,offset=1234,lag=0
    const auto line = info_field(reply.text, "slave" + std::to_string(i));
    constexpr std::string_view mark = ",offset=";
    const auto at = line.find(mark);
    if (at == line.npos) continue;
    const auto digits = std::string_view(line).substr(at + mark.size());
    std::uint64_t confirmed = 0;
    if (!read_number(digits.substr(0, digits.find(',')), confirmed)) continue;
    s.lag_bytes = std::max(s.lag_bytes.value_or(0), written - std::min(confirmed, written));
  }
  return s;
}

result<store_format> read_format(const redis_reply& reply) {
  const auto read = read_numbered(reply.text);
  store_format f;
  if (!reply.is_text() || !read || !read_number(read->rest, f.slots)) return corrupt("the format's record");
  f.version = read->number;
  return f;
}

}  // namespace holdfast::persistence
