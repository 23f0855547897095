#pragma once

#include <boost/system/result.hpp>
#include <filesystem>
#include <string>

namespace holdfast::apps {

/// A configuration is no larger.
inline constexpr std::size_t file_bytes_max = 4u << 20;

/// The text of a file; or why there is none, to be put behind its name.
boost::system::result<std::string, std::string> read_text_file(const std::filesystem::path& file);

}  // namespace holdfast::apps
