#include "persistence/sqlite/cluster_view_impl.hpp"

namespace holdfast::persistence::sqlite {

cluster_view::cluster_view(database& in)
    : read_(in, "select version, bytes from cluster_view"),
      write_(in, "insert or replace into cluster_view (key, version, bytes) values (1, ?, ?)") {}

std::optional<versioned> cluster_view::read() {
  auto row = read_();
  if (!row.next()) return std::nullopt;
  return versioned{static_cast<std::uint64_t>(row.number(0)), std::string(row.bytes(1))};
}

verdict cluster_view::change(std::uint64_t expected, std::string_view bytes) {
  const verdict v = judge_change(read(), expected, bytes);
  if (v == verdict::ok) write_.run(static_cast<std::int64_t>(expected + 1), blob{bytes});
  return v;
}

named_records::named_records(database& in)
    : read_(in, "select version, bytes from record where name = ?"),
      write_(in, "insert or replace into record (name, version, bytes) values (?, ?, ?)") {}

std::optional<versioned> named_records::read(std::string_view name) {
  auto row = read_(name);
  if (!row.next()) return std::nullopt;
  return versioned{static_cast<std::uint64_t>(row.number(0)), std::string(row.bytes(1))};
}

verdict named_records::change(std::string_view name, std::uint64_t expected, std::string_view bytes) {
  const verdict v = judge_change(read(name), expected, bytes);
  if (v == verdict::ok) write_.run(name, static_cast<std::int64_t>(expected + 1), blob{bytes});
  return v;
}

}  // namespace holdfast::persistence::sqlite
