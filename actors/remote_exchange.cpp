#include "actors/remote_exchange.hpp"

#include <utility>

#include "transport/loop.hpp"

namespace holdfast::actors {
namespace {

using transport::http_exchange;
using transport::loop;

class remote_exchange final : public http_exchange {
 public:
  explicit remote_exchange(std::shared_ptr<http_exchange> e) : exchange_(std::move(e)), home_(exchange_->home()) {}

  /// The last reference must go on the owner's thread, where an unanswered connection is closed.
  ~remote_exchange() override {
    home_.post([e = std::move(exchange_)]() mutable { e.reset(); });
  }

  const transport::http_request& request() const noexcept override { return exchange_->request(); }
  loop& home() noexcept override { return home_; }
  /// Its own loop may just close it.
  bool is_awaited() override { return false; }
  const std::shared_ptr<http_exchange>& at_home() const noexcept { return exchange_; }
  std::uint64_t connection() const noexcept override { return exchange_->connection(); }
  std::string_view principal() const override { return exchange_->principal(); }

  void respond(int status, std::string_view content_type, std::string_view extra_headers,
               std::initializer_list<std::string_view> body) override {
    std::string whole;
    for (const auto part : body) whole += part;
    home_.post([e = exchange_, status, type = std::string(content_type), headers = std::string(extra_headers),
                whole = std::move(whole)] { e->respond(status, type, headers, {whole}); });
  }
  void open_stream(std::string_view extra_headers) override {
    home_.post([e = exchange_, headers = std::string(extra_headers)] { e->open_stream(headers); });
  }
  bool write(std::string_view bytes) override {
    home_.post([e = exchange_, copy = std::string(bytes)] { e->write(copy); });
    return true;
  }
  void end_stream() override {
    home_.post([e = exchange_] { e->end_stream(); });
  }
  void on_closed(std::function<void()> f) override {
    home_.post([e = exchange_, back = loop::current(), f = std::move(f)]() mutable {
      e->on_closed([back, f = std::move(f)]() mutable { back->post(std::move(f)); });
    });
  }

 private:
  std::shared_ptr<http_exchange> exchange_;
  loop& home_;
};

}  // namespace

std::shared_ptr<http_exchange> make_remote(std::shared_ptr<http_exchange> exchange) {
  return std::make_shared<remote_exchange>(std::move(exchange));
}

std::shared_ptr<http_exchange> as_at_home(const std::shared_ptr<http_exchange>& exchange) {
  // It may have passed through several shards.
  const auto remote = std::dynamic_pointer_cast<remote_exchange>(exchange);
  return remote ? as_at_home(remote->at_home()) : exchange;
}

}  // namespace holdfast::actors
