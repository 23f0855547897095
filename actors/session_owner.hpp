#pragma once

#include <string>

#include "actors/client_messages.hpp"
#include "actors/node_context.hpp"

namespace holdfast::actors {

class shard;

/// Answers an operator who asks which node has a session, as far as this node knows: 200
/// {"session", "slot", "node", "incarnation", "here"}; `node` is null where there is no cluster, `incarnation` where
/// there is no store. 404 if there is no such session, 503 if nobody has it just now, or this node cannot know. On the
/// thread of `home`, which outlives the answer.
void answer_owner(shard& home, node_context& node, exchange_ptr to, const std::string& session);

}  // namespace holdfast::actors
