// Input: a method, header lines and a body, as in HTTP but with LF. Whatever they are, a request is refused with a
// JSON-RPC error that has a meaning, or it is what the session may rely on.

#include "transport/mcp/classify.hpp"

#include <algorithm>

#include "tests/fuzz/property.hpp"

using namespace holdfast::mcp;
using namespace holdfast::fuzz;
using kind = classified::kind;

namespace {

constexpr std::size_t batch_max = 8;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(text.size(), end + 1));
  return line;
}

http_facts facts_of(std::string_view text) {
  http_facts facts;
  const std::string_view name = take_line(text);
  if (name == "GET") facts.method = http_facts::verb::get;
  if (name == "POST") facts.method = http_facts::verb::post;
  if (name == "DELETE") facts.method = http_facts::verb::del;
  for (std::string_view line = take_line(text); !line.empty(); line = take_line(text)) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view value = line.substr(std::min(line.size(), colon + 1));
    switch (line.front()) {
      case 'h': facts.host = value; break;
      case 'o': facts.origin = value; break;
      case 'a': facts.accept = value; break;
      case 'c': facts.content_type = value; break;
      case 's': facts.session_id = value; break;
      case 'v': facts.protocol_version = value; break;
      case 'l': facts.last_event_id = value; break;
      default: break;
    }
  }
  facts.body = text;
  return facts;
}

void check_refusal(const refusal& r, const http_facts& facts) {
  constexpr int statuses[] = {400, 405, 406, 415};
  property(std::find(std::begin(statuses), std::end(statuses), r.status) != std::end(statuses), "the status is known");
  property((r.status == 405) == !r.allow.empty(), "the allowed methods are told with 405");
  const auto error = scan(r.body);
  property(error.has_value() && error->kind == message_kind::answer && is_object(error->error),
           "a refusal is a JSON-RPC error");
  property(integer_value(member(error->error, "code")).has_value(), "an error has a code");
  property(string_value(member(error->error, "message")).has_value(), "an error has a message");
  const raw_json id = error->id;
  property(id.data() == nullptr || (id != "null" && id == member(facts.body, "id")), "an id is the request's own");
}

void check_accepted(const classified& c, const http_facts& facts) {
  property((c.what == kind::initialize) == facts.session_id.empty(), "all but initialize have a session id");
  if (c.what == kind::open_stream || c.what == kind::end_session) return;
  property(facts.method == http_facts::verb::post, "messages come by POST");
  if (c.what == kind::batch) {
    property(!c.batch.empty() && c.batch.size() <= batch_max, "a batch is neither empty nor too large");
    for (raw_json one : c.batch) {
      property(within(one, facts.body), "a message of a batch lies in the body");
      const auto scanned = scan(one);
      property(scanned.has_value() && scanned->what != method::initialize, "a batch holds messages, not initialize");
    }
    return;
  }
  const envelope& e = c.message;
  property((c.what == kind::initialize) == (e.what == method::initialize && e.kind == message_kind::request),
           "an initialize request is told as such");
  for (raw_json span : {e.id, e.params, e.result, e.error}) {
    property(span.data() == nullptr || within(span, facts.body), "the message's spans lie in the body");
  }
}

void check_access(const http_facts& facts) {
  const access_rules local{.hosts = {"localhost", "[::1]"}, .origins = {}};
  const access_rules any{.hosts = {"*"}, .origins = {"*"}};
  if (!allowed(local, facts.host, facts.origin)) return;
  property(allowed(local, facts.host, {}), "who may ask with an origin may ask without");
  property(allowed(any, facts.host, facts.origin), "wider rules allow no less");
  property(facts.host.size() >= 5 && facts.host.size() <= 16, "an allowed host is one of those listed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const http_facts facts = facts_of(text_of(data, size));
  check_access(facts);
  const classified c = classify(facts, batch_max);
  if (c.what == kind::refused) {
    check_refusal(c.refused, facts);
  } else {
    check_accepted(c, facts);
  }
  return 0;
}
