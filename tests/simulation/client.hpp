#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/scene.hpp"

namespace holdfast::simulation {

/// One call, as its client sees it.
struct errand {
  std::string tool, key;
  int id = 0;
  std::string outcome;  ///< the text of the result; empty while there is none, or where there was an error
  std::string error;    ///< raw
  bool over = false;
  bool progressed = false;  ///< its client has seen progress
};

/// A client with one session, which does some errands, one or two at a time, each through any node. Whatever breaks or
/// takes too long it sends again, elsewhere, under the same id; a stream that breaks it takes up by its last event.
class client : public std::enable_shared_from_this<client> {
 public:
  client(scene& s, int number, int nodes);

  void begin();
  bool is_done() const;
  bool is_lost() const noexcept { return lost_; }  ///< it was told that there is no such session
  const std::string& session() const noexcept { return session_; }
  const std::vector<errand>& errands() const noexcept { return errands_; }
  const std::string& name() const noexcept { return name_; }

  /// Asks whether the session still answers, once all is quiet.
  void ping();
  bool was_answered() const noexcept { return answered_; }

 private:
  friend class reading;

  std::shared_ptr<connection> free_connection(int node);
  void go_on();

  scene& scene_;
  const int number_, nodes_;
  const std::string name_;
  std::string session_;
  std::vector<errand> errands_;
  std::size_t next_ = 0;
  std::vector<std::shared_ptr<connection>> connections_;
  const bool patient_;  // one that is not gives up soon, and has much to do
  bool initialized_ = false, lost_ = false, answered_ = false;
  int working_ = 0;
  std::map<std::string, std::string> events_;  // by id: one never changes
};

}  // namespace holdfast::simulation
