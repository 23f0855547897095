#include "actors/cluster.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace holdfast::actors {
namespace {

constexpr std::string_view bearer = "Bearer ";

std::int64_t now_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Takes the same time wherever the two differ.
bool same(std::string_view a, std::string_view b) noexcept {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

}  // namespace

cluster::cluster(cluster_config c) : config(std::move(c)) {
  auto none = std::make_shared<cluster_routes>();
  none->slots.fill(cluster_routes::nobody);
  routes.set(std::move(none));
  membership.set(std::make_shared<const machines::membership::view>());
}

bool cluster::is_certain() const noexcept { return certain_ && now_ms() - looked_ < config.silence.count() / 2; }

void cluster::note_look() noexcept { looked_ = now_ms(); }

bool cluster::is_peer(std::string_view authorization) const noexcept {
  if (config.secret.empty()) return true;
  return authorization.starts_with(bearer) && same(authorization.substr(bearer.size()), config.secret);
}

std::string cluster::credentials() const {
  return config.secret.empty() ? std::string() : "Authorization: " + std::string(bearer) + config.secret + "\r\n";
}

transport::http_target cluster::target_of(const std::string& at) const {
  transport::http_target t;
  const auto colon = at.rfind(':');
  t.host = at.substr(0, colon);
  if (t.host.size() > 2 && t.host.front() == '[') t.host = t.host.substr(1, t.host.size() - 2);
  if (colon != std::string::npos) std::from_chars(at.data() + colon + 1, at.data() + at.size(), t.port);
  t.connections_max = config.connections_max;
  t.tls = tls != nullptr;
  t.identity = tls;
  return t;
}

}  // namespace holdfast::actors
