#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/listing.hpp"
#include "actors/node_config.hpp"
#include "transport/mcp/revision.hpp"
#include "transport/mcp/uri_template.hpp"

namespace holdfast::actors {

/// The merged catalogue of all upstreams at one moment: immutable, shared by all sessions of one capability set.
/// Names stay as they are while they are unique; all holders of a colliding name are shown as `alias__name`. The first
/// upstream (in configuration order) owns a colliding URI; the others are listed as `mcp+alias:<percent-encoded URI>`.
class catalogue_view {
 public:
  /// Where a tool or prompt lives.
  struct route {
    std::uint32_t upstream;
    std::string upstream_name;                     ///< as the upstream knows it, as a raw JSON string
    bool renamed;                                  ///< the client sees another name
    bool journaled = true;                         ///< its calls are to be journaled
    bool repeatable = false;                       ///< a call that was cut off may be made again, as configured
    std::shared_ptr<const tool_cache> cache = {};  ///< null: its results are not kept
  };
  /// Where a resource lives.
  struct resource_route {
    std::uint32_t upstream;
    std::string upstream_uri;
    bool renamed;
  };
  struct page {
    std::string_view entries;         ///< raw JSON objects joined by commas
    std::optional<std::size_t> next;  ///< offset of the next page
  };

  /// What an upstream has to offer.
  struct offer {
    std::uint32_t upstream;         ///< its index
    const upstream_config* config;  ///< used while the view is made
    listing_ptr listing;            ///< null: nothing is known (yet)
  };

  /// Of upstreams in the order of the configuration, the disabled ones left out.
  catalogue_view(const std::vector<offer>& offers, const catalogue_config& config);

  const list_digests& digests() const noexcept { return digests_; }
  const std::vector<std::uint32_t>& upstreams() const noexcept { return order_; }
  /// Null also for an upstream that this view knows nothing of.
  listing_ptr listing_of(std::uint32_t upstream) const {
    const auto found = members_.find(upstream);
    return found == members_.end() ? nullptr : found->second.listing;
  }

  const route* tool(std::string_view shown) const;
  const route* prompt(std::string_view shown) const;

  /// False if the filters of this upstream hide the resource, or the upstream is none of this view.
  bool may_read(std::uint32_t upstream, std::string_view uri) const;
  /// An exact list entry, an aliased URI, or a matching template; nothing otherwise.
  std::optional<resource_route> resource(std::string_view uri) const;
  /// The upstream that lists this very template (for `completion/complete`).
  std::optional<std::uint32_t> template_owner(std::string_view text) const;
  /// True if some URI has more than one holder, so that URIs in results may have to be rewritten.
  bool has_shadowed_uris() const noexcept { return shadows_; }
  /// The URI under which clients know `uri` of this upstream; nothing if it is the same.
  std::optional<std::string> shown_uri(std::uint32_t upstream, const std::string& uri) const;

  /// The entries of a list from `offset` on, as a client of `to` can read them.
  page list(list_kind kind, mcp::revision to, std::size_t offset) const;
  /// Tells lists apart in which other entries stand, or in another order: an offset means nothing from one to the
  /// other. The same on every node.
  std::uint64_t order_of(list_kind kind) const noexcept;
  std::size_t size(list_kind kind) const noexcept;

  /// The entries of one upstream, as shown to clients of the newest legacy revision, joined by commas.
  std::string list_of(list_kind kind, std::uint32_t upstream) const;
  std::size_t size_of(list_kind kind, std::uint32_t upstream) const noexcept;

  /// The capabilities of `initialize`, a raw object: the union over the upstreams, list changes always included.
  const std::string& capabilities() const noexcept { return capabilities_; }
  /// The instructions of all upstreams with their aliases as headings; empty if there are none.
  const std::string& instructions() const noexcept { return instructions_; }

 private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
  };
  template <class V>
  using table = std::unordered_map<std::string, V, text_hash, std::equal_to<>>;

  /// A list rendered once: all entries in one string.
  struct rendered {
    std::string text;
    std::vector<std::pair<std::size_t, std::size_t>> spans;  // begin and end of each entry in `text`
    std::vector<std::uint32_t> owners;                       // the upstream of each entry
    std::uint64_t order = 14695981039346656037u;             // FNV-1a of what the entries are known by
    void add(std::string_view entry, std::string_view known_by, std::uint32_t owner);
  };

  void merge_named(list_kind kind, const std::vector<offer>& offers, bool always_prefix);
  void merge_resources(const std::vector<offer>& offers);
  void merge_templates(const std::vector<offer>& offers);
  void merge_initialize(const std::vector<offer>& offers);
  void show(list_kind kind, const std::string& raw, std::uint32_t upstream);
  void digest();

  struct member {
    listing_ptr listing;
    std::vector<std::string> allow_resources, deny_resources;
    table<std::string> shadowed;  // its URI → the shown one
  };

  std::vector<std::uint32_t> order_;
  std::unordered_map<std::uint32_t, member> members_;
  bool shadows_ = false;
  std::size_t page_size_;
  table<route> tools_, prompts_;
  table<std::uint32_t> uris_;
  table<resource_route> aliased_;
  std::vector<std::pair<mcp::uri_template, std::uint32_t>> templates_;
  table<std::uint32_t> template_texts_;
  std::array<rendered, 4> current_;  // for 2025-06-18 and newer
  std::array<rendered, 4> older_;
  list_digests digests_{};
  std::string capabilities_, instructions_;
};

using view_ptr = std::shared_ptr<const catalogue_view>;

}  // namespace holdfast::actors
