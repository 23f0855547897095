#pragma once

#include <set>
#include <string>
#include <vector>

namespace holdfast::apps {

/// This process, as it was started.
class own_process {
 public:
  /// To be made before anything else is opened: what is open now was given to the process, and is passed on.
  own_process(int argc, char** argv);

  /// The program begins anew, the one that stands now where this one was started from, with the same arguments and
  /// environment, under the same process id. Only whoever else has nothing running any more may call this. Returns only
  /// if it cannot be done: with why not.
  std::string begin_anew() const;

 private:
  std::vector<std::string> arguments_;
  std::string program_;
  std::set<int> given_;  // descriptors
};

}  // namespace holdfast::apps
