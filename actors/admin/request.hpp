#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "transport/http_server.hpp"

/// What an operator asks, and what comes of it.
namespace holdfast::actors::admin {

/// RFC 9457.
struct problem {
  int status = 500;
  std::string title, detail;
  std::vector<std::string> matches;      ///< ids that an ambiguous one may mean
  std::vector<std::string> unreachable;  ///< nodes that did not answer
};
std::string to_json(const problem& p);
problem read_problem(int status, std::string_view json);

/// JSON, or why there is none.
using answer = std::variant<std::string, problem>;
using reply = std::function<void(answer)>;

struct request {
  std::string who;                           ///< of the audit log
  std::map<std::string, std::string> query;  ///< checked against the route's parameters, defaults not put in
  std::vector<std::string> args;             ///< what stands in the places of the path
  std::string body;
  std::shared_ptr<transport::http_exchange> exchange;  ///< to stream to, or to watch; answered by `reply` otherwise

  std::string text(const std::string& name, std::string_view otherwise = {}) const;
  std::uint64_t number(const std::string& name, std::uint64_t otherwise) const;
  bool flag(const std::string& name) const { return text(name) == "true"; }
  bool whole_cluster() const { return text("scope") != "node"; }
  std::chrono::milliseconds wait() const { return std::chrono::milliseconds{number("wait", 10'000)}; }
};

/// The parameters of `a=1&b=two%20words`; nothing if it is malformed, or a name comes twice.
std::optional<std::map<std::string, std::string>> read_query(std::string_view query);

/// Percent-encoding undone; nothing if it is malformed, or not UTF-8 without control characters.
std::optional<std::string> decoded(std::string_view text);

}  // namespace holdfast::actors::admin
