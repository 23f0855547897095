#include "transport/upstream_sse.hpp"

#include <utility>

#include "transport/channel_link.hpp"
#include "transport/errc.hpp"
#include "transport/event_stream.hpp"
#include "transport/loop.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/upstream_handshake.hpp"
#include "transport/upstream_post.hpp"

namespace holdfast::transport {
namespace {

class sse_connection final : public upstream_connection,
                             public event_stream_events,
                             public channel_writer,
                             public std::enable_shared_from_this<sse_connection> {
 public:
  sse_connection(loop& on, std::shared_ptr<const upstream_site> site, upstream_limits l,
                 upstream_connection_events& events)
      : loop_(on), site_(std::move(site)), limits_(l), events_(&events), pool_(http_pool::of(on, site_->target())) {}

  ~sse_connection() override {
    end({make_error_code(errc::closed), "connection closed"}, [] {});
  }

  void open(std::string params, std::function<void(outcome<std::string>)> done) override {
    opened_ = std::move(done);
    params_ = std::move(params);
    open_timer_ = loop_.after(limits_.connect_timeout, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (self)
        self->fail({make_error_code(errc::timed_out),
                    self->posting_ ? "no answer to initialize in time" : "no endpoint event in time"});
    });
    stream_ = std::make_shared<event_stream>(pool_, limits_.message_bytes_max, *this);
    stream_->open(site_->get({}));
  }

  std::shared_ptr<upstream_link> link() override { return up_ ? link_ : nullptr; }

  const char* protocol() const noexcept override { return "sse"; }

  void close(std::function<void()> done) override {
    events_ = nullptr;
    opened_ = nullptr;
    end({make_error_code(errc::closed), "connection closed"}, [] {});
    loop_.post(std::move(done));
  }

  bool write_message(std::uint64_t id, std::string json) override {
    if (id == 0) return sends_->push(std::move(json));
    // A call waits for no other one: requests go out side by side.
    send_for_status(loop_, pool_, posting_->post(std::move(json), true), limits_.connect_timeout,
                    [weak = weak_from_this(), id](const outcome<int>& status) {
                      if (auto self = weak.lock()) self->on_posted(id, status);
                    });
    return true;
  }

  void on_stream_open() override {}

  void on_stream_event(const sse_event& e) override {
    auto keep = shared_from_this();
    if (ended_) return;
    if (e.type == "endpoint") {
      if (!posting_) on_endpoint(e.data);
    } else if (e.type.empty() || e.type == "message") {
      take_message(e.data);
    }
  }

  void on_stream_over(failure why, int status) override {
    auto keep = shared_from_this();
    if (status == 200) why.detail = "event stream: " + why.detail;
    if (up_) why = {make_error_code(errc::answer_lost), std::move(why.detail)};
    fail(std::move(why));
  }

 private:
  std::shared_ptr<upstream_events> handshake_events() {
    auto weak = weak_from_this();
    initialize_events::callbacks to;
    to.message = [weak](std::string json) {
      if (auto self = weak.lock(); self && self->events_) self->events_->on_message(std::move(json));
    };
    to.answer = [weak](const std::string& json) {
      if (auto self = weak.lock()) self->on_initialized(json);
    };
    to.failed = [weak](failure why) {
      if (auto self = weak.lock()) self->fail(std::move(why));
    };
    return std::make_shared<initialize_events>(std::move(to));
  }

  void on_endpoint(std::string_view reference) {
    auto where = resolve_url(site_->where(), reference);
    if (!where) return fail(where.error());
    // Our credentials go with every POST: never to another origin.
    if (!where->same_origin(site_->where()))
      return fail({make_error_code(errc::bad_address), "the endpoint event names another origin"});
    posting_ = site_->at(*where);
    sends_ = std::make_shared<post_queue>(loop_, posting_, pool_, limits_.queue_bytes_max,
                                          [weak = weak_from_this()](const outcome<int>& status) {
                                            if (auto self = weak.lock()) self->on_sent(status);
                                          });
    link_ = std::make_shared<channel_link>(loop_, channel_link::limits{limits_.in_flight_max, limits_.queue_bytes_max},
                                           *this);
    auto id = link_->next_id();
    link_->request({id, initialize_request(id, params_), {}}, handshake_events());
  }

  void take_message(std::string_view json) {
    if (!link_ || json.empty()) return;
    if (link_->dispatch(json, channel_link::unrouted::connection) == channel_link::verdict::for_connection && events_)
      events_->on_message(std::string(json));
  }

  void on_initialized(std::string_view answer) {
    auto hello = read_handshake(answer);
    if (!hello) return fail(hello.error());
    result_ = std::move(hello->result);
    link_->send(initialized_notification());
  }

  void on_sent(const outcome<int>& status) {
    // The first is `notifications/initialized`; requests must not overtake it.
    if (opened_) {
      if (!status) return fail(status.error());
      if (*status >= 300)
        return fail({make_error_code(errc::http_status), "HTTP " + std::to_string(*status) + " to initialized"});
      loop_.cancel(open_timer_);
      up_ = true;
      return std::exchange(opened_, nullptr)(std::move(result_));
    }
    if (status && *status == 404) fail({make_error_code(errc::session_lost), "HTTP 404"});
  }

  void on_posted(std::uint64_t id, const outcome<int>& status) {
    if (ended_) return;
    // Some servers answer the POST only when the call is done: its own timeout decides then.
    if (!status && status.error().code == errc::timed_out) return;
    if (!status) return link_->fail(id, status.error());
    if (*status < 300) return;
    const auto words = "HTTP " + std::to_string(*status);
    if (*status == 401 || *status == 403) return link_->fail(id, {make_error_code(errc::unauthorized), words});
    if (*status != 404) return link_->fail(id, {make_error_code(errc::http_status), words});
    link_->fail(id, {make_error_code(errc::session_lost), words});
    if (up_) fail({make_error_code(errc::session_lost), words});
  }

  void fail(failure why) {
    if (ended_) return;
    auto keep = shared_from_this();
    if (auto done = std::exchange(opened_, nullptr)) {
      end(why, [] {});
      return done(std::move(why));
    }
    end(why, [weak = weak_from_this(), why] {
      if (auto self = weak.lock(); self && self->events_) self->events_->on_down(why);
    });
  }

  void end(const failure& why, std::function<void()> then) {
    if (std::exchange(ended_, true)) return;
    loop_.cancel(open_timer_);
    if (stream_) stream_->cancel();
    if (sends_) sends_->clear();
    if (link_) link_->shut(why, std::move(then));
  }

  loop& loop_;
  const std::shared_ptr<const upstream_site> site_;
  const upstream_limits limits_;
  upstream_connection_events* events_;
  const std::shared_ptr<http_pool> pool_;
  std::function<void(outcome<std::string>)> opened_;
  std::string params_, result_;
  std::shared_ptr<event_stream> stream_;
  std::shared_ptr<const upstream_site> posting_;
  std::shared_ptr<post_queue> sends_;
  std::shared_ptr<channel_link> link_;
  loop::timer open_timer_ = 0;
  bool up_ = false, ended_ = false;
};

}  // namespace

std::shared_ptr<upstream_connection> connect_sse(loop& on, std::shared_ptr<const upstream_site> site, upstream_limits l,
                                                 upstream_connection_events& events) {
  return std::make_shared<sse_connection>(on, std::move(site), l, events);
}

}  // namespace holdfast::transport
