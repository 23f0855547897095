#pragma once

#include "persistence/sqlite/cluster_view_impl.hpp"
#include "persistence/sqlite/database_impl.hpp"
#include "persistence/sqlite/entities_impl.hpp"
#include "persistence/sqlite/leases_impl.hpp"
#include "persistence/sqlite/ownership_impl.hpp"
#include "persistence/sqlite/result_cache_impl.hpp"

namespace holdfast::persistence::sqlite {

/// All there is in a prepared file. What its members return counts only while `in.ok()`, and only after the commit of
/// the transaction.
struct tables {
  explicit tables(database& d)
      : in(d),
        begin(d, "begin immediate"),
        commit(d, "commit"),
        slots(d),
        view(d),
        records(d),
        kept(d, slots),
        locks(d),
        cache(d) {}

  database& in;
  statement begin, commit;  // a transaction that will write
  ownership slots;
  cluster_view view;
  named_records records;
  entities kept;
  leases locks;
  result_cache cache;
};

}  // namespace holdfast::persistence::sqlite
