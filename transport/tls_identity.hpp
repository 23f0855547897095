#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "transport/result.hpp"

namespace holdfast::transport {

/// What one side of TLS shows, and whom it trusts: PEM files.
struct tls_files {
  std::string certificate;  ///< its own one, then those between that and the authority
  std::string key;          ///< of that certificate, without a passphrase
  std::string ca;           ///< authorities of which the other side must show a certificate; empty = it need show none
  std::string peer_name;    ///< DNS name that the other side's certificate must carry, too; empty = any
  bool among_equals = false;  ///< the other sides have such files, too: they must accept this certificate

  explicit operator bool() const noexcept { return !certificate.empty(); }
  bool operator==(const tls_files&) const = default;
};

/// Certificate, key and authorities read from files, for any number of servers and clients, and read again when they
/// have changed: connections that are made from then on use the new ones. TLS 1.2 or 1.3. Any thread.
class tls_identity {
 public:
  /// A failure names the file and what is wrong with it: it cannot be read, is not PEM, the certificate has expired,
  /// the key is not the certificate's, the others would not accept it (`among_equals`).
  static outcome<std::shared_ptr<tls_identity>> load(const tls_files& files);

  virtual ~tls_identity() = default;

  /// What is in use.
  struct description {
    std::string subject, issuer;  ///< "CN=n1,O=Example"
    std::chrono::system_clock::time_point expires;
  };
  virtual description about() const = 0;

  /// Looks at the files. True if they have changed and are in use from now on: at the second look after the change, so
  /// that several are not taken half replaced, or at this one if `at_once`. If they cannot be used, what was in use
  /// stays so; that is told once for each change.
  virtual outcome<bool> look(bool at_once = false) = 0;
};

}  // namespace holdfast::transport
