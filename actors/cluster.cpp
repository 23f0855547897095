#include "actors/cluster.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "actors/test_hooks.hpp"
#include "persistence/content_hash.hpp"

namespace holdfast::actors {
namespace {

constexpr std::string_view bearer = "Bearer ";
constexpr std::size_t tag_length = 8;

std::int64_t to_ms(std::chrono::steady_clock::time_point t) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

std::int64_t now_ms() noexcept { return to_ms(std::chrono::steady_clock::now()); }

/// Less than others wait until they declare a process dead; ms.
std::int64_t a_moment(const cluster_config& c) noexcept { return c.silence.count() / 2; }

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

cluster::cluster(cluster_config c) : config(std::move(c)) {
  auto none = std::make_shared<cluster_routes>();
  none->slots.fill(cluster_routes::nobody);
  routes.set(std::move(none));
  membership.set(std::make_shared<const machines::membership::view>());
}

bool cluster::is_certain() const noexcept {
  return is_member() && (now_ms() < vouched_until_ || rule_is_out("vouched"));
}

bool cluster::is_member() const noexcept { return certain_ && now_ms() - looked_ < a_moment(config); }

bool cluster::is_ready() const noexcept {
  const auto now = now_ms();
  return (certain_ || now - doubts_since_ < a_moment(config)) && now - looked_ < a_moment(config);
}

void cluster::set_certain(bool to) noexcept {
  if (!to && certain_) doubts_since_ = now_ms();
  certain_ = to;
}

void cluster::vouch(std::chrono::steady_clock::time_point until) noexcept { vouched_until_ = to_ms(until); }

std::string cluster::tag_of(std::string_view name) { return persistence::content_hash(name).substr(0, tag_length); }

void cluster::note_look() noexcept { looked_ = now_ms(); }

std::chrono::steady_clock::time_point cluster::stood_still_at() const noexcept {
  return std::chrono::steady_clock::time_point(std::chrono::milliseconds{stood_still_});
}

void cluster::note_standstill() noexcept { stood_still_ = now_ms(); }

bool cluster::is_peer(std::string_view authorization) const noexcept {
  if (config.secret.empty()) return true;
  return authorization.starts_with(bearer) &&
         equal_in_constant_time(authorization.substr(bearer.size()), config.secret.reveal());
}

std::string cluster::credentials() const {
  return config.secret.empty() ? std::string()
                               : "Authorization: " + std::string(bearer) + config.secret.reveal() + "\r\n";
}

machines::detector::policy cluster::detection() const {
  machines::detector::policy p;
  p.beat = config.beat;
  p.missing = config.beat + config.beat / 2;
  p.silence = config.silence;
  p.starved = rule_is_out("grace") ? std::chrono::hours{1} : 3 * config.beat;
  p.again = config.silence / 2;
  return p;
}

transport::http_target cluster::target_of(const std::string& at) const {
  transport::http_target t;
  const auto colon = at.rfind(':');
  t.host = at.substr(0, colon);
  if (t.host.size() > 2 && t.host.front() == '[') t.host = t.host.substr(1, t.host.size() - 2);
  if (colon != std::string::npos) std::from_chars(at.data() + colon + 1, at.data() + at.size(), t.port);
  t.connections_max = config.connections_max;
  t.source = config.source;
  t.tls = tls != nullptr;
  t.identity = tls;
  return t;
}

}  // namespace holdfast::actors
