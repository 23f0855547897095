#include "transport/url.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "transport/errc.hpp"

namespace holdfast::transport {
namespace {

failure bad(const char* why) { return {make_error_code(errc::bad_address), why}; }

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool starts_with_scheme(std::string_view text, std::string_view scheme) noexcept {
  return text.size() >= scheme.size() &&
         std::equal(scheme.begin(), scheme.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}

/// Bytes that would break out of a request line or a Host header.
bool unsafe(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f;
  });
}

outcome<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || value == 0 || value > 65535)
    return bad("bad port in URL");
  return static_cast<std::uint16_t>(value);
}

/// "host", "host:port", "[v6]" or "[v6]:port".
outcome<void> parse_authority(std::string_view text, url& into) {
  if (text.find('@') != std::string_view::npos) return bad("user information in URL");
  std::string_view host = text, port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    auto end = text.find(']');
    if (end == std::string_view::npos) return bad("unclosed '[' in URL");
    host = text.substr(1, end - 1);
    auto rest = text.substr(end + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') return bad("text after ']' in URL");
    if (has_port) port = rest.substr(1);
  } else if (auto colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (host.empty()) return bad("no host in URL");
  into.host.assign(host);
  std::transform(into.host.begin(), into.host.end(), into.host.begin(), lower);
  into.port = into.tls ? 443 : 80;
  if (has_port && !port.empty()) {
    auto parsed = parse_port(port);
    if (!parsed) return parsed.error();
    into.port = *parsed;
  }
  return {};
}

std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool slash_at_end = true;
  for (std::size_t at = 1; at <= path.size();) {
    auto end = std::min(path.find('/', at), path.size());
    auto segment = path.substr(at, end - at);
    slash_at_end = end < path.size();
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
      slash_at_end = true;
    } else if (segment == "." || (segment.empty() && !slash_at_end)) {
      slash_at_end = true;
    } else {
      kept.push_back(segment);
    }
    at = end + 1;
  }
  std::string out;
  for (auto segment : kept) out.append("/").append(segment);
  if (slash_at_end || out.empty()) out += '/';
  return out;
}

}  // namespace

std::string url::authority() const {
  auto out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) out.append(":").append(std::to_string(port));
  return out;
}

outcome<url> parse_url(std::string_view text) {
  if (unsafe(text)) return bad("white space or control character in URL");
  url out;
  if (starts_with_scheme(text, "https://")) {
    out.tls = true;
    text.remove_prefix(8);
  } else if (starts_with_scheme(text, "http://")) {
    text.remove_prefix(7);
  } else {
    return bad("a URL must begin with http:// or https://");
  }
  text = text.substr(0, text.find('#'));
  auto path = std::min(text.find_first_of("/?"), text.size());
  if (auto authority = parse_authority(text.substr(0, path), out); !authority) return authority.error();
  out.target.assign(text.substr(path));
  if (out.target.empty() || out.target.front() == '?') out.target.insert(0, "/");
  return out;
}

outcome<url> resolve_url(const url& base, std::string_view reference) {
  if (unsafe(reference)) return bad("white space or control character in URL");
  reference = reference.substr(0, reference.find('#'));
  if (reference.substr(0, 2) == "//") return parse_url((base.tls ? "https:" : "http:") + std::string(reference));
  auto delimiter = reference.find_first_of(":/?");
  if (delimiter != std::string_view::npos && reference[delimiter] == ':') return parse_url(reference);
  url out = base;
  if (reference.empty()) return out;
  auto base_path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (reference.front() == '?') {
    out.target = std::string(base_path).append(reference);
    return out;
  }
  auto query = std::min(reference.find('?'), reference.size());
  std::string path(reference.substr(0, query));
  if (path.front() != '/') path.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
  out.target = remove_dot_segments(path).append(reference.substr(query));
  return out;
}

}  // namespace holdfast::transport
