#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "apps/config/nearest.hpp"
#include "apps/config/units.hpp"
#include "apps/config/value.hpp"

namespace holdfast::apps {

/// One key of a section: how its value gets into a `T`, and the keys below it.
template <class T>
struct key {
  std::string name;
  std::function<void(const value&, T&)> read;
  std::vector<std::string> below;
};

template <class T>
using keys = std::vector<key<T>>;

/// "a", "a.b", …: the keys of a table and those below them.
template <class T>
std::vector<std::string> paths(const keys<T>& table) {
  std::vector<std::string> out;
  for (const auto& k : table) {
    out.push_back(k.name);
    for (const auto& inner : k.below) out.push_back(k.name + "." + inner);
  }
  return out;
}

/// The words for a key that is none of `known`.
std::string unknown_key(const std::string& name, const std::vector<std::string>& known);

template <class T>
void read_section(const value& v, T& into, const keys<T>& table) {
  v.members([&](const std::string& name, const value& member) {
    std::vector<std::string> known;
    for (const auto& k : table) {
      if (k.name == name) return k.read(member, into);
      known.push_back(k.name);
    }
    member.wrong_key(unknown_key(name, known));
  });
}

/// The kinds of value; each reports what is wrong and then leaves `out` as it was.
void read_number(const value& v, std::uint64_t& out, std::uint64_t min, std::uint64_t max);
void read_size(const value& v, std::uint64_t& out, std::uint64_t min, std::uint64_t max);
void read_duration(const value& v, std::chrono::milliseconds& out, std::chrono::milliseconds min,
                   std::chrono::milliseconds max);
void read_flag(const value& v, bool& out);
void read_text(const value& v, std::string& out);
void read_texts(const value& v, std::vector<std::string>& out);

/// `read_choice` for names that stand for the values of an enumeration; -1 if none fits.
int read_choice(const value& v, const std::vector<std::string>& names);

// The same as keys of a `T`. `at` yields the member: a pointer to member, or a function from T& to a reference.

template <class T, class At>
key<T> number(std::string name, At at, std::uint64_t min, std::uint64_t max) {
  return {std::move(name),
          [=](const value& v, T& t) {
            std::uint64_t n = std::invoke(at, t);
            read_number(v, n, min, max);
            std::invoke(at, t) = n;
          },
          {}};
}

template <class T, class At>
key<T> size(std::string name, At at, std::uint64_t min, std::uint64_t max) {
  return {std::move(name),
          [=](const value& v, T& t) {
            std::uint64_t n = std::invoke(at, t);
            read_size(v, n, min, max);
            std::invoke(at, t) = n;
          },
          {}};
}

template <class T, class At>
key<T> duration(std::string name, At at, std::chrono::milliseconds min, std::chrono::milliseconds max) {
  return {std::move(name), [=](const value& v, T& t) { read_duration(v, std::invoke(at, t), min, max); }, {}};
}

template <class T, class At>
key<T> flag(std::string name, At at) {
  return {std::move(name), [=](const value& v, T& t) { read_flag(v, std::invoke(at, t)); }, {}};
}

template <class T, class At>
key<T> text(std::string name, At at) {
  return {std::move(name), [=](const value& v, T& t) { read_text(v, std::invoke(at, t)); }, {}};
}

template <class T, class At>
key<T> texts(std::string name, At at) {
  return {std::move(name), [=](const value& v, T& t) { read_texts(v, std::invoke(at, t)); }, {}};
}

/// The names stand for the enumeration's values 0, 1, 2, ….
template <class E, class T, class At>
key<T> choice(std::string name, At at, const std::vector<std::string>& names) {
  return {std::move(name),
          [=](const value& v, T& t) {
            if (const int i = read_choice(v, names); i >= 0) std::invoke(at, t) = static_cast<E>(i);
          },
          {}};
}

template <class T, class S, class At>
key<T> section(std::string name, At at, const keys<S>& table) {
  return {std::move(name), [at, &table](const value& v, T& t) { read_section<S>(v, std::invoke(at, t), table); },
          paths(table)};
}

}  // namespace holdfast::apps
