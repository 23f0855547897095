#include "apps/config/text_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace holdfast::apps {

boost::system::result<std::string, std::string> read_text_file(const std::filesystem::path& file) {
  using outcome = boost::system::result<std::string, std::string>;
  const auto wrong = [](std::string words) { return outcome(boost::system::in_place_error, std::move(words)); };
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) return wrong("is a folder, not a file");
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) return wrong(std::string("cannot be opened: ") + std::strerror(errno));
  std::string text;
  char block[16384];
  while (text.size() <= file_bytes_max && (in.read(block, sizeof block) || in.gcount() > 0))
    text.append(block, static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return wrong("cannot be read to its end");
  if (text.size() > file_bytes_max) return wrong("is larger than 4 MiB");
  return outcome(boost::system::in_place_value, std::move(text));
}

}  // namespace holdfast::apps
