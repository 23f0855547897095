#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/http_server_fixture.hpp"
#include "transport/errc.hpp"
#include "transport/http_client.hpp"

using namespace holdfast::tests;
using namespace std::chrono_literals;
using holdfast::transport::http_limits;
using holdfast::transport::tls_files;
using holdfast::transport::tls_identity;
namespace transport = holdfast::transport;
using exchange = server_under_test::exchange;

namespace {

raw_client client_of(server_under_test& server, const std::shared_ptr<SSL_CTX>& context) {
  raw_client c(server.port());
  c.speak(std::make_unique<tls_wire>(context, c.descriptor()));
  return c;
}

/// The subject of the certificate that the server shows to a new client.
std::string shown_to(server_under_test& server, const tls_files& client) {
  raw_client c(server.port());
  auto wire = std::make_unique<tls_wire>(client_context(client), c.descriptor());
  const openssl::x509_ptr shown(::SSL_get1_peer_certificate(wire->session()));
  char name[100];
  ::X509_NAME_get_text_by_NID(::X509_get_subject_name(shown.get()), NID_commonName, name, sizeof name);
  return name;
}

/// Nothing is answered: the connection fails during the handshake, or ends right after. TLS 1.3 lets the client find
/// out only when it reads.
bool is_refused(server_under_test& server, const std::shared_ptr<SSL_CTX>& context) {
  try {
    auto c = client_of(server, context);
    c.send(get("/refused"));
    return c.ended();
  } catch (const std::runtime_error&) {
    return true;
  }
}

/// What a pool brings back from "/".
class asker final : public transport::http_receiver, public std::enable_shared_from_this<asker> {
 public:
  static std::string ask(loop_thread& io, const transport::http_target& target) {
    const auto a = std::make_shared<asker>();
    io.run([&] {
      transport::http_request_out r;
      r.head = std::make_shared<const std::string>("GET /asked HTTP/1.1\r\nHost: h\r\n");
      r.has_body = false;
      transport::http_pool::of(*io, target)->send(std::move(r), a);
    });
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (!io.run([&] { return a->over_; }) && std::chrono::steady_clock::now() < give_up)
      std::this_thread::sleep_for(1ms);
    return io.run([&] { return a->text_; });
  }

 private:
  void on_head(const transport::client_response_head&) override {}
  void on_body(std::string_view bytes) override { text_ += bytes; }
  void on_end() override { over_ = true; }
  void on_failed(transport::failure why) override {
    text_ = (why.code == transport::errc::tls_failed ? "tls_failed: " : "other: ") + why.detail;
    over_ = true;
  }

  std::string text_;
  bool over_ = false;
};

transport::http_target target_at(server_under_test& server, const tls_files& files) {
  transport::http_target t;
  t.tls = true;
  t.host = "127.0.0.1";
  t.port = server.port();
  t.identity = *tls_identity::load(files);
  return t;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("TLS: a client with a certificate of the authority is served, over TLS 1.3 or 1.2") {
  tls_folder folder;
  server_under_test server(echo, {}, folder.files("server"));
  const auto context = client_context(folder.files("client"));
  const unsigned char offered[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  ::SSL_CTX_set_alpn_protos(context.get(), offered, sizeof offered);
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    ::SSL_CTX_set_max_proto_version(context.get(), version);
    raw_client client(server.port());
    auto wire = std::make_unique<tls_wire>(context, client.descriptor());
    auto* const session = wire->session();
    client.speak(std::move(wire));
    client.send(post("/a", "b"));
    CHECK(client.read_answer().body == "/a b");
    CHECK(::SSL_version(session) == version);
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(session, &chosen, &size);
    CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
    client.send(get("/", "Connection: close\r\n"));
    CHECK(client.read_answer().status == 200);
    CHECK(client.ended());
    CHECK((::SSL_get_shutdown(session) & SSL_RECEIVED_SHUTDOWN) != 0);  // it said goodbye
  }
  CHECK(server.no_note());
}

TEST_CASE("TLS: where no authority is named, clients need no certificate") {
  tls_folder folder;
  auto files = folder.files("server");
  files.ca.clear();
  files.among_equals = false;
  server_under_test server(echo, {}, files);
  auto client = client_of(server, client_context());
  client.send(get("/"));
  CHECK(client.read_answer().body == "/ ");
}

TEST_CASE("TLS: who has no certificate that counts is refused, told why, and reported") {
  tls_folder folder;
  const test_authority rogue("holdfast test authority");  // a name is no proof
  auto files = folder.files("server", {"DNS:node"});
  files.peer_name = "node";
  server_under_test server([&](const exchange&) { server.note("handled"); }, {}, files);
  const auto refusal_of = [&](const tls_files& client) {
    CHECK(is_refused(server, client_context(client)));
    return server.await_note();
  };
  CHECK(has(refusal_of({}), "refused 127.0.0.1: peer did not return a certificate"));
  CHECK(has(refusal_of(folder.files("rogue", {"DNS:node"}, rogue)), "certificate"));
  CHECK(has(refusal_of(folder.files("old", {"DNS:node", "", -7200, -3600})), "certificate has expired"));
  CHECK(has(refusal_of(folder.files("else", {"DNS:else"})), "hostname mismatch"));
  CHECK(has(refusal_of(folder.files("one-sided", {"DNS:node", "serverAuth"})), "purpose"));
  while (server.connections() > 0) std::this_thread::yield();
  CHECK(server.no_note());
}

TEST_CASE("TLS: who speaks plain HTTP is told to speak TLS") {
  tls_folder folder;
  server_under_test server(echo, {}, folder.files("server"));
  raw_client plain(server.port());
  plain.send(get("/"));
  const auto answer = plain.read_answer();
  CHECK(answer.status == 400);
  CHECK(has(answer.body, "use https"));
  CHECK(plain.ended());
  CHECK(server.await_note() == "refused 127.0.0.1: http request");
}

TEST_CASE("TLS: a handshake that takes too long is ended, and counts as a connection until then") {
  tls_folder folder;
  http_limits limits;
  limits.handshake_timeout = 1s;
  limits.connections_max = 1;
  server_under_test server(echo, limits, folder.files("server"));
  raw_client silent(server.port());
  while (server.connections() == 0) std::this_thread::yield();
  raw_client second(server.port());
  CHECK(second.ended());
  silent.send("\x16\x03\x01");  // the beginning of one
  CHECK(silent.ended());
  CHECK(server.await_note() == "refused 127.0.0.1: the handshake took too long");
  CHECK(server.connections() == 0);
}

TEST_CASE("TLS: a client that only knocks is not worth a report, and one that breaks off harms nobody") {
  tls_folder folder;
  server_under_test server(echo, {}, folder.files("server"));
  {
    raw_client knock(server.port());
    while (server.connections() == 0) std::this_thread::yield();
  }
  while (server.connections() > 0) std::this_thread::yield();
  CHECK(server.no_note());
  raw_client broken(server.port());
  while (server.connections() == 0) std::this_thread::yield();
  server.drain();
  CHECK(broken.ended());
}

TEST_CASE("TLS: both sides of this program prove themselves to each other") {
  tls_folder folder;
  const test_authority rogue("a rogue authority");
  loop_thread io;
  server_under_test server(echo, {}, folder.files("server", {"DNS:node"}));
  CHECK(asker::ask(io, target_at(server, folder.files("client", {"DNS:node"}))) == "/asked ");

  auto stranger = folder.files("stranger", {}, rogue);
  rogue.write(stranger.ca = folder.file("rogue-ca.pem"));
  CHECK(has(asker::ask(io, target_at(server, stranger)), "tls_failed: TLS with 127.0.0.1:"));

  rogue.write(stranger.ca, false);
  folder.authority().write(stranger.ca, true);  // it trusts the server, which does not trust it
  const auto refused = asker::ask(io, target_at(server, stranger));
  CAPTURE(refused);
  CHECK(has(refused, "tls_failed: "));
  CHECK(has(refused, "refused: "));

  auto particular = folder.files("particular", {"DNS:other"});
  particular.peer_name = "other";
  CHECK(has(asker::ask(io, target_at(server, particular)), "mismatch"));
}

TEST_CASE("TLS: certificates are replaced while it runs, authorities by way of a bundle") {
  tls_folder folder;
  const test_authority next("the next authority");
  const auto files = folder.files("server", {"", "", -60, 3600, "first"});
  const auto before = folder.files("before"), after = folder.files("after", {}, next);
  server_under_test server(echo, {}, files);
  auto lasting = client_of(server, client_context(before));
  lasting.send(get("/1"));
  CHECK(lasting.read_answer().header("Connection") == "");
  CHECK(shown_to(server, before) == "first");
  CHECK(is_refused(server, client_context(after)));
  CHECK(server.await_note().starts_with("refused"));

  next.write(files.ca, true);
  CHECK(*server.identity()->look(true));
  lasting.send(get("/2"));
  CHECK(lasting.read_answer().header("Connection") == "close");  // it is to come again
  CHECK(lasting.ended());
  for (const auto& client : {before, after}) CHECK(shown_to(server, client) == "first");

  folder.files("server", {"", "", -60, 3600, "second"}, next);
  next.write(files.ca);
  CHECK(*server.identity()->look(true));
  CHECK(shown_to(server, after) == "second");
  CHECK(is_refused(server, client_context(before)));
  CHECK(server.await_note().starts_with("refused"));
}
