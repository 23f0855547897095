#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <functional>

#include "transport/http_parser_impl.hpp"

namespace holdfast::transport {

namespace http = boost::beast::http;

namespace {

std::string_view std_view(boost::beast::string_view s) noexcept { return {s.data(), s.size()}; }

/// `known` is in lower case and of the same length; `name` is a token.
bool same_name(std::string_view name, std::string_view known) noexcept {
  for (std::size_t i = 0; i < known.size(); ++i)
    if ((name[i] | 0x20) != known[i]) return false;
  return true;
}

http_method method_of(http::verb v) noexcept {
  switch (v) {
    case http::verb::get: return http_method::get;
    case http::verb::post: return http_method::post;
    case http::verb::delete_: return http_method::del;
    case http::verb::options: return http_method::options;
    case http::verb::head: return http_method::head;
    default: return http_method::other;
  }
}

constexpr std::string_view http_request::*all_views[] = {&http_request::path,
                                                         &http_request::query,
                                                         &http_request::host,
                                                         &http_request::origin,
                                                         &http_request::accept,
                                                         &http_request::content_type,
                                                         &http_request::traceparent,
                                                         &http_request::authorization,
                                                         &http_request::session_id,
                                                         &http_request::last_event_id,
                                                         &http_request::protocol_version,
                                                         &http_request::repeated,
                                                         &http_request::awaited,
                                                         &http_request::user};

}  // namespace

http_parser::http_parser(const http_limits& limits) : headers_max_(limits.headers_max) {
  header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
  body_limit(limits.body_bytes_max);
}

void http_parser::rebase(const char* from, const char* to) noexcept {
  for (const auto member : all_views) {
    std::string_view& v = request_.*member;
    const bool own = v.data() == joined_accept_.data() && !joined_accept_.empty();
    if (v.data() && !own) v = {to + (v.data() - from), v.size()};
  }
}

void http_parser::refuse(int status, error_code& ec) {
  refused_ = status;
  ec = http::error::bad_field;
}

void http_parser::on_request_impl(verb method, view, view target, int version, error_code& ec) {
  request_.method = method_of(method);
  http11_ = version == 11;
  take_target(std_view(target), ec);
}

void http_parser::take_target(std::string_view target, error_code& ec) {
  // RFC 9112, section 3.2.2: a server must accept the absolute form, and its authority replaces the Host field.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t authority = std::min(target.find_first_of("/?"), target.size());
    request_.host = target.substr(0, authority);
    host_in_target_ = true;
    target.remove_prefix(authority);
    if (target.empty() || target.front() == '?') return refuse(400, ec);
  }
  const bool asterisk = target == "*" && request_.method == http_method::options;
  if (!asterisk && !target.starts_with('/')) return refuse(400, ec);
  const std::size_t mark = target.find('?');
  request_.path = target.substr(0, mark);
  if (mark != target.npos) request_.query = target.substr(mark + 1);
}

bool http_parser::contiguous(view name, view value) const noexcept {
  // A folded value (obsolete, RFC 9112 section 5.2) has been copied elsewhere or starts on a later line.
  const std::less<const char*> before;
  if (before(value.data(), begin_) || before(end_, value.data() + value.size())) return false;
  for (const char* p = name.data() + name.size(); p < value.data(); ++p)
    if (*p == '\r') return false;
  return true;
}

void http_parser::on_field_impl(field, view name, view value, error_code& ec) {
  if (++headers_ > headers_max_) return refuse(431, ec);
  if (!contiguous(name, value)) return refuse(400, ec);
  if (!header_done_) take_field(std_view(name), std_view(value), ec);
}

void http_parser::take_single(std::string_view& slot, std::string_view value, error_code& ec) {
  if (slot.data()) return refuse(400, ec);
  slot = value;
}

void http_parser::take_accept(std::string_view value) {
  if (!request_.accept.data()) {
    request_.accept = value;
    return;
  }
  if (joined_accept_.empty()) joined_accept_ = request_.accept;
  joined_accept_.append(", ").append(value);
  request_.accept = joined_accept_;
}

void http_parser::take_field(std::string_view name, std::string_view value, error_code& ec) {
  const auto is = [name](std::string_view known) { return same_name(name, known); };
  switch (name.size()) {
    case 4:
      if (is("host")) {
        if (has_host_) return refuse(400, ec);
        has_host_ = true;
        if (!host_in_target_) request_.host = value;
      }
      return;
    case 6:
      if (is("accept")) return take_accept(value);
      if (is("origin")) return take_single(request_.origin, value, ec);
      if (is("expect")) expects_continue_ = value.size() == 12 && same_name(value, "100-continue");
      return;
    case 11:
      if (is("traceparent")) {
        // Two of them mean nothing that could be passed on (Trace Context, section 4.3).
        request_.traceparent = has_trace_ ? std::string_view{} : value;
        has_trace_ = true;
      }
      return;
    case 12:
      if (is("content-type")) return take_single(request_.content_type, value, ec);
      return;
    case 13:
      if (is("authorization")) return take_single(request_.authorization, value, ec);
      if (is("last-event-id")) return take_single(request_.last_event_id, value, ec);
      if (is("holdfast-user")) return take_single(request_.user, value, ec);
      return;
    case 14:
      if (is("mcp-session-id")) return take_single(request_.session_id, value, ec);
      if (is("content-length")) {
        const bool digits = std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (has_length_ || !digits) return refuse(400, ec);
        has_length_ = true;
      }
      return;
    case 16:
      if (is("holdfast-awaited")) request_.awaited = value;
      return;
    case 17:
      if (is("transfer-encoding")) {
        // Anything else than exactly this is how requests are smuggled past a server in front of us.
        if (has_coding_ || has_length_ || !http11_) return refuse(400, ec);
        if (value.size() != 7 || !same_name(value, "chunked")) return refuse(501, ec);
        has_coding_ = true;
      }
      if (is("holdfast-repeated")) request_.repeated = value;
      return;
    case 20:
      if (is("mcp-protocol-version")) return take_single(request_.protocol_version, value, ec);
      return;
    default: return;
  }
}

void http_parser::on_header_impl(error_code& ec) {
  header_done_ = true;
  if (http11_ && !has_host_) refuse(400, ec);
}

std::size_t http_parser::on_chunk_body_impl(std::uint64_t, view body, error_code&) {
  std::memmove(chunks_to_, body.data(), body.size());
  chunks_to_ += body.size();
  return body.size();
}

}  // namespace holdfast::transport
