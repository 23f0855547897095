#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <memory>
#include <string>

/// What a session tells itself about a call that had to wait: for the wait of this number.
namespace holdfast::actors {

struct call;
using call_ptr = std::shared_ptr<call>;
class circuit_probe;
class cache_lead;

/// Its place is free, its time to be tried again has come, or it has waited for too long.
struct call_due {
  call_ptr of;
  unsigned wait;
};
/// Null: other calls are the probes of its upstream.
struct probe_granted {
  call_ptr of;
  unsigned wait;
  std::shared_ptr<circuit_probe> probe;
};

/// What the cache says: the result of a call like it; else it is to be made, mostly for others that wait for it, too.
struct cache_told {
  call_ptr of;
  unsigned wait;
  std::shared_ptr<const std::string> result;
  std::shared_ptr<cache_lead> lead;
};

}  // namespace holdfast::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::call_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::probe_granted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::cache_told)
