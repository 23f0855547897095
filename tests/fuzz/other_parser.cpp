#include "tests/fuzz/other_parser.hpp"

#include <rapidjson/document.h>

namespace holdfast::fuzz {

opinion other_opinion(std::string_view text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  switch (document.GetParseError()) {
    case rapidjson::kParseErrorNone: return opinion::json;
    case rapidjson::kParseErrorNumberTooBig:
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid: return opinion::beyond_limits;
    default: return opinion::no_json;
  }
}

}  // namespace holdfast::fuzz
