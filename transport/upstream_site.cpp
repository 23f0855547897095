#include "transport/upstream_site.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "transport/content_type.hpp"
#include "transport/errc.hpp"

namespace holdfast::transport {
namespace {

constexpr std::array<std::string_view, 10> our_headers{
    "host",   "connection",     "content-length",       "content-type",  "transfer-encoding",
    "accept", "mcp-session-id", "mcp-protocol-version", "last-event-id", "expect"};

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

failure bad_header(const std::string& name, const char* why) {
  return {make_error_code(errc::bad_address), "configured header " + (is_token(name) ? name : "?") + ": " + why};
}

}  // namespace

bool is_header_text(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

outcome<std::shared_ptr<const upstream_site>> upstream_site::make(const http_endpoint& e, const upstream_limits& l) {
  auto where = parse_url(e.url);
  if (!where) return where.error();
  std::shared_ptr<upstream_site> site(new upstream_site);
  site->where_ = std::move(*where);
  site->target_ = {site->where_.tls, site->where_.host, site->where_.port, e.ca_file, l.connections_max, l.keep_alive};
  for (const auto& [name, value] : e.headers) {
    if (!is_token(name) || !is_header_text(value.reveal())) return bad_header(name, "malformed");
    if (std::count(our_headers.begin(), our_headers.end(), lower(name)) != 0)
      return bad_header(name, "is set by the gateway itself");
    if (lower(name) == "traceparent") site->traces_itself_ = true;
    site->configured_.append(name).append(": ").append(value.reveal()).append("\r\n");
  }
  site->build();
  return std::shared_ptr<const upstream_site>(std::move(site));
}

std::shared_ptr<const upstream_site> upstream_site::in_session(std::string_view id, std::string_view revision) const {
  std::shared_ptr<upstream_site> site(new upstream_site(*this));
  site->session_id_ = id;
  site->revision_ = revision;
  site->session_.clear();
  if (!id.empty()) site->session_.append("Mcp-Session-Id: ").append(id).append("\r\n");
  if (!revision.empty()) site->session_.append("MCP-Protocol-Version: ").append(revision).append("\r\n");
  site->build();
  return site;
}

std::shared_ptr<const upstream_site> upstream_site::at(const url& where) const {
  std::shared_ptr<upstream_site> site(new upstream_site(*this));
  site->where_ = where;
  site->build();
  return site;
}

std::string upstream_site::head(std::string_view method, std::string_view accept) const {
  std::string out(method);
  out.append(" ").append(where_.target).append(" HTTP/1.1\r\nHost: ").append(where_.authority()).append("\r\n");
  if (!accept.empty()) out.append("Accept: ").append(accept).append("\r\n");
  return out.append("User-Agent: holdfast/" HOLDFAST_VERSION "\r\n").append(configured_).append(session_);
}

void upstream_site::build() {
  post_ = std::make_shared<const std::string>(head("POST", "application/json, text/event-stream") +
                                              "Content-Type: application/json\r\n");
  get_ = std::make_shared<const std::string>(head("GET", event_stream_type) + "Cache-Control: no-store\r\n");
}

http_request_out upstream_site::post(std::string body, bool counted, std::string_view traceparent) const {
  if (traceparent.empty() || traces_itself_) return {post_, std::move(body), true, counted};
  auto head = *post_;
  head.append("traceparent: ").append(traceparent).append("\r\n");
  return {std::make_shared<const std::string>(std::move(head)), std::move(body), true, counted};
}

http_request_out upstream_site::get(std::string_view last_event_id) const {
  if (last_event_id.empty()) return {get_, {}, false, false};
  auto head = *get_;
  head.append("Last-Event-ID: ").append(last_event_id).append("\r\n");
  return {std::make_shared<const std::string>(std::move(head)), {}, false, false};
}

http_request_out upstream_site::del() const {
  return {std::make_shared<const std::string>(head("DELETE", {})), {}, false, false};
}

}  // namespace holdfast::transport
