#include "transport/upstream_handshake.hpp"

#include "transport/errc.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::transport {
namespace {

// What a stranger says goes into logs: no more of it than names the trouble.
constexpr std::size_t words_bytes_max = 200;

/// "a, b" of an array of strings, and whether a legacy revision is among them.
std::pair<std::string, bool> supported_revisions(mcp::raw_json error) {
  std::pair<std::string, bool> out{"", false};
  auto list = mcp::elements(mcp::member(mcp::member(error, "data"), "supported"), 64);
  if (!list) return out;
  for (auto raw : *list) {
    auto name = mcp::string_value(raw).value_or("");
    auto revision = mcp::parse_revision(name);
    out.second = out.second || (revision && mcp::era_of(*revision) == mcp::era::legacy);
    if (out.first.size() + name.size() <= words_bytes_max) out.first.append(out.first.empty() ? "" : ", ").append(name);
  }
  return out;
}

failure refusal(mcp::raw_json error) {
  auto code = mcp::integer_value(mcp::member(error, "code")).value_or(0);
  auto words = mcp::string_value(mcp::member(error, "message")).value_or("");
  if (words.size() > words_bytes_max) words.resize(words_bytes_max);
  auto supported = supported_revisions(error);
  if (code == mcp::code::unsupported_revision && !supported.second)
    return {make_error_code(errc::unsupported_era), "the upstream serves only " + supported.first};
  return {make_error_code(errc::handshake_failed), "initialize: " + words + " (" + std::to_string(code) + ")"};
}

}  // namespace

outcome<handshake> read_handshake(std::string_view answer) {
  auto scanned = mcp::scan(answer);
  if (!scanned) return failure{scanned.error(), "the answer to initialize"};
  if (scanned->error.data() != nullptr) return refusal(scanned->error);
  auto version = mcp::string_value(mcp::member(scanned->result, "protocolVersion"));
  if (!version) return failure{make_error_code(errc::bad_message), "the answer to initialize has no protocolVersion"};
  auto revision = mcp::parse_revision(*version);
  if (!revision || mcp::era_of(*revision) != mcp::era::legacy) {
    if (version->size() > words_bytes_max) version->resize(words_bytes_max);
    return failure{make_error_code(errc::unsupported_era), "the upstream chose revision " + *version};
  }
  return handshake{std::string(scanned->result), *revision};
}

std::string initialize_request(std::uint64_t id, std::string_view params) {
  return mcp::make_request(std::to_string(id), mcp::to_string(mcp::method::initialize), params);
}

std::string initialized_notification() { return mcp::make_notification(mcp::to_string(mcp::method::initialized), {}); }

std::string cancelled_notification(std::uint64_t id, std::string_view reason) {
  return mcp::make_notification(mcp::to_string(mcp::method::cancelled),
                                "{\"requestId\":" + std::to_string(id) + ",\"reason\":" + mcp::quote(reason) + "}");
}

}  // namespace holdfast::transport
