#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config/config.hpp"
#include "transport/http_client.hpp"
#include "transport/result.hpp"

namespace holdfast::apps {

/// Where a node can be asked, and what shows that one may.
struct operator_address {
  transport::http_target target;
  std::string authority;  ///< for the Host header
  std::string prefix;     ///< of every path; mostly empty
  std::string shown;      ///< for people: a URL without secrets, or unix:PATH
};

/// `text` is unix:PATH, or an http or https URL. `bad_address` says what is wrong with it.
transport::outcome<operator_address> parse_operator_address(const std::string& text);

/// The addresses to try, best first: `given`, or else the sockets of this user's nodes and then the usual port.
transport::outcome<std::vector<operator_address>> operator_addresses(const std::string& given, const environment& env);

/// The answer to one request.
struct operator_answer {
  int status = 0;
  std::string body;
};

/// Asks a node, blocking; on to the next address when nobody listens at one. One thread.
class operator_client {
 public:
  /// What nodes with https ask for, or are asked for: PEM files.
  struct tls_options {
    std::string ca_file;                     ///< authorities of the nodes' certificates; empty = the system's
    std::string certificate_file, key_file;  ///< this operator's own; empty = none
  };

  /// `token` goes with every request, unless it is empty.
  operator_client(std::vector<operator_address> addresses, std::string token, const tls_options& tls);

  /// For the address that is `given`, or those there are, with what HOLDFAST_ADMIN_TOKEN, HOLDFAST_ADMIN_CA,
  /// HOLDFAST_ADMIN_CERT and HOLDFAST_ADMIN_KEY say. The last two go together.
  static transport::outcome<operator_client> find(const std::string& given, const environment& env);

  /// Any answer of HTTP; `body` is JSON, of a POST. a failure says why there is none. `interrupted` is looked at while
  /// waiting, as below.
  transport::outcome<operator_answer> ask(std::string_view method, const std::string& path,
                                          std::chrono::milliseconds timeout, const std::atomic<bool>& interrupted,
                                          const std::string& body = {});

  /// Hands over the events of a stream, until it ends or `on_event` answers false. Statuses but 200 are answers.
  using event_handler = std::function<bool(std::string_view type, std::string_view data)>;
  transport::outcome<operator_answer> follow(const std::string& path, const event_handler& on_event,
                                             const std::atomic<bool>& interrupted);

  /// Where the last answer came from.
  const std::string& shown() const noexcept { return addresses_[current_].shown; }

 private:
  struct request;
  transport::outcome<operator_answer> send(const request& r, const std::atomic<bool>& interrupted);

  std::vector<operator_address> addresses_;
  std::size_t current_ = 0;
  std::string token_;
};

}  // namespace holdfast::apps
