#pragma once

#include <string>
#include <string_view>

#include "transport/mcp/envelope.hpp"
#include "transport/mcp/revision.hpp"

namespace holdfast::mcp {

/// True if results of `m` may have to change for a client of revision `to`: cheap, to keep the hot path free.
bool needs_conversion(method m, revision to) noexcept;

/// A result as a client of an older revision can read it. `raw_result` of `tools/call`, `prompts/get`, `tools/list`
/// and so on, written for 2025-11-25. What the revision has is passed through unchanged:
/// `resource_link` blocks become text before 2025-06-18; `audio` becomes a text note in 2024-11-05;
/// `structuredContent` goes before 2025-06-18 (serialized into a text block if there is no content).
std::string convert_result(method m, revision to, raw_json raw_result);

/// A tool definition as listed: `outputSchema` goes before 2025-06-18; `execution` goes always (no task support yet).
std::string convert_tool(revision to, raw_json tool);

/// A server request for the client (`sampling/createMessage`, `elicitation/create`), or why a client of this revision
/// cannot be asked (plain text). Elicitation exists from 2025-06-18; url mode, titled enums (`oneOf`) and multi-select
/// from 2025-11-25; sampling `tools` and content arrays from 2025-11-25.
boost::system::result<void, std::string> can_be_asked(method m, revision client, raw_json params);

}  // namespace holdfast::mcp
