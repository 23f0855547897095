#include "apps/config/config.hpp"

#include <cstdlib>
#include <system_error>

#include "apps/config/client_file.hpp"
#include "apps/config/node_keys.hpp"
#include "apps/config/text_file.hpp"
#include "apps/config/value.hpp"

namespace holdfast::apps {
namespace {

mistakes one(mistake m) { return {{std::move(m)}}; }

config_outcome read_document(const YAML::Node& document, const std::string& source, const environment& env) {
  const bool client_file = is_client_file(document);
  reading r{source, {env, !client_file, client_file ? workspace_of(source) : ""}, {}, {}};
  const value whole(document, document.Mark(), "", r);
  actors::node_config c;
  c.store.primary.url = default_store(env);
  c.admin.socket = default_admin_socket(env);
  if (client_file) {
    read_client_file(whole, c);
  } else {
    read_section(whole, c, node_keys());
    check_node(whole, c);
  }
  auto all = r.all_mistakes();
  if (all.empty()) return c;
  return mistakes{std::move(all)};
}

}  // namespace

std::string to_string(const mistake& m) {
  std::string out = m.source;
  if (m.line > 0) out += ":" + std::to_string(m.line) + ":" + std::to_string(m.column);
  out += ": ";
  if (!m.key.empty()) out += m.key + ": ";
  return out + m.text;
}

std::string to_string(const mistakes& m) {
  std::string out;
  for (const auto& each : m.all) out += to_string(each) + "\n";
  return out;
}

void throw_exception_from_error(const mistakes& m, const boost::source_location&) {
  throw std::system_error(std::make_error_code(std::errc::invalid_argument), to_string(m));
}

environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

config_outcome load_config(const std::filesystem::path& file, const environment& env) {
  const std::string source = file.string();
  const auto text = read_text_file(file);
  if (!text) return one({source, 0, 0, "", text.error()});
  return load_config_text(*text, source, env);
}

config_outcome load_config_text(std::string_view text, const std::string& source, const environment& env) {
  if (text.size() > file_bytes_max) return one({source, 0, 0, "", "is larger than 4 MiB"});
  try {
    const auto documents = YAML::LoadAll(plain_json(text));
    if (documents.size() > 1)
      return one({source, static_cast<std::size_t>(documents[1].Mark().line) + 1, 1, "",
                  "begins a second document; a configuration is one document"});
    return read_document(documents.empty() ? YAML::Node(YAML::NodeType::Null) : documents[0], source, env);
  } catch (const YAML::Exception& e) {
    return one(syntax_mistake(source, e));
  }
}

std::vector<std::string> known_keys() { return paths(node_keys()); }

}  // namespace holdfast::apps
