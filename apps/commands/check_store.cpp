#include <unistd.h>

#include <filesystem>

#include "apps/commands/findings.hpp"
#include "apps/config/config.hpp"
#include "persistence/cipher_keys.hpp"
#include "persistence/store.hpp"

namespace holdfast::apps {
namespace {

namespace fs = std::filesystem;
using grade = finding::grade;
using persistence::store_errc;

/// The file of a URL of SQLite.
fs::path file_of(std::string_view url) {
  url.remove_prefix(std::string_view("sqlite:").size());
  std::error_code error;
  return fs::absolute(url.substr(0, url.find('?')), error);
}

/// To open a file that is missing would create it, which is for the node to do.
finding check_new_file(const std::string& about, const fs::path& file) {
  fs::path folder = file.parent_path();
  std::error_code error;
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {grade::good, about, file.string() + " will be created", ""};
  return {grade::bad, about, file.string() + " cannot be created: " + folder.string() + " may not be written",
          "let the user that runs the node write there, or name another file by `store`"};
}

std::string remedy_for(store_errc code) {
  switch (code) {
    case store_errc::unavailable:
    case store_errc::overloaded: return "see that it runs and can be reached from this machine, or correct `store`";
    case store_errc::full: return "make room for it";
    case store_errc::corrupt: return "name another one by `store`, unless it can be restored";
    case store_errc::rejected: return "correct `store`, or what it names";
  }
  return "";
}

finding check_one(const std::string& about, const persistence::store_options& o, const actors::node_config& c) {
  const std::string where = shown_store(o.url);
  if (o.url == "memory:")
    return {grade::doubtful, about, "memory: keeps nothing when the process ends",
            "name a durable one by `store`, unless that is what you want"};
  if (o.url.starts_with("sqlite:")) {
    const auto file = file_of(o.url);
    std::error_code error;
    if (!fs::exists(file, error)) return check_new_file(about, file);
    if (node_answers(c)) return {grade::good, about, where + ", not opened, because a node is running", ""};
  }
  const auto opened = persistence::store::open(o);
  if (!opened) return {grade::bad, about, opened.error().detail, remedy_for(opened.error().code)};
  const auto health = (*opened)->health();
  const std::string tier(persistence::name_of((*opened)->tier()));
  const std::string detail = where + ", tier " + tier + (health.detail.empty() ? "" : ", " + health.detail);
  if (!health.available) return {grade::bad, about, detail, remedy_for(store_errc::unavailable)};
  return {grade::good, about, detail, ""};
}

finding check_keys(const std::string& place) {
  const auto keys = persistence::read_keys(place);
  if (!keys) return {grade::bad, "store.keys", keys.error().detail, "`openssl rand -base64 32` makes a key"};
  const std::size_t n = keys->size();
  return {grade::good, "store.keys", std::to_string(n) + (n == 1 ? " key" : " keys, of which the first writes"), ""};
}

}  // namespace

findings check_store(const actors::node_config& c) {
  if (c.store.primary.url.empty()) return {{grade::bad, "store", std::string(missing_store), "set `store`"}};
  findings out{check_one("store", c.store.primary, c)};
  if (!c.store.shadow.empty()) {
    auto shadow = c.store.primary;
    shadow.url = c.store.shadow;
    out.push_back(check_one("store.shadow", shadow, c));
  }
  if (!c.store.keys.empty()) out.push_back(check_keys(c.store.keys));
  return out;
}

}  // namespace holdfast::apps
