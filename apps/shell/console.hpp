#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/commands/commands.hpp"
#include "apps/commands/operator_client.hpp"
#include "apps/shell/json_view.hpp"

namespace holdfast::apps {

/// What a node answered: valid JSON, as text and read.
struct node_answer {
  std::string text;
  rapidjson::Document json;
};

using query = std::vector<std::pair<std::string, std::string>>;

/// A path of the admin API: `parts` become its segments, whatever stands in them; parameters without a value are left
/// out.
std::string api_path(const std::vector<std::string>& parts, const query& parameters = {});

/// Where operators' commands run: whom they ask, and where they write. Members that ask end the command by `finish`,
/// with words on standard error, when there is no good answer.
class console {
 public:
  /// `common` and `out` outlive it. Without `client` it makes one from the options when it first needs it.
  console(const common_options& common, std::ostream& out, std::shared_ptr<operator_client> client = nullptr)
      : common_(common), out_(&out), client_(std::move(client)) {}

  std::ostream& out() const noexcept { return *out_; }

  bool json() const noexcept { return common_.json; }
  const common_options& common() const noexcept { return common_; }

  /// The width to fit tables into; 0 = any.
  std::size_t columns() const;

  /// True if it is a person who reads and can be asked.
  bool has_person() const;

  node_answer get(const std::string& path);
  node_answer post(const std::string& path, std::chrono::milliseconds timeout, const std::string& body = {});

  /// Like `get`, but a failure is an answer. For what is only looked at again, or completes a line.
  transport::outcome<node_answer> try_get(const std::string& path, std::chrono::milliseconds timeout);

  /// Events of a stream, until it ends, is interrupted, or `on_event` answers false.
  void follow(const std::string& path, const operator_client::event_handler& on_event);

  /// Says which nodes did not answer, if any.
  void note_unreachable(const json_value& answer) const;

  /// How many nodes did not answer, by the last answer that told of it.
  std::optional<std::size_t> silent() const noexcept { return silent_; }

  /// The one that it asks with. One thread at a time may.
  const std::shared_ptr<operator_client>& client();

 private:
  node_answer ask(std::string_view method, const std::string& path, std::chrono::milliseconds timeout,
                  const std::string& body = {});
  void note_silent(const json_value& answer);
  [[noreturn]] void fail(const transport::failure& why) const;
  [[noreturn]] void refuse(const operator_answer& answer);

  const common_options& common_;
  std::ostream* out_;
  std::optional<std::size_t> silent_;
  std::shared_ptr<operator_client> client_;
};

}  // namespace holdfast::apps
