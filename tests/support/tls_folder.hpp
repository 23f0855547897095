#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "tests/support/test_authority.hpp"
#include "transport/tls_identity.hpp"

namespace holdfast::tests {

/// A folder with certificates of one authority, gone with this object.
class tls_folder {
 public:
  tls_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-tls-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
    authority_.write(file("ca.pem"));
  }
  ~tls_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  tls_folder(const tls_folder&) = delete;

  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  const test_authority& authority() const noexcept { return authority_; }

  /// Files NAME.pem and NAME-key.pem, written anew, of this authority or another, for both sides.
  transport::tls_files files(const std::string& name, const certificate_wish& w = {"DNS:localhost,IP:127.0.0.1"}) {
    return files(name, w, authority_);
  }
  transport::tls_files files(const std::string& name, const certificate_wish& w, const test_authority& of) {
    const auto issued = of.issue(w);
    const transport::tls_files f{file(name + ".pem"), file(name + "-key.pem"), file("ca.pem"), {}, true};
    test_authority::write_certificate(*issued.certificate, f.certificate);
    test_authority::write_key(*issued.key, f.key);
    return f;
  }

 private:
  std::filesystem::path folder_;
  test_authority authority_;
};

}  // namespace holdfast::tests
