#include "actors/listing_fetch.hpp"

#include <array>
#include <utility>

#include "transport/errc.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

struct list {
  std::string_view method, capability, member, key;
  std::vector<listing::entry> listing::*entries;
};
constexpr std::array<list, 4> lists{{
    {"tools/list", "tools", "tools", "name", &listing::tools},
    {"prompts/list", "prompts", "prompts", "name", &listing::prompts},
    {"resources/list", "resources", "resources", "uri", &listing::resources},
    {"resources/templates/list", "resources", "resourceTemplates", "uriTemplate", &listing::templates},
}};

}  // namespace

void listing_fetch::start(const std::string& initialize_result, std::size_t entries_max, ask a, done d) {
  const auto self = std::shared_ptr<listing_fetch>(new listing_fetch(entries_max, std::move(a), std::move(d)));
  auto& l = *self->listing_;
  const auto text = [&](std::string_view name) {
    return mcp::string_value(mcp::member(initialize_result, name)).value_or(std::string());
  };
  l.capabilities = mcp::member(initialize_result, "capabilities");
  l.instructions = text("instructions");
  l.revision = text("protocolVersion");
  self->next_list();
}

void listing_fetch::next_list() {
  while (at_ < lists.size() && !mcp::is_object(mcp::member(listing_->capabilities, lists[at_].capability))) ++at_;
  if (at_ == lists.size()) return done_(listing_ptr(listing_));
  next_page({});
}

void listing_fetch::next_page(const std::string& cursor) {
  auto params = cursor.empty() ? std::string("{}") : R"({"cursor":)" + cursor + "}";
  ask_(lists[at_].method, std::move(params), [self = shared_from_this()](transport::outcome<std::string> answer) {
    if (answer) return self->take(*answer);
    if (!self->may_lack(answer.error())) return self->done_(answer.error());
    self->end_list();
  });
}

/// Many servers declare resources and know no templates, and some declare more than they serve.
bool listing_fetch::may_lack(const transport::failure& why) const {
  if (why.code != transport::errc::bad_message) return false;
  return lists[at_].entries == &listing::templates ||
         mcp::integer_value(mcp::member(why.detail, "code")) == mcp::code::method_not_found;
}

void listing_fetch::end_list() {
  ++at_;
  read_ = 0;
  next_list();
}

void listing_fetch::take(const std::string& result) {
  const auto& what = lists[at_];
  auto& entries = (*listing_).*what.entries;
  const auto items = mcp::elements(mcp::member(result, what.member));
  if (!items) {
    return done_(
        transport::failure{transport::errc::bad_message,
                           std::string(what.method) + ": the result has no array \"" + std::string(what.member) + '"'});
  }
  for (const auto item : *items) {
    if (auto key = mcp::string_value(mcp::member(item, what.key)); key && entries.size() < entries_max_) {
      entries.push_back({std::move(*key), std::string(item)});
    }
  }
  read_ += items->size();
  const auto cursor = mcp::member(result, "nextCursor");
  if (mcp::is_string(cursor) && !items->empty() && read_ < entries_max_) return next_page(std::string(cursor));
  end_list();
}

}  // namespace holdfast::actors
