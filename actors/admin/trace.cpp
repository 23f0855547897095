#include "actors/admin/trace.hpp"

#include "actors/admin/json.hpp"
#include "actors/admin/routes.hpp"
#include "transport/http_client.hpp"

// A session's messages for one listener, wherever the session lives.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds follow_pause{50}, quiet_max{10'000}, beat_pause{1'000};
constexpr std::size_t event_max = 1u << 20;

/// Follows the session from node to node.
class tracer final : public transport::http_receiver, public std::enable_shared_from_this<tracer> {
 public:
  tracer(desk& at, std::string id, const request& r)
      : desk_(at.shared_from_this()), session_(std::move(id)), exchange_(r.exchange) {
    limits_.max = r.number("max", 1'000);
    limits_.rate = r.number("rate", 100);
    limits_.bodies = r.flag("bodies");
  }

  void begin() {
    exchange_->on_closed([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->leave();
    });
    exchange_->open_stream({});
    go();
    beat();
  }

 private:
  /// To the node that has the session now.
  void go() {
    if (!exchange_) return;
    auto& node = desk_->node();
    if (!node.in_cluster || node.store->holds(persistence::slot_of(session_))) return listen_here();
    const auto routes = node.in_cluster->routes.get();
    const auto* const owner = routes->owner_of(persistence::slot_of(session_));
    if (owner == nullptr || owner->incarnation == node.store->incarnation()) return again();
    at_ = owner->name;
    pool_ = transport::http_pool::of(desk_->home().loop(), owner->target);
    transport::http_request_out r;
    r.head = std::make_shared<const std::string>("POST " + std::string(peer_path::admin) +
                                                 " HTTP/1.1\r\nHost: holdfast\r\nContent-Type: application/json\r\n" +
                                                 node.in_cluster->credentials());
    r.body = json_object().text("question", "trace").raw("params", params()).str();
    r.counted = false;
    received_.clear();
    status_ = 0;
    pool_->send(std::move(r), shared_from_this());
  }

  std::string params() const {
    return json_object()
        .text("id", session_)
        .number("max", limits_.max)
        .number("rate", limits_.rate)
        .flag("bodies", limits_.bodies)
        .str();
  }

  void listen_here() {
    at_ = desk_->name();
    watch_ = std::make_shared<trace_watch>(
        *desk_, session_, limits_,
        [weak = weak_from_this()](const std::string& event) {
          const auto self = weak.lock();
          return self && self->pass_on(event);
        },
        [weak = weak_from_this()](const std::string& why) {
          if (const auto self = weak.lock()) self->on_over(why);
        });
    watch_->begin();
  }

  bool pass_on(const std::string& event) {
    if (!exchange_) return false;
    if (event.starts_with("event: message\n")) {
      ++shown_;
      --limits_.max;
    }
    if (event.starts_with("event: dropped\n")) dropped_ += number_of(event.substr(event.find('{')), "count");
    if (event.starts_with("event: attached\n")) attached_ = true;
    if (event.starts_with("event: detached\n")) attached_ = false;
    quiet_since_ = std::chrono::steady_clock::now();
    if (exchange_->write(event)) return true;
    leave();
    return false;
  }

  void on_over(const std::string& why) {
    watch_ = nullptr;
    if (!exchange_) return;
    if (std::exchange(attached_, false)) lose(why);
    if (why == "max" || why == "ended" || why == session_trace::refused) return finish(why);
    again();
  }

  /// Nobody over there could say it.
  void lose(const std::string& why) {
    pass_on("event: detached\ndata: " + json_object().text("node", at_).text("reason", why).str() + "\n\n");
  }

  void again() {
    desk_->after(follow_pause, [self = shared_from_this()] { self->go(); });
  }

  // What another node says.

  void on_head(const transport::client_response_head& h) override { status_ = h.status; }
  void on_body(std::string_view bytes) override {
    received_ += bytes;
    if (received_.size() > event_max) received_.clear();
    for (auto end = received_.find("\n\n"); exchange_ && end != std::string::npos; end = received_.find("\n\n")) {
      const auto event = received_.substr(0, end + 2);
      received_.erase(0, end + 2);
      constexpr std::string_view over = "event: over\ndata: ";
      if (event.starts_with(over)) {
        const auto why = event.substr(over.size(), event.size() - over.size() - 2);
        said_over_ = mcp::string_value(why).value_or(std::string());
      } else if (status_ == 200) {
        pass_on(event);
      }
    }
  }
  void on_end() override {
    pool_ = nullptr;
    on_over(std::exchange(said_over_, std::string()));
  }
  void on_failed(transport::failure why) override {
    pool_ = nullptr;
    on_over(why.code.message());
  }

  /// So that a listener that has gone is noticed, and one that waits knows that it is not forgotten.
  void beat() {
    if (!exchange_) return;
    if (std::chrono::steady_clock::now() - quiet_since_ >= quiet_max && !exchange_->write(": still here\n\n"))
      return leave();
    // This is what keeps it while there is a listener.
    desk_->after(beat_pause, [self = shared_from_this()] { self->beat(); });
  }

  void finish(const std::string& why) {
    if (!exchange_) return;
    const auto text = json_object().text("reason", why).number("shown", shown_).number("dropped", dropped_).str();
    exchange_->write("event: end\ndata: " + text + "\n\n");
    exchange_->end_stream();
    leave();
  }

  void leave() {
    exchange_ = nullptr;
    if (const auto w = std::exchange(watch_, nullptr)) w->stop();
    if (const auto p = std::exchange(pool_, nullptr)) p->cancel(*this);
  }

  const std::shared_ptr<desk> desk_;
  const std::string session_;
  std::shared_ptr<transport::http_exchange> exchange_;  // null once the listener has gone
  session_trace::limits limits_;
  std::string at_, received_, said_over_;
  std::shared_ptr<trace_watch> watch_;
  std::shared_ptr<transport::http_pool> pool_;  // while another node is listened to
  std::uint64_t shown_ = 0, dropped_ = 0;
  std::chrono::steady_clock::time_point quiet_since_ = std::chrono::steady_clock::now();
  int status_ = 0;
  bool attached_ = false;
};

}  // namespace

void trace(desk& at, const request& r, reply done) {
  find_session(at, r.args[0], true, [self = at.shared_from_this(), r, done = std::move(done)](const found_session& f) {
    if (f.trouble) return done(*f.trouble);
    std::make_shared<tracer>(*self, f.id, r)->begin();
  });
}

}  // namespace holdfast::actors::admin
