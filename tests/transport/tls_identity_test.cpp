#include "transport/tls_identity.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/tls_folder.hpp"
#include "transport/errc.hpp"

using namespace holdfast::tests;
using holdfast::transport::errc;
using holdfast::transport::tls_files;
using holdfast::transport::tls_identity;

namespace {

std::string problem_of(const tls_files& files) {
  const auto loaded = tls_identity::load(files);
  if (loaded) return {};
  CHECK(loaded.error().code == make_error_code(errc::tls_failed));
  return loaded.error().detail;
}

void write(const std::string& file, const std::string& text) { std::ofstream(file) << text; }

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("TLS: an identity tells whose it is and how long it lasts") {
  tls_folder folder;
  const auto identity = *tls_identity::load(folder.files("n1", {"DNS:n1", "", -60, 3600, "n1"}));
  const auto about = identity->about();
  CHECK(about.subject == "CN=n1");
  CHECK(about.issuer == "CN=holdfast test authority");
  const auto left = about.expires - std::chrono::system_clock::now();
  CHECK(left > std::chrono::minutes(50));
  CHECK(left <= std::chrono::minutes(60));
}

TEST_CASE("TLS: files that cannot be used are named with the reason") {
  tls_folder folder;
  const test_authority other("another authority");
  auto files = folder.files("n1");
  SUBCASE("not there") {
    files.certificate = folder.file("none.pem");
    CHECK(problem_of(files) == files.certificate + ": cannot be read: No such file or directory");
  }
  SUBCASE("a folder") {
    files.ca = std::filesystem::path(files.ca).parent_path();
    CHECK(problem_of(files).starts_with(files.ca + ": cannot be read"));
  }
  SUBCASE("no certificate") {
    write(files.certificate, "nonsense\n");
    CHECK(has(problem_of(files), files.certificate + ": holds no certificate in PEM form"));
  }
  SUBCASE("a broken certificate") {
    write(files.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    CHECK(has(problem_of(files), files.certificate + ": holds a certificate that cannot be read"));
  }
  SUBCASE("a certificate instead of the key") {
    files.key = files.certificate;
    CHECK(has(problem_of(files), files.key + ": holds no private key"));
  }
  SUBCASE("a key with a passphrase") {
    test_authority::write_key(*folder.authority().issue().key, files.key, "hush");
    CHECK(has(problem_of(files), files.key + ": has a passphrase"));
  }
  SUBCASE("the key of another certificate") {
    test_authority::write_key(*folder.authority().issue().key, files.key);
    CHECK(problem_of(files) == files.key + ": is not the key of the certificate in " + files.certificate);
  }
  SUBCASE("expired") {
    files = folder.files("old", {"", "", -7200, -3600});
    CHECK(has(problem_of(files), files.certificate + ": the certificate has expired: 20"));
  }
  SUBCASE("not yet valid") {
    files = folder.files("early", {"", "", 3600, 7200});
    CHECK(has(problem_of(files), files.certificate + ": the certificate is not valid before 20"));
  }
  SUBCASE("of an authority that is not trusted") {
    files = folder.files("foreign", {}, other);
    CHECK(has(problem_of(files), files.certificate + ": would be refused"));
    CHECK(has(problem_of(files), "unable to get local issuer certificate"));
    files.among_equals = false;  // a gateway whose clients have certificates of somebody else
    CHECK(problem_of(files).empty());
  }
  SUBCASE("for servers only") {
    files = folder.files("server", {"", "serverAuth"});
    CHECK(has(problem_of(files), "as the certificate of a client"));
    files.among_equals = false;
    CHECK(problem_of(files).empty());
  }
  SUBCASE("without the name of nodes") {
    files = folder.files("n1", {"DNS:n1"});
    files.peer_name = "node.holdfast";
    CHECK(has(problem_of(files), "does not carry the DNS name node.holdfast"));
    files.peer_name = "n1";
    CHECK(problem_of(files).empty());
  }
}

TEST_CASE("TLS: changed files are taken once they have come to rest, and bad ones are not") {
  tls_folder folder;
  const auto files = folder.files("n", {"", "", -60, 3600, "first"});
  const auto identity = *tls_identity::load(files);
  CHECK(*identity->look() == false);

  folder.files("n", {"", "", -60, 3600, "second"});
  CHECK(*identity->look() == false);  // somebody may still be writing
  CHECK(identity->about().subject == "CN=first");
  CHECK(*identity->look() == true);
  CHECK(identity->about().subject == "CN=second");
  CHECK(*identity->look() == false);

  test_authority::write_key(*folder.authority().issue().key, files.key);
  CHECK(*identity->look() == false);
  const auto kept = identity->look();
  REQUIRE_FALSE(kept.has_value());
  CHECK(has(kept.error().detail, files.key));
  CHECK(*identity->look() == false);  // told once
  CHECK(identity->about().subject == "CN=second");

  folder.files("n", {"", "", -60, 3600, "third"});
  CHECK(*identity->look(true) == true);
  CHECK(identity->about().subject == "CN=third");

  std::filesystem::remove(files.ca);
  CHECK_FALSE(identity->look(true).has_value());
  CHECK(identity->about().subject == "CN=third");
}
