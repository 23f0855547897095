#include <algorithm>
#include <cctype>
#include <mutex>
#include <utility>
#include <vector>

#include "persistence/redis/redis_format.hpp"
#include "persistence/redis/redis_lane_impl.hpp"
#include "persistence/stores_impl.hpp"

namespace holdfast::persistence {
namespace {

class redis_store final : public store {
 public:
  redis_store(store_options options, redis_site site, std::unique_ptr<boost::asio::ssl::context> tls)
      : options_(std::move(options)),
        site_(std::move(site)),
        tls_(std::move(tls)),
        keys_(std::make_shared<redis_keys>(options_.prefix)) {}

  /// Connects once, to find out now what would otherwise be found out by the first session.
  std::optional<store_failure> try_out() const {
    boost::asio::io_context loop{1};
    const auto once = dispatcher(loop, std::make_shared<redis_gauges>());
    std::optional<store_failure> failure;
    bool decided = false;
    once->start();
    auto& r = once->prepare();
    write_mark(r, *keys_);
    r.done = [&](const redis_outcome& outcome) {
      failure = outcome.reply == nullptr ? outcome.failure : check_mark(*outcome.reply, place());
      decided = true;
    };
    once->submit(r);
    while (!decided && loop.run_one() > 0) continue;
    once->close();
    return failure;
  }

  std::unique_ptr<store_lane> lane(boost::asio::io_context& on) override {
    auto gauges = std::make_shared<redis_gauges>();
    {
      const std::lock_guard lock(mutex_);
      gauges_.push_back(gauges);
    }
    return make_redis_lane(dispatcher(on, std::move(gauges)), keys_);
  }

  enum tier tier() const noexcept override { return options_.wait_replicas > 0 ? tier::redis_wait : tier::redis; }

  store_health health() const override {
    store_health h;
    const std::lock_guard lock(mutex_);
    for (const auto& gauges : gauges_) gauges->add_to(h);
    return h;
  }

  std::string shown() const override { return persistence::shown(site_); }

 private:
  std::shared_ptr<redis_dispatcher> dispatcher(boost::asio::io_context& on,
                                               std::shared_ptr<redis_gauges> gauges) const {
    const redis_link_settings link{
        {site_.user, site_.password, site_.database}, tls_.get(), true, options_.wait_replicas, options_.deadline};
    return std::make_shared<redis_dispatcher>(on, site_, link, options_, std::move(gauges));
  }

  std::string place() const { return "what " + shown() + " holds under the prefix " + options_.prefix; }

  const store_options options_;
  const redis_site site_;
  const std::unique_ptr<boost::asio::ssl::context> tls_;
  const std::shared_ptr<const redis_keys> keys_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<redis_gauges>> gauges_;
};

bool is_prefix(const std::string& text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

}  // namespace

result<std::unique_ptr<store>> open_redis(const store_options& o) {
  auto site = parse_redis_url(o.url);
  if (!site) return site.error();
  if (!is_prefix(o.prefix))
    return store_failure{store_errc::rejected, "the prefix of keys may have letters, digits and -_.: only"};
  std::unique_ptr<boost::asio::ssl::context> tls;
  if (site->tls) {
    auto made = make_tls_context(o.ca_file);
    if (!made) return made.error();
    tls = std::move(*made);
  }
  auto s = std::make_unique<redis_store>(o, std::move(*site), std::move(tls));
  if (auto failure = s->try_out()) return std::move(*failure);
  return std::unique_ptr<store>(std::move(s));
}

}  // namespace holdfast::persistence
