#pragma once

#include <string>
#include <variant>

#include "actors/admin/request.hpp"
#include "actors/node_config.hpp"

namespace holdfast::actors::admin {

/// Who asks, for the audit log: "CN=alice from 10.0.0.7:50412" where that is the subject of a certificate, "token from
/// 10.0.0.7:50412", "uid 1000"; or why nobody is told anything: 401, 403. `by_mode`: it came over a unix socket, whose
/// mode has let it in.
std::variant<std::string, problem> identify(const node_config& config, const transport::http_request& r,
                                            const std::string& peer, bool by_mode);

}  // namespace holdfast::actors::admin
