#include <ctime>

#include "apps/commands/findings.hpp"
#include "transport/tls_identity.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using grade = finding::grade;

constexpr auto soon = 24h * 14;

std::string date_of(std::chrono::system_clock::time_point t) {
  const auto seconds = std::chrono::system_clock::to_time_t(t);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

finding check_one(const std::string& key, const transport::tls_files& files) {
  const auto identity = transport::tls_identity::load(files);
  if (!identity) return {grade::bad, key, identity.error().detail, "correct the file, or `" + key + "`"};
  const auto about = (*identity)->about();
  const auto detail = about.subject + " of " + about.issuer + ", until " + date_of(about.expires);
  if (about.expires - std::chrono::system_clock::now() > soon) return {grade::good, key, detail, ""};
  return {grade::doubtful, key, detail, "renew " + files.certificate + " soon: a running node takes it by itself"};
}

}  // namespace

findings check_certificates(const actors::node_config& c) {
  findings out;
  if (c.tls) out.push_back(check_one("tls", c.tls));
  if (c.admin.tls) out.push_back(check_one("admin.tls", c.admin.tls));
  if (c.cluster.tls) out.push_back(check_one("cluster.tls", c.cluster.tls));
  return out;
}

}  // namespace holdfast::apps
