#include "actors/catalogue_view.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "actors/digest.hpp"
#include "actors/execution_meta.hpp"
#include "transport/mcp/convert.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/names.hpp"

namespace holdfast::actors {
namespace {

bool passes(const std::vector<std::string>& allow, const std::vector<std::string>& deny, std::string_view key) {
  const auto matches = [&](const std::string& pattern) { return mcp::glob_matches(pattern, key); };
  if (std::any_of(deny.begin(), deny.end(), matches)) return false;
  return allow.empty() || std::any_of(allow.begin(), allow.end(), matches);
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  static constexpr std::string_view kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

bool is_journaled(const upstream_config& u, const std::string& tool) {
  return u.kept == durability::journal &&
         std::none_of(u.unjournaled_tools.begin(), u.unjournaled_tools.end(),
                      [&](const auto& pattern) { return mcp::glob_matches(pattern, tool); });
}

/// As far as the configuration believes the upstream's hints (specification, "Tool annotations").
bool is_repeatable(const upstream_config& u, const std::string& tool) {
  const auto hints = mcp::member(tool, "annotations");
  return (u.retry_read_only && mcp::member(hints, "readOnlyHint") == "true") ||
         (u.retry_idempotent && mcp::member(hints, "idempotentHint") == "true");
}

/// What the upstream says of its tool, in its `_meta`: {"ttlMs": 60000, "scope": "shared"}.
constexpr std::chrono::milliseconds hinted_ttl_max{24 * 3'600'000};

std::optional<cache_rule> cache_hint(mcp::raw_json tool) {
  const auto hint = mcp::member(mcp::member(tool, "_meta"), execution_meta::cache);
  const auto ttl = mcp::is_object(hint) ? mcp::integer_value(mcp::member(hint, "ttlMs")).value_or(0) : 0;
  if (ttl <= 0 || ttl > hinted_ttl_max.count()) return std::nullopt;
  const auto scope = mcp::string_value(mcp::member(hint, "scope")).value_or("session");
  if (scope == "shared") return cache_rule{{}, std::chrono::milliseconds(ttl), cache_scope::shared};
  if (scope == "user") return cache_rule{{}, std::chrono::milliseconds(ttl), cache_scope::user};
  return cache_rule{{}, std::chrono::milliseconds(ttl), cache_scope::session};
}

/// How long results of this tool are kept, and for whom; null if they are not.
std::shared_ptr<const tool_cache> cache_of(const upstream_config& u, const std::string& name, mcp::raw_json tool) {
  if (const auto* const programs = std::get_if<transport::program_set>(&u.target)) {
    const auto is_it = [&](const auto& t) { return t.name == name && t.stateful; };
    if (std::any_of(programs->tools.begin(), programs->tools.end(), is_it)) return nullptr;
  }
  const auto fits = [&](const cache_rule& r) {
    return std::any_of(r.tools.begin(), r.tools.end(), [&](const auto& p) { return mcp::glob_matches(p, name); });
  };
  const auto found = std::find_if(u.cache.begin(), u.cache.end(), fits);
  const auto rule = found != u.cache.end() ? *found : cache_hint(tool).value_or(cache_rule());
  if (rule.ttl.count() == 0) return nullptr;
  return std::make_shared<const tool_cache>(tool_cache{name_of(u) + "/" + name, digest_of(tool), rule.ttl, rule.scope});
}

constexpr std::array<std::string_view, 4> keys{"name", "name", "uri", "uriTemplate"};

std::size_t index_of(list_kind kind) noexcept { return static_cast<std::size_t>(kind); }

}  // namespace

void catalogue_view::rendered::add(std::string_view entry, std::string_view known_by, std::uint32_t owner) {
  owners.push_back(owner);
  // Their quotes keep two names apart from one.
  for (const char c : known_by) order = (order ^ static_cast<unsigned char>(c)) * 1099511628211u;
  if (!text.empty()) text += ',';
  const auto begin = text.size();
  text += entry;
  spans.emplace_back(begin, text.size());
}

catalogue_view::catalogue_view(const std::vector<offer>& offers, const catalogue_config& config)
    : page_size_(std::max<std::size_t>(config.page_size, 1)) {
  for (const auto& o : offers) {
    order_.push_back(o.upstream);
    members_.try_emplace(o.upstream, member{o.listing, o.config->allow_resources, o.config->deny_resources, {}});
  }
  merge_named(list_kind::tools, offers, config.always_prefix);
  merge_named(list_kind::prompts, offers, config.always_prefix);
  merge_resources(offers);
  merge_templates(offers);
  merge_initialize(offers);
  digest();
}

/// A sum, so that an upstream may change the order of what it lists.
void catalogue_view::digest() {
  std::array<std::uint64_t, std::tuple_size_v<list_digests>> sums{};
  for (const auto kind : {list_kind::tools, list_kind::prompts, list_kind::resources, list_kind::templates}) {
    const auto& all = current_[index_of(kind)];
    for (const auto& [begin, end] : all.spans)
      sums[digest_index(kind)] += digest_of(std::string_view(all.text).substr(begin, end - begin));
  }
  for (std::size_t i = 0; i < sums.size(); ++i)
    digests_[i] = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(sums[i] ^ (sums[i] >> 32)));
}

void catalogue_view::show(list_kind kind, const std::string& raw, std::uint32_t u) {
  const auto known_by = mcp::member(raw, keys[index_of(kind)]);
  if (kind == list_kind::tools) {
    current_[index_of(kind)].add(mcp::convert_tool(mcp::newest_legacy, raw), known_by, u);
    older_[index_of(kind)].add(mcp::convert_tool(mcp::revision::r2025_03_26, raw), known_by, u);
  } else {
    current_[index_of(kind)].add(raw, known_by, u);  // the same for every revision
  }
}

void catalogue_view::merge_named(list_kind kind, const std::vector<offer>& offers, bool always_prefix) {
  const auto is_tools = kind == list_kind::tools;
  const auto entries_of = [&](const listing& l) -> const auto& { return is_tools ? l.tools : l.prompts; };
  const auto shown_by = [&](const upstream_config& u, const std::string& name) {
    return is_tools ? passes(u.allow_tools, u.deny_tools, name) : passes(u.allow_prompts, u.deny_prompts, name);
  };
  auto& routes = is_tools ? tools_ : prompts_;

  std::map<std::string, std::uint32_t, std::less<>> holders;  // shown name → number of upstreams that have it
  for (const auto& [u, config, listing] : offers) {
    if (!listing) continue;
    std::set<std::string_view> own;  // one that lists a name twice does not collide with itself
    for (const auto& e : entries_of(*listing)) {
      if (shown_by(*config, e.key) && own.insert(e.key).second) ++holders[mcp::shown_name(e.key)];
    }
  }
  for (const auto& [index, config, listing] : offers) {
    const auto u = index;  // for the lambda
    if (!listing) continue;
    for (const auto& e : entries_of(*listing)) {
      if (!shown_by(*config, e.key)) continue;
      auto shown = mcp::shown_name(e.key);
      if (always_prefix || holders[shown] > 1) shown = mcp::prefixed_name(config->alias, e.key);
      // A real name may look like a prefixed one.
      const auto raw_name = mcp::quote(e.key);
      const auto taken = [&] {
        const auto holder = routes.find(shown);
        return holder != routes.end() && (holder->second.upstream != u || holder->second.upstream_name != raw_name);
      };
      for (int n = 2; taken(); ++n) {
        shown = mcp::prefixed_name(config->alias, e.key + "_" + std::to_string(n));
      }
      const auto renamed = shown != e.key;
      route to{u, raw_name, renamed};
      if (is_tools) {
        to.journaled = is_journaled(*config, e.key);
        to.repeatable = is_repeatable(*config, e.raw);
        to.cache = cache_of(*config, e.key, e.raw);
      }
      const auto added = routes.try_emplace(shown, std::move(to));
      if (!added.second) continue;  // an upstream that lists a name twice
      show(kind, renamed ? mcp::with_member(e.raw, "name", mcp::quote(shown)) : e.raw, u);
    }
  }
}

void catalogue_view::merge_resources(const std::vector<offer>& offers) {
  for (const auto& [u, config, listing] : offers) {
    if (!listing) continue;
    for (const auto& e : listing->resources) {
      if (!may_read(u, e.key)) continue;
      const auto owner = uris_.try_emplace(e.key, u);
      if (owner.second) {
        show(list_kind::resources, e.raw, u);
      } else if (owner.first->second != u) {
        auto alias = "mcp+" + config->alias + ":" + percent_encoded(e.key);
        show(list_kind::resources, mcp::with_member(e.raw, "uri", mcp::quote(alias)), u);
        aliased_.try_emplace(alias, resource_route{u, e.key, true});
        members_.at(u).shadowed.try_emplace(e.key, std::move(alias));
        shadows_ = true;
      }
    }
  }
}

void catalogue_view::merge_templates(const std::vector<offer>& offers) {
  for (const auto& [u, config, listing] : offers) {
    if (!listing) continue;
    for (const auto& e : listing->templates) {
      if (!may_read(u, e.key)) continue;
      if (!template_texts_.try_emplace(e.key, u).second) continue;
      templates_.emplace_back(mcp::uri_template(e.key), u);
      show(list_kind::templates, e.raw, u);
    }
  }
}

void catalogue_view::merge_initialize(const std::vector<offer>& offers) {
  bool tools = false, prompts = false, resources = false, completions = false, complete = true;
  bool subscribe = false;
  for (const auto& [u, config, listing] : offers) {
    if (!listing) {
      complete = false;
      continue;
    }
    const mcp::raw_json c = listing->capabilities;
    const auto has = [&](std::string_view name) { return mcp::is_object(mcp::member(c, name)); };
    tools |= has("tools");
    prompts |= has("prompts");
    resources |= has("resources");
    subscribe |= mcp::member(mcp::member(c, "resources"), "subscribe") == "true";
    completions |= has("completions");
    if (!listing->instructions.empty()) {
      instructions_ += (instructions_.empty() ? "# " : "\n\n# ") + config->alias + "\n" + listing->instructions;
    }
  }
  // What an upstream that is still away will offer cannot be announced later, so everything is.
  if (!complete) tools = prompts = resources = subscribe = completions = true;
  std::string c;
  const auto add = [&](bool on, std::string_view text) {
    if (on) (c += c.empty() ? "" : ",") += text;
  };
  add(tools, R"("tools":{"listChanged":true})");
  add(prompts, R"("prompts":{"listChanged":true})");
  add(resources,
      subscribe ? R"("resources":{"subscribe":true,"listChanged":true})" : R"("resources":{"listChanged":true})");
  add(completions, R"("completions":{})");
  add(true, R"("logging":{})");  // the gateway has something to say itself
  capabilities_ = "{" + c + "}";
}

bool catalogue_view::may_read(std::uint32_t upstream, std::string_view uri) const {
  const auto found = members_.find(upstream);
  return found != members_.end() && passes(found->second.allow_resources, found->second.deny_resources, uri);
}

const catalogue_view::route* catalogue_view::tool(std::string_view shown) const {
  auto found = tools_.find(shown);
  // A version, `tool@2`, is not shown as its users know it.
  if (found == tools_.end() && shown.find('@') != shown.npos) found = tools_.find(mcp::shown_name(shown));
  return found == tools_.end() ? nullptr : &found->second;
}

const catalogue_view::route* catalogue_view::prompt(std::string_view shown) const {
  const auto found = prompts_.find(shown);
  return found == prompts_.end() ? nullptr : &found->second;
}

std::optional<catalogue_view::resource_route> catalogue_view::resource(std::string_view uri) const {
  if (const auto found = uris_.find(uri); found != uris_.end())
    return resource_route{found->second, found->first, false};
  if (const auto found = aliased_.find(uri); found != aliased_.end()) return found->second;
  for (const auto& [pattern, upstream] : templates_) {
    if (pattern.matches(uri) && may_read(upstream, uri)) return resource_route{upstream, std::string(uri), false};
  }
  return std::nullopt;
}

std::optional<std::uint32_t> catalogue_view::template_owner(std::string_view text) const {
  const auto found = template_texts_.find(text);
  if (found == template_texts_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> catalogue_view::shown_uri(std::uint32_t upstream, const std::string& uri) const {
  const auto member = members_.find(upstream);
  if (!shadows_ || member == members_.end()) return std::nullopt;
  const auto found = member->second.shadowed.find(uri);
  if (found == member->second.shadowed.end()) return std::nullopt;
  return found->second;
}

catalogue_view::page catalogue_view::list(list_kind kind, mcp::revision to, std::size_t offset) const {
  const auto old = kind == list_kind::tools && to < mcp::revision::r2025_06_18;
  const auto& all = (old ? older_ : current_)[index_of(kind)];
  if (offset >= all.spans.size()) return {};
  const auto end = std::min(all.spans.size(), offset + page_size_);
  const auto first = all.spans[offset].first;
  page p{std::string_view(all.text).substr(first, all.spans[end - 1].second - first), std::nullopt};
  if (end < all.spans.size()) p.next = end;
  return p;
}

std::uint64_t catalogue_view::order_of(list_kind kind) const noexcept { return current_[index_of(kind)].order; }

std::string catalogue_view::list_of(list_kind kind, std::uint32_t upstream) const {
  const auto& all = current_[index_of(kind)];
  std::string entries;
  for (std::size_t i = 0; i < all.spans.size(); ++i) {
    if (all.owners[i] != upstream) continue;
    if (!entries.empty()) entries += ',';
    entries.append(all.text, all.spans[i].first, all.spans[i].second - all.spans[i].first);
  }
  return entries;
}

std::size_t catalogue_view::size_of(list_kind kind, std::uint32_t upstream) const noexcept {
  const auto& owners = current_[index_of(kind)].owners;
  return static_cast<std::size_t>(std::count(owners.begin(), owners.end(), upstream));
}

std::size_t catalogue_view::size(list_kind kind) const noexcept { return current_[index_of(kind)].spans.size(); }

}  // namespace holdfast::actors
