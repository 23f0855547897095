#pragma once

#include <string>
#include <vector>

#include "apps/commands/cluster_state.hpp"
#include "apps/commands/session.hpp"

// What `holdfast cluster partition` and `heal` make of the cuts of a cluster: values, without a look at the machine.
namespace holdfast::apps {

/// What a command has done, in words.
using said = boost::system::result<std::string, ending>;

/// Cuts `a` off from `b`, or from everybody where that is empty: nodes, or the store. With `one_way`, only what `a`
/// sends is lost. Fails if there is nobody of that name.
said cut_off(cluster_state& s, const std::string& a, const std::string& b, bool one_way);

/// Takes back the cuts between the two, all of `a` where `b` is empty, all of them where both are.
said heal(cluster_state& s, const std::string& a, const std::string& b);

/// "n1 <-> n2, n1 --> store"; empty without cuts.
std::string cuts_text(const std::vector<network_cut>& cuts);

}  // namespace holdfast::apps
