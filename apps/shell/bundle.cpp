#include <fcntl.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "apps/shell/operator_commands.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

/// An error number; 0 if the file was made and holds the text. A file that is there already is left alone.
int write_new(const std::string& file, const std::string& text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  int error = 0;
  for (std::size_t at = 0; at < text.size() && error == 0;) {
    const auto n = ::write(fd, text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR) error = errno;
    if (n > 0) at += static_cast<std::size_t>(n);
  }
  if (::close(fd) != 0 && error == 0) error = errno;
  return error;
}

/// {"file","bytes","unreachable"}
std::string written_file(const std::string& file, const node_answer& answer) {
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> to(text);
  to.StartObject();
  to.Key("file");
  to.String(file.c_str(), static_cast<rapidjson::SizeType>(file.size()));
  to.Key("bytes");
  to.Uint64(answer.text.size() + 1);
  to.Key("unreachable");
  member(answer.json, "unreachable").Accept(to);
  to.EndObject();
  return {text.GetString(), text.GetSize()};
}

void bundle(console& at, const std::string& file) {
  const auto answer = at.post(api_path({"bundle"}), 60s);
  if (file == "-") {
    at.out() << answer.text << '\n';
    return;
  }
  if (const int error = write_new(file, answer.text + "\n")) {
    complain(file + " cannot be written: " + std::strerror(error));
    finish(exit_code::failed);
  }
  if (at.json()) {
    at.out() << written_file(file, answer) << '\n';
    return;
  }
  at.out() << "wrote " << file << ", " << answer.text.size() + 1 << " bytes\n";
  at.note_unreachable(answer.json);
}

}  // namespace

void add_bundle(CLI::App& app, console& at) {
  const auto file = std::make_shared<std::string>("holdfast-bundle.json");
  add_command(app, "bundle", "Write all that operators can see into one file, without secrets",
              [&at, file] { bundle(at, *file); })
      ->add_option("file", *file, "a new file, or - for standard output")
      ->type_name("FILE")
      ->capture_default_str();
}

}  // namespace holdfast::apps
