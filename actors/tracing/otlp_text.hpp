#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actors/tracing/span.hpp"

namespace holdfast::actors::tracing {

/// An ExportTraceServiceRequest in the JSON encoding of OTLP 1. `node` is the name of this node among its like.
std::string to_otlp(const std::vector<span>& spans, std::string_view node);

}  // namespace holdfast::actors::tracing
