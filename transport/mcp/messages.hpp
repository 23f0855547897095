#pragma once

#include <string>
#include <string_view>

#include "transport/mcp/envelope.hpp"

namespace holdfast::mcp {

/// JSON-RPC and MCP error codes (specification, "Error Handling" of the revisions; JSON-RPC 2.0 section 5.1).
namespace code {
inline constexpr int parse_error = -32700, invalid_request = -32600, method_not_found = -32601, invalid_params = -32602,
                     internal_error = -32603, server_error = -32000, session_not_found = -32001,
                     resource_not_found = -32002, header_mismatch = -32020, missing_capability = -32021,
                     unsupported_revision = -32022, url_elicitation_required = -32042;
}

/// Whole messages, as bytes. `id`, `params`, `result` and `data` are raw JSON; `message` is plain text. A null `id`
/// makes an error without id, which the schemas from 2025-11-25 on allow and `"id":null` they do not.
std::string make_request(raw_json id, std::string_view method_name, raw_json params);
std::string make_notification(std::string_view method_name, raw_json params);
std::string make_result(raw_json id, raw_json result);
std::string make_error(raw_json id, int error_code, std::string_view message, raw_json data = {});

/// The error object alone: {"code":…,"message":…[,"data":…]}.
std::string error_object(int error_code, std::string_view message, raw_json data = {});

}  // namespace holdfast::mcp
