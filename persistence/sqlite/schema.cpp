#include "persistence/sqlite/schema_impl.hpp"

#include "persistence/store_format.hpp"

namespace holdfast::persistence::sqlite {
namespace {

// Tells our files from those of other programs: "HFst".
constexpr std::int64_t application_id = 0x48467374;
constexpr std::int64_t version = 2;

// Of an entity, `expires` changes with every commit, so it has no index; `sweep` is its coarse copy for the sweep.
// What may be large stands in tables with a row number: a search in one without reads every record it passes, whole;
// and new rows of many entities share the last page.
constexpr const char* first_tables = R"(
create table slot (
  number integer primary key, epoch integer not null, incarnation text not null);
create table entity (
  key integer primary key, slot integer not null, kind text not null, id text not null, sequence integer not null,
  digest integer, open_executions integer not null, expires integer, sweep integer, snapshot blob not null);
create unique index entity_name on entity (slot, kind, id);
create index entity_sweep on entity (sweep) where sweep is not null;
create table part (entity integer not null, hash text not null, bytes blob not null);
create unique index part_name on part (entity, hash);
create table journal (entity integer not null, execution text not null, stage integer not null, bytes blob not null);
create unique index journal_name on journal (entity, execution);
create table event (entity integer not null, number integer not null, bytes blob not null);
create unique index event_name on event (entity, number);
create table lock (
  name text primary key, word text not null, expires integer not null) without rowid;
create table cache (key text not null unique, expires integer not null, bytes blob not null);
create index cache_expires on cache (expires);
)";

constexpr const char* since_2 = R"(
alter table slot add column view integer not null default 0;
create table cluster_view (key integer primary key check (key = 1), version integer not null, bytes blob not null);
create table layout (slots integer not null);
)";

// Of no version of its own: a build that does not know it has no use for what it holds, and leaves it alone.
constexpr const char* records = R"(
create table if not exists record (name text primary key, version integer not null, bytes blob not null);
)";

store_failure rejected(std::string detail) { return {store_errc::rejected, std::move(detail)}; }

void write_version(database& in) { in.execute(("pragma user_version = " + std::to_string(version)).c_str()); }

/// What stands in a file of ours. One of version 1 does not say its slots: they were as many as now.
store_format format_of(database& in) {
  const auto found = in.number("pragma user_version");
  const bool tells = found > 1 && found <= version;
  return {static_cast<std::uint64_t>(found),
          tells ? static_cast<std::uint64_t>(in.number("select slots from layout")) : slot_count};
}

/// Brings the tables to the version of now; from 0, there are none.
void upgrade(database& in, std::uint64_t from) {
  in.execute("begin immediate");
  if (from < 1) {
    in.execute(first_tables);
    in.execute(("pragma application_id = " + std::to_string(application_id)).c_str());
  }
  in.execute(since_2);
  in.execute(("insert into layout (slots) values (" + std::to_string(slot_count) + ")").c_str());
  write_version(in);
  in.execute("commit");
}

}  // namespace

result<void> prepare(database& in, durability how, const std::string& path) {
  // Reads the file for the first time, so it is here that garbage shows.
  const bool fresh = in.number("select count(*) from sqlite_schema") == 0;
  if (!in.ok()) return in.roll_back();
  store_format found;
  if (!fresh) {
    if (in.number("pragma application_id") != application_id) {
      return rejected(path + " is a database of another program; name another file");
    }
    found = format_of(in);
    if (!in.ok()) return in.roll_back();
    if (auto why = why_unusable(found, version, path, "file")) return std::move(*why);
  }
  // Takes effect only before the first table; the log's mode is kept in the file.
  if (fresh) in.execute("pragma page_size = 4096; pragma auto_vacuum = incremental");
  in.execute("pragma journal_mode = wal");
  in.execute(how == durability::full ? "pragma synchronous = full" : "pragma synchronous = normal");
  in.execute(
      "pragma wal_autocheckpoint = 0; pragma journal_size_limit = 67108864; pragma cache_size = -32768;"
      "pragma temp_store = memory; pragma cell_size_check = on; pragma trusted_schema = off");
  if (found.version < version) upgrade(in, found.version);
  in.execute(records);
  if (!in.ok()) return in.roll_back();
  return {};
}

void probe(database& in) { write_version(in); }

}  // namespace holdfast::persistence::sqlite
