#pragma once

#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "persistence/store.hpp"

namespace holdfast::tests {

/// Takes commits and leaves it to the test what becomes of them. Slots can be claimed; it does nothing else.
class scripted_lane final : public persistence::store_lane {
 public:
  struct taken {
    persistence::commit what;
    persistence::completion<persistence::verdict> done;
  };

  /// The oldest commit that has no outcome yet.
  taken take() {
    if (commits.empty()) throw std::logic_error("no commit is under way");
    auto t = std::move(commits.front());
    commits.pop_front();
    return t;
  }

  std::deque<taken> commits;

  void commit(const struct persistence::commit& c, persistence::completion<persistence::verdict> done) override {
    commits.push_back({c, std::move(done)});
  }
  void claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t /*view*/,
             persistence::completion<std::optional<persistence::token>> done) override {
    done(persistence::token{std::uint64_t{slot} + 1, std::string(incarnation)});
  }

  void restore(const struct persistence::restoration&, persistence::completion<persistence::verdict>) override {
    refuse();
  }
  void load(const persistence::entity&, persistence::completion<std::optional<persistence::record>>) override {
    refuse();
  }
  void read_events(const persistence::entity&, std::uint64_t, std::size_t,
                   persistence::completion<std::vector<persistence::event>>) override {
    refuse();
  }
  void time_to_live(const persistence::entity&,
                    persistence::completion<std::optional<std::chrono::milliseconds>>) override {
    refuse();
  }
  void extend(const persistence::entity&, const persistence::token&, std::chrono::milliseconds,
              persistence::completion<persistence::verdict>) override {
    refuse();
  }
  void expire(const persistence::entity&, const persistence::token&,
              persistence::completion<persistence::verdict>) override {
    refuse();
  }
  void list(std::string_view, std::uint16_t, std::string_view, std::size_t,
            persistence::completion<persistence::page>) override {
    refuse();
  }
  void release(std::uint16_t, const persistence::token&, persistence::completion<persistence::verdict>) override {
    refuse();
  }
  void owner(std::uint16_t, persistence::completion<std::optional<persistence::token>>) override { refuse(); }
  void owners(std::uint16_t, std::uint16_t,
              persistence::completion<std::vector<std::optional<persistence::token>>>) override {
    refuse();
  }
  void read_view(persistence::completion<std::optional<persistence::versioned>>) override { refuse(); }
  void change_view(std::uint64_t, std::string_view, persistence::completion<persistence::verdict>) override {
    refuse();
  }
  void read_record(std::string_view, persistence::completion<std::optional<persistence::versioned>>) override {
    refuse();
  }
  void change_record(std::string_view, std::uint64_t, std::string_view,
                     persistence::completion<persistence::verdict>) override {
    refuse();
  }
  void acquire(std::string_view, std::chrono::milliseconds,
               persistence::completion<std::optional<std::string>>) override {
    refuse();
  }
  void unlock(std::string_view, std::string_view, persistence::completion<bool>) override { refuse(); }
  void prolong(std::string_view, std::string_view, std::chrono::milliseconds, persistence::completion<bool>) override {
    refuse();
  }
  void cache_get(std::string_view, persistence::completion<std::optional<std::string>>) override { refuse(); }
  void cache_put(std::string_view, std::string_view, std::chrono::milliseconds,
                 persistence::completion<bool>) override {
    refuse();
  }

 private:
  [[noreturn]] static void refuse() { throw std::logic_error("this lane takes commits only"); }
};

}  // namespace holdfast::tests
