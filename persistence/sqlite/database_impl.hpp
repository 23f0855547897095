#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/store_values.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace holdfast::persistence::sqlite {

/// A connection to one file. Used by one thread at a time. The first failure sticks: statements do nothing from then
/// on, until `roll_back`.
class database {
 public:
  /// `path` must be a file that may be written, empty or not. Waits `busy_for` where another program holds its lock.
  static result<std::unique_ptr<database>> open(const std::string& path, std::chrono::milliseconds busy_for);

  database(const database&) = delete;
  database& operator=(const database&) = delete;
  ~database();

  bool ok() const noexcept { return !failure_; }

  /// Runs statements that have no parameters; their rows are dropped.
  void execute(const char* sql);

  /// The first column of the first row; 0 if there is none.
  std::int64_t number(const char* sql);

  /// Ends the transaction, if there is one, without its effects. Returns what went wrong and forgets it.
  store_failure roll_back();

  /// Rows that the last statement changed.
  std::int64_t changes() const noexcept;
  std::int64_t last_row() const noexcept;

  /// Pages of the write-ahead log that wait for `checkpoint`.
  int log_pages() const noexcept { return log_pages_; }

  /// Copies the log into the file.
  void checkpoint();

 private:
  friend class statement;
  database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  void check(int code);

  sqlite3* handle_;
  std::string path_;
  std::optional<store_failure> failure_;
  int log_pages_ = 0;
};

/// Bytes that are no text.
struct blob {
  std::string_view bytes;
};

/// A prepared statement of a connection, which outlives it.
class statement {
 public:
  statement(database& in, std::string_view sql);
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;
  ~statement();

  /// The rows of one run. What it hands out is valid until the next `next()`; parameters must live as long as it does.
  class rows {
   public:
    explicit rows(statement& of) : of_(of) {}
    rows(const rows&) = delete;
    rows& operator=(const rows&) = delete;
    ~rows();

    /// False at the end, and if something failed.
    bool next();
    bool null(int column) const noexcept;
    std::int64_t number(int column) const noexcept;
    std::string_view bytes(int column) const noexcept;

   private:
    statement& of_;
  };

  /// Runs it with these parameters: numbers, texts, blobs, or an optional of those.
  template <class... Values>
  rows operator()(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return rows(*this);
  }

  /// The same where no rows are expected, to the end.
  template <class... Values>
  void run(const Values&... values) {
    auto none = (*this)(values...);
    while (none.next()) {
    }
  }

 private:
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view text);
  void bind(int index, const blob& value);
  void bind_null(int index);
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind_null(index);
    }
  }

  database& in_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace holdfast::persistence::sqlite
