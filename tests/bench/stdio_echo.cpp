// A stdio MCP server with the tool `echo`: one message per line, until its input ends.
#include <iostream>
#include <string>

#include "tests/bench/rpc_echo.hpp"

int main() {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::string answer = holdfast::bench::answer_rpc(line);
    if (answer.empty()) continue;
    std::cout << answer << '\n';
    // More lines may already have been read; their answers leave in one write.
    if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
  }
}
