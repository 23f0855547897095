#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "actors/listing.hpp"
#include "transport/result.hpp"

namespace holdfast::actors {

/// Reads all lists of one upstream, page after page. Lives until it has called `done` or is dropped.
class listing_fetch : public std::enable_shared_from_this<listing_fetch> {
 public:
  /// Sends a request and calls back with the raw `result`, or the raw error object or plain reason as failure detail.
  using ask = std::function<void(std::string_view method, std::string params,
                                 std::function<void(transport::outcome<std::string>)> answer)>;
  using done = std::function<void(transport::outcome<listing_ptr>)>;

  /// `initialize_result` is the raw result of `initialize`; lists whose capability it lacks are not asked for.
  static void start(const std::string& initialize_result, std::size_t entries_max, ask a, done d);

 private:
  listing_fetch(std::size_t entries_max, ask a, done d)
      : entries_max_(entries_max), ask_(std::move(a)), done_(std::move(d)) {}
  void next_list();
  void next_page(const std::string& cursor);
  void take(const std::string& result);
  bool may_lack(const transport::failure& why) const;
  void end_list();

  std::shared_ptr<listing> listing_ = std::make_shared<listing>();
  std::size_t entries_max_;
  ask ask_;
  done done_;
  std::size_t at_ = 0;    // the list being read
  std::size_t read_ = 0;  // its items so far, usable or not
};

}  // namespace holdfast::actors
