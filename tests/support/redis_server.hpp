#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/persistence/temporary_folder.hpp"

namespace holdfast::tests {

/// True if redis-server is installed. Says loudly if it is not, once.
inline bool has_redis() {
  static const bool found = [] {
    const bool there = std::system("command -v redis-server >/dev/null 2>&1") == 0;
    if (!there) std::fputs("\n*** redis-server is NOT INSTALLED: everything about Redis is SKIPPED ***\n\n", stderr);
    return there;
  }();
  return found;
}

/// A TCP port of the loopback that nobody uses at this moment, small enough for a cluster's bus port beside it.
inline std::uint16_t free_port() {
  for (;;) {
    const int s = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    const bool bound = ::bind(s, reinterpret_cast<sockaddr*>(&a), size) == 0 &&
                       ::getsockname(s, reinterpret_cast<sockaddr*>(&a), &size) == 0;
    ::close(s);
    if (!bound) throw std::runtime_error("no free port");
    if (const auto port = ::ntohs(a.sin_port); port < 55'000) return port;
  }
}

/// How a server of a test is to be.
struct redis_setup {
  std::string password = {};  ///< of the default user
  bool tls = false;           ///< listens for TLS too, see `tls_port`
  std::string tls_names = "DNS:localhost,IP:127.0.0.1";
  bool keeps = false;  ///< append-only file, written at once: a restart loses nothing
  bool cluster = false;
  std::uint16_t replica_of = 0;             ///< a port of the loopback
  std::vector<std::string> arguments = {};  ///< further ones of redis-server
  std::vector<std::string> sentinel = {};   ///< not empty = a sentinel, with these lines of configuration
};

/// A Redis server in a folder of its own, on free ports of the loopback and a unix socket. Gone with its owner.
class redis_server {
 public:
  explicit redis_server(redis_setup setup = {}) : setup_(std::move(setup)) {
    if (setup_.tls) make_certificates();
    port_ = free_port();
    tls_port_ = setup_.tls ? free_port() : 0;
    if (!setup_.sentinel.empty()) write_sentinel_configuration();
    start();
  }
  redis_server(const redis_server&) = delete;
  redis_server& operator=(const redis_server&) = delete;
  ~redis_server() { kill(); }

  std::uint16_t port() const noexcept { return port_; }
  std::uint16_t tls_port() const noexcept { return tls_port_; }
  std::string socket() const { return folder_ / "redis.sock"; }
  std::string ca_file() const { return folder_ / "ca.crt"; }
  std::string url() const {
    const std::string who = setup_.password.empty() ? "" : ":" + setup_.password + "@";
    return "redis://" + who + "127.0.0.1:" + std::to_string(port_);
  }
  pid_t id() const noexcept { return id_; }

  /// Starts it, on the same ports if it ran before, and waits until it answers.
  void start() {
    id_ = spawn();
    control_.reset();
    for (int i = 0; i < 2'000; ++i) {
      if (::waitpid(id_, nullptr, WNOHANG) == id_) {
        id_ = 0;
        throw std::runtime_error("redis-server ended: " + log());
      }
      if (connect() && command({"PING"}) == "PONG") return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    throw std::runtime_error("redis-server does not answer: " + log());
  }

  /// Ends it with a signal, if it runs. What it had in memory only is lost.
  void kill(int signal = SIGKILL) noexcept {
    control_.reset();
    if (id_ == 0) return;
    ::kill(id_, signal);
    ::waitpid(id_, nullptr, 0);
    id_ = 0;
  }

  /// Stops its process, so that it neither answers nor closes, and lets it go on.
  void freeze() const noexcept { ::kill(id_, SIGSTOP); }
  void thaw() const noexcept { ::kill(id_, SIGCONT); }

  /// Runs a command beside the store; the reply as text, arrays with a line for each element.
  std::string command(const std::vector<std::string>& arguments) {
    if (!control_ && !connect()) throw std::runtime_error("no connection to redis-server");
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& a : arguments) {
      texts.push_back(a.data());
      sizes.push_back(a.size());
    }
    const std::unique_ptr<redisReply, freed> reply(static_cast<redisReply*>(
        ::redisCommandArgv(control_.get(), static_cast<int>(texts.size()), texts.data(), sizes.data())));
    if (!reply) {
      control_.reset();
      return "";
    }
    return text_of(*reply);
  }

  std::string log() const {
    std::ifstream file(folder_ / "log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  struct freed {
    void operator()(redisReply* r) const noexcept { ::freeReplyObject(r); }
    void operator()(redisContext* c) const noexcept { ::redisFree(c); }
  };

  static std::string text_of(const redisReply& r) {
    if (r.type == REDIS_REPLY_INTEGER) return std::to_string(r.integer);
    if (r.type != REDIS_REPLY_ARRAY) return r.str == nullptr ? "" : std::string(r.str, r.len);
    std::string lines;
    for (std::size_t i = 0; i < r.elements; ++i) lines += (i == 0 ? "" : "\n") + text_of(*r.element[i]);
    return lines;
  }

  bool connect() {
    control_.reset(::redisConnectUnix(socket().c_str()));
    if (!control_ || control_->err != 0) {
      control_.reset();
      return false;
    }
    return setup_.password.empty() || command({"AUTH", setup_.password}) == "OK";
  }

  // A sentinel keeps what it learns in this file.
  void write_sentinel_configuration() const {
    std::ofstream file(folder_ / "sentinel.conf");
    file << "port " << port_ << "\nbind 127.0.0.1\nunixsocket " << socket() << "\ndir " << (folder_ / "") << "\n";
    for (const auto& line : setup_.sentinel) file << line << "\n";
  }

  std::vector<std::string> arguments() const {
    if (!setup_.sentinel.empty()) return {"redis-server", folder_ / "sentinel.conf", "--sentinel"};
    std::vector<std::string> a{"redis-server",
                               "--port",
                               std::to_string(port_),
                               "--bind",
                               "127.0.0.1",
                               "--unixsocket",
                               socket(),
                               "--dir",
                               folder_ / "",
                               "--save",
                               "",
                               "--daemonize",
                               "no",
                               "--enable-debug-command",
                               "local",
                               "--repl-diskless-sync-delay",
                               "0"};
    const auto add = [&a](std::initializer_list<std::string> more) { a.insert(a.end(), more); };
    if (!setup_.password.empty()) add({"--requirepass", setup_.password, "--masterauth", setup_.password});
    if (setup_.keeps) add({"--appendonly", "yes", "--appendfsync", "always"});
    if (setup_.cluster) add({"--cluster-enabled", "yes", "--cluster-node-timeout", "1000"});
    if (setup_.replica_of != 0) add({"--replicaof", "127.0.0.1 " + std::to_string(setup_.replica_of)});
    if (setup_.tls)
      add({"--tls-port", std::to_string(tls_port_), "--tls-cert-file", folder_ / "server.crt", "--tls-key-file",
           folder_ / "server.key", "--tls-ca-cert-file", ca_file(), "--tls-auth-clients", "no"});
    a.insert(a.end(), setup_.arguments.begin(), setup_.arguments.end());
    return a;
  }

  pid_t spawn() const {
    const auto words = arguments();
    std::vector<char*> raw;
    for (const auto& word : words) raw.push_back(const_cast<char*>(word.c_str()));
    raw.push_back(nullptr);
    const std::string log = folder_ / "log";
    const pid_t parent = ::getpid();
    const pid_t id = ::fork();
    if (id < 0) throw std::runtime_error("fork");
    if (id > 0) return id;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execvp(raw[0], raw.data());
    ::_exit(127);
  }

  void make_certificates() const {
    const std::string cd = "cd " + (folder_ / "") + " && ";
    const std::string key = " -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 ";
    std::ofstream(folder_ / "names") << "subjectAltName=" << setup_.tls_names << "\n";
    for (const std::string& step :
         {"openssl req -x509" + key + "-subj '/CN=test authority' -keyout ca.key -out ca.crt",
          "openssl req" + key + "-subj '/CN=test server' -keyout server.key -out server.csr",
          std::string(
              "openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names "
              "-out server.crt")})
      if (std::system((cd + step + " 2>>openssl.log").c_str()) != 0) throw std::runtime_error("openssl: " + step);
  }

  redis_setup setup_;
  temporary_folder folder_;
  std::uint16_t port_ = 0, tls_port_ = 0;
  pid_t id_ = 0;
  std::unique_ptr<redisContext, freed> control_;
};

}  // namespace holdfast::tests
