#pragma once

#include "persistence/redis/redis_script.hpp"

namespace holdfast::persistence {

/// The atomic operations, as Redis runs them. Unless noted they answer 0, 1, 2 or 3 as `verdict` counts, and their keys
/// are the slot's owner, the entity, its events and the index of its kind, in this order.
///
/// The fields of an entity: q sequence, d digest of the last commit, o open executions, s snapshot, p<hash> a part,
/// j<id> a journal entry: one character for the stage, then its bytes.
///
/// A lifetime is a number of milliseconds, -1 for no limit, or empty for no change.
struct redis_scripts {
  /// Keys: owner, entity. Arguments: token, sequence before, position of the last value to set, then field and value in
  /// turns, beginning with q, d and o; then the fields to drop. Only for entities that exist and for few fields.
  redis_script commit;

  /// Arguments: token, sequence before, position of the last value, lifetime, id, number below which events are dropped
  /// (0 = none), position of the last field to drop, then fields and values, fields to drop, number and bytes of
  /// events.
  redis_script commit_all;

  /// A commit that ends the entity. Arguments: token, sequence before, id.
  redis_script end;

  /// Arguments: as commit_all, where sequence before and what is dropped do not matter.
  redis_script restore;

  /// Arguments: token, lifetime, id.
  redis_script extend;

  /// Arguments: token, id.
  redis_script expire;

  /// Keys: owner, view of the claim. Arguments: incarnation, version of the view. Answers the new epoch, or nothing if
  /// the slot was claimed under a newer view.
  redis_script claim;

  /// Key: owner. Arguments: token, what is to stand there afterwards. Answers `duplicate` if it stands there already.
  redis_script release;

  /// Key: the view. Arguments: version before, what is to stand there afterwards.
  redis_script change_view;

  /// Key: the format. Argument: what it is in this build. Answers what stands there.
  redis_script mark;

  /// Key: the lock. Arguments: word (and milliseconds). Answer 1 or 0.
  redis_script unlock, prolong;

  /// Key: index. Arguments: what names of entities begin with, score and id after which to go on (empty = begin),
  /// entries wanted. Answers the cursor of the next page, then id, milliseconds to live and open executions in turns.
  redis_script list;

  /// Answers 1 if the server would write.
  redis_script probe;
};

const redis_scripts& scripts();

}  // namespace holdfast::persistence
