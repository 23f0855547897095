#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <system_error>

namespace holdfast::transport {

/// A value, or the error code that says why there is none.
template <class T>
using result = boost::system::result<T, std::error_code>;

/// An error code with the words that tell an operator what happened ("spawn npx: No such file or directory").
/// `detail` never holds a secret: no header values, no environment, no message bodies.
struct failure {
  std::error_code code;
  std::string detail;
};

[[noreturn]] inline void throw_exception_from_error(const failure& f, const boost::source_location&) {
  throw std::system_error(f.code, f.detail);
}

/// A value, or a `failure`.
template <class T>
using outcome = boost::system::result<T, failure>;

}  // namespace holdfast::transport
