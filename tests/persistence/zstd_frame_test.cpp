#include "persistence/zstd_frame.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdfast::persistence;

namespace {

const std::string text(3000, 'x');

std::string refusal_of(const result<std::string>& r) {
  REQUIRE(r.has_error());
  CHECK(r.error().code == store_errc::corrupt);
  return r.error().detail;
}

}  // namespace

TEST_CASE("a frame gives back what went in, at every level") {
  for (const int level : {-5, 1, 3, 19}) {
    const auto frame = compressed(text, level);
    REQUIRE(frame.has_value());
    CHECK(frame->size() < 100);
    CHECK(decompressed(*frame, text.size()).value() == text);
  }
  CHECK(decompressed(compressed("", 1).value(), 0).value().empty());
}

TEST_CASE("a frame that holds more than allowed is refused by its header") {
  const std::string frame = compressed(text, 1).value();
  CHECK(refusal_of(decompressed(frame, text.size() - 1)) == "the text is longer than allowed");
}

TEST_CASE("a frame whose header tells another size is refused") {
  // Descriptor byte 4: a size of two bytes less 256, behind it.
  std::string frame = compressed(text, 1).value();
  REQUIRE((static_cast<unsigned char>(frame[4]) >> 6) == 1);
  for (const int difference : {-1, 1}) {
    std::string altered = frame;
    altered[5] = static_cast<char>(altered[5] + difference);
    CHECK(refusal_of(decompressed(altered, 10'000)) == "compressed data is damaged");
  }
}

TEST_CASE("what follows a frame is refused, frames to be skipped too") {
  const std::string frame = compressed(text, 1).value();
  const std::string skipped = std::string("\x50\x2A\x4D\x18\x01\x00\x00\x00", 8) + "x";
  for (const std::string& more : {skipped, frame, compressed("", 1).value(), std::string("x")}) {
    CHECK(refusal_of(decompressed(frame + more, 10'000)) == "compressed data is damaged");
  }
  CHECK(refusal_of(decompressed(skipped + frame, 10'000)) == "compressed data is damaged");
}

TEST_CASE("a frame without its size is refused") {
  // Magic, descriptor without size or check sum, window, one last raw block of two bytes.
  const std::string frame("\x28\xB5\x2F\xFD\x00\x58\x11\x00\x00hi", 11);
  CHECK(refusal_of(decompressed(frame, 10'000)) == "compressed data is damaged");
}
