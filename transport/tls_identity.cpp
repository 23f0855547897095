#include <openssl/ssl.h>
#include <sys/stat.h>

#include <array>
#include <mutex>
#include <string_view>
#include <utility>

#include "transport/errc.hpp"
#include "transport/tls_identity_impl.hpp"
#include "transport/tls_pem_impl.hpp"

namespace holdfast::transport {

namespace {

constexpr std::string_view session_context = "holdfast";
constexpr std::array<unsigned char, 9> only_http11{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/// Tells whether a file has changed; all zero if it is not there.
struct file_stamp {
  ino_t inode = 0;
  off_t size = 0;
  timespec changed{};

  bool operator==(const file_stamp& o) const noexcept {
    return inode == o.inode && size == o.size && changed.tv_sec == o.changed.tv_sec &&
           changed.tv_nsec == o.changed.tv_nsec;
  }
};
using stamps = std::array<file_stamp, 3>;

file_stamp stamp_of(const std::string& file) {
  struct stat found {};
  if (file.empty() || ::stat(file.c_str(), &found) != 0) return {};
  return {found.st_ino, found.st_size, found.st_mtim};
}

stamps stamps_of(const tls_files& f) { return {stamp_of(f.certificate), stamp_of(f.key), stamp_of(f.ca)}; }

/// RFC 7301: whoever asks for other protocols only is told so, instead of getting one it does not speak.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size,
                    void*) {
  auto* chosen = const_cast<unsigned char**>(out);
  const auto found = ::SSL_select_next_proto(chosen, size, only_http11.data(), only_http11.size(), in, in_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool show(SSL_CTX* by, const tls_material& m) {
  bool good =
      ::SSL_CTX_use_certificate(by, m.chain.front().get()) == 1 && ::SSL_CTX_use_PrivateKey(by, m.key.get()) == 1;
  for (std::size_t i = 1; good && i < m.chain.size(); ++i) good = ::SSL_CTX_add1_chain_cert(by, m.chain[i].get()) == 1;
  return good && ::SSL_CTX_set_min_proto_version(by, TLS1_2_VERSION) == 1;
}

bool trust(SSL_CTX* by, const tls_material& m, const std::string& peer_name) {
  for (const auto& authority : m.authorities) {
    if (::X509_STORE_add_cert(::SSL_CTX_get_cert_store(by), authority.get()) != 1) return false;
  }
  if (peer_name.empty()) return true;
  return ::X509_VERIFY_PARAM_set1_host(::SSL_CTX_get0_param(by), peer_name.data(), peer_name.size()) == 1;
}

void set_up_server(SSL_CTX* s, const tls_material& m) {
  // An end without notice is an end: HTTP knows by itself whether a request was whole.
  ::SSL_CTX_set_options(s, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  ::SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_read_ahead(s, 1);  // a system call for each request instead of two
  // Sessions are resumed by tickets alone, which need no memory here. They end with these very files.
  ::SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_session_id_context(s, reinterpret_cast<const unsigned char*>(session_context.data()),
                                   session_context.size());
  ::SSL_CTX_set_alpn_select_cb(s, choose_protocol, nullptr);
  if (m.authorities.empty()) return;
  ::SSL_CTX_set_verify(s, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  for (const auto& authority : m.authorities) ::SSL_CTX_add_client_CA(s, authority.get());
}

outcome<std::shared_ptr<tls_contexts>> make_contexts(const tls_files& files, const tls_material& m) {
  auto made = std::make_shared<tls_contexts>();
  for (auto* side : {made->server.native_handle(), made->client.native_handle()}) {
    if (show(side, m) && trust(side, m, files.peer_name)) continue;
    return failure{make_error_code(errc::tls_failed), files.certificate + ": cannot be used: " + last_openssl_error()};
  }
  set_up_server(made->server.native_handle(), m);
  auto* const client = made->client.native_handle();
  ::SSL_CTX_set_verify(client, SSL_VERIFY_PEER, nullptr);
  ::SSL_CTX_set_alpn_protos(client, only_http11.data(), only_http11.size());
  return made;
}

class file_identity final : public tls_identity {
 public:
  explicit file_identity(tls_files files) : files_(std::move(files)), tried_(stamps_of(files_)), seen_(tried_) {}

  description about() const override {
    const std::lock_guard lock(mutex_);
    return about_;
  }

  outcome<bool> look(bool at_once) override {
    const std::lock_guard lock(mutex_);
    const auto now = stamps_of(files_);
    if (now == tried_) return false;
    if (now != std::exchange(seen_, now) && !at_once) return false;
    tried_ = now;
    if (auto read_now = read(); !read_now) return read_now.error();
    return true;
  }

  outcome<void> read_first() {
    const std::lock_guard lock(mutex_);
    return read();
  }

  std::shared_ptr<tls_contexts> contexts() const {
    const std::lock_guard lock(mutex_);
    return contexts_;
  }

 private:
  outcome<void> read() {
    auto material = read_tls_files(files_);
    if (!material) return material.error();
    auto made = make_contexts(files_, *material);
    if (!made) return made.error();
    about_ = describe(*material->chain.front());
    if (const auto before = std::exchange(contexts_, std::move(*made))) before->replaced = true;
    return {};
  }

  const tls_files files_;
  mutable std::mutex mutex_;
  stamps tried_, seen_;
  description about_;
  std::shared_ptr<tls_contexts> contexts_;
};

}  // namespace

outcome<std::shared_ptr<tls_identity>> tls_identity::load(const tls_files& files) {
  auto identity = std::make_shared<file_identity>(files);
  if (const auto read = identity->read_first(); !read) return read.error();
  return std::shared_ptr<tls_identity>(std::move(identity));
}

std::shared_ptr<tls_contexts> contexts_of(tls_identity& of) { return static_cast<file_identity&>(of).contexts(); }

}  // namespace holdfast::transport
