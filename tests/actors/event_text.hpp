#pragma once

#include <string>
#include <vector>

/// What stands in the bytes of an event stream.
namespace holdfast::tests {

using texts = std::vector<std::string>;

/// All values of one field, in order.
inline texts values(const std::string& stream, const std::string& field) {
  texts all;
  for (std::size_t at = 0; at < stream.size();) {
    const auto end = stream.find('\n', at);
    const auto line = stream.substr(at, end - at);
    if (line.rfind(field + ": ", 0) == 0) all.push_back(line.substr(field.size() + 2));
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return all;
}

inline texts messages(const std::string& stream) {
  auto all = values(stream, "data");
  std::erase(all, "");
  return all;
}

inline std::string last_id(const std::string& stream) { return values(stream, "id").back(); }

}  // namespace holdfast::tests
