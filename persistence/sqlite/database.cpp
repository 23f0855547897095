#include <sqlite3.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "persistence/sqlite/database_impl.hpp"

namespace holdfast::persistence::sqlite {
namespace {

bool says_no_room(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

/// What the system said of a write to one of the files: the library reports only some reasons.
int reason_of(sqlite3* handle) {
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    int error = 0;
    if (sqlite3_file_control(handle, "main", which, static_cast<void*>(&file)) != SQLITE_OK) continue;
    if (file == nullptr || file->pMethods == nullptr) continue;
    if (file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK && error != 0) return error;
  }
  return 0;
}

/// `code` is an extended result code; `error` the system's reason, if there was one.
store_errc translate(int code, int error) {
  // What was written but not synchronized may be found by the next process: only a failed write has written nothing.
  if (code == SQLITE_IOERR_SHMSIZE || (code == SQLITE_IOERR_WRITE && says_no_room(error))) return store_errc::full;
  switch (code & 0xff) {
    case SQLITE_FULL: return store_errc::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return store_errc::corrupt;
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_READONLY: return store_errc::unavailable;
    default: return store_errc::rejected;
  }
}

store_failure describe(sqlite3* handle, const std::string& path, int code) {
  const int error = (code & 0xff) == SQLITE_IOERR ? reason_of(handle) : 0;
  std::string detail = path + ": ";
  if ((code & 0xff) == SQLITE_BUSY) {
    detail += "locked by another program";
  } else {
    detail += sqlite3_errstr(code & 0xff);
    if (error != 0) detail += " (" + std::generic_category().message(error) + ")";
    if ((code & 0xff) == SQLITE_ERROR || (code & 0xff) == SQLITE_CONSTRAINT) {
      detail += std::string(" (") + sqlite3_errmsg(handle) + ")";
    }
  }
  return {translate(code, error), std::move(detail)};
}

int remember_log_pages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

}  // namespace

result<std::unique_ptr<database>> database::open(const std::string& path, std::chrono::milliseconds busy_for) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (handle == nullptr) return store_failure{store_errc::unavailable, path + ": out of memory"};
  std::unique_ptr<database> out(new database(handle, path));
  if (code != SQLITE_OK) return describe(handle, path, code);
  sqlite3_busy_timeout(handle, static_cast<int>(busy_for.count()));
  sqlite3_wal_hook(handle, remember_log_pages, &out->log_pages_);
  return out;
}

database::~database() { sqlite3_close_v2(handle_); }

void database::check(int code) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE || failure_) return;
  failure_ = describe(handle_, path_, code);
}

void database::execute(const char* sql) {
  if (ok()) check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr));
}

std::int64_t database::number(const char* sql) {
  statement query(*this, sql);
  auto row = query();
  return row.next() ? row.number(0) : 0;
}

store_failure database::roll_back() {
  store_failure out = failure_.value_or(store_failure{store_errc::unavailable, path_ + ": given up"});
  failure_.reset();
  // Some failures have ended the transaction already.
  if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "rollback", nullptr, nullptr, nullptr);
  return out;
}

std::int64_t database::changes() const noexcept { return sqlite3_changes64(handle_); }

std::int64_t database::last_row() const noexcept { return sqlite3_last_insert_rowid(handle_); }

void database::checkpoint() {
  if (!ok()) return;
  int pages = 0;
  int copied = 0;
  check(sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied));
  if (ok()) log_pages_ = pages - copied;
}

statement::statement(database& in, std::string_view sql) : in_(in) {
  if (!in.ok()) return;
  in.check(sqlite3_prepare_v3(in.handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &handle_,
                              nullptr));
}

statement::~statement() { sqlite3_finalize(handle_); }

void statement::bind(int index, std::int64_t value) {
  if (in_.ok()) in_.check(sqlite3_bind_int64(handle_, index, value));
}

// A null pointer would bind NULL, which an empty view may hold.
void statement::bind(int index, std::string_view text) {
  if (!in_.ok()) return;
  in_.check(
      sqlite3_bind_text64(handle_, index, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void statement::bind(int index, const blob& value) {
  if (!in_.ok()) return;
  const auto& bytes = value.bytes;
  in_.check(sqlite3_bind_blob64(handle_, index, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC));
}

void statement::bind_null(int index) {
  if (in_.ok()) in_.check(sqlite3_bind_null(handle_, index));
}

statement::rows::~rows() { sqlite3_reset(of_.handle_); }

bool statement::rows::next() {
  if (!of_.in_.ok()) return false;
  const int code = sqlite3_step(of_.handle_);
  of_.in_.check(code);
  return code == SQLITE_ROW;
}

bool statement::rows::null(int column) const noexcept {
  return sqlite3_column_type(of_.handle_, column) == SQLITE_NULL;
}

std::int64_t statement::rows::number(int column) const noexcept { return sqlite3_column_int64(of_.handle_, column); }

std::string_view statement::rows::bytes(int column) const noexcept {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(of_.handle_, column));
  return {data == nullptr ? "" : data, static_cast<std::size_t>(sqlite3_column_bytes(of_.handle_, column))};
}

}  // namespace holdfast::persistence::sqlite
