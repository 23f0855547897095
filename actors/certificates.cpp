#include "actors/certificates.hpp"

#include <string>
#include <utility>

#include "actors/log.hpp"
#include "transport/tls_identity.hpp"

namespace holdfast::actors {
namespace {

void look_at(transport::tls_identity* identity, const std::string& event, bool at_once) {
  if (identity == nullptr) return;
  const auto changed = identity->look(at_once);
  if (!changed)
    return log::warning(event + "kept",
                        {{"reason", changed.error().detail}, {"effect", "the certificate of before stays in use"}});
  if (*changed) log::info(event + "replaced", {{"subject", identity->about().subject}});
}

transport::outcome<void> read(const transport::tls_files& files, std::shared_ptr<transport::tls_identity>& into) {
  if (!files) return {};
  auto identity = transport::tls_identity::load(files);
  if (!identity) return identity.error();
  into = std::move(*identity);
  return {};
}

}  // namespace

transport::outcome<void> read_certificates(node_context& node) {
  if (const auto done = read(node.config.tls, node.tls); !done) return done;
  const auto done = read(node.config.admin.tls, node.admin_tls);
  if (!done || !node.in_cluster) return done;
  return read(node.config.cluster.tls, node.in_cluster->tls);
}

void look_at_certificates(node_context& node, bool at_once) {
  look_at(node.tls.get(), "tls.", at_once);
  look_at(node.admin_tls.get(), "admin.tls_", at_once);
  if (node.in_cluster) look_at(node.in_cluster->tls.get(), "cluster.tls_", at_once);
}

}  // namespace holdfast::actors
