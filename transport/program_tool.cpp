#include "transport/program_tool.hpp"

#include "transport/program_path.hpp"

namespace holdfast::transport {

std::vector<std::string> lacks(const program_tool& t) {
  std::vector<std::string> out;
  const auto path = path_of(t.command);
  const auto look_for = [&](const std::string& program) {
    if (find_program(program, t.command.directory, path)) return;
    out.push_back(program + (program.find('/') == std::string::npos ? " is not in PATH" : " is no executable file"));
  };
  look_for(t.command.command);
  for (const auto& program : t.needs) look_for(program);
  return out;
}

}  // namespace holdfast::transport
