#include "persistence/sqlite/location_impl.hpp"

namespace holdfast::persistence::sqlite {
namespace {

constexpr std::string_view scheme = "sqlite:";
constexpr std::string_view right = "; write sqlite:PATH or sqlite:PATH?synchronous=normal";

store_failure rejected(std::string detail) { return {store_errc::rejected, std::move(detail.append(right))}; }

}  // namespace

result<location> parse(std::string_view url) {
  if (!url.starts_with(scheme)) return rejected("not the URL of an SQLite file: " + std::string(url));
  url.remove_prefix(scheme.size());
  const auto mark = url.find('?');
  location out;
  out.path = url.substr(0, mark);
  if (out.path.empty()) return rejected("the URL names no file");
  if (out.path.find('\0') != std::string::npos) return rejected("the path holds a NUL");
  if (out.path == ":memory:") {
    return rejected("sqlite::memory: is no file (memory: is the store that keeps nothing)");
  }
  if (mark == std::string_view::npos) return out;
  const auto query = url.substr(mark + 1);
  if (query == "synchronous=normal") {
    out.how = durability::normal;
  } else if (query != "synchronous=full") {
    return rejected("unknown option \"" + std::string(query) + "\" of an SQLite file");
  }
  return out;
}

}  // namespace holdfast::persistence::sqlite
