#pragma once

#include <string>
#include <string_view>

/// Secrets that can be told by what they look like, in texts that people are shown.
namespace holdfast::actors {

/// The text with `***` in place of what follows Bearer or Basic, of API keys (sk-…, AKIA…), tokens of GitHub, GitLab
/// and Slack, JSON Web Tokens, and private keys in PEM. Plain text or JSON; the quotes of JSON stay. The time it takes
/// is that of reading the text once.
std::string without_secret_shapes(std::string_view text);

/// The same for a text that comes line by line, in which a private key is several of them.
class secret_lines {
 public:
  std::string shown(std::string_view line);

 private:
  bool within_key_ = false;
};

}  // namespace holdfast::actors
