#include "tests/simulation/network.hpp"

#include <algorithm>
#include <optional>

#include "tests/simulation/process.hpp"
#include "tests/simulation/scene.hpp"

// HTTP between nodes, and between clients and nodes, in place of transport/http_server.cpp and http_client.cpp.

namespace holdfast::simulation {
namespace {

constexpr milliseconds resent{40};  // a cut line is tried again so often

std::string_view header(std::string_view head, std::string_view name) {
  const auto at = head.find("\r\n" + std::string(name) + ": ");
  if (at == std::string_view::npos) return {};
  const auto from = at + 2 + name.size() + 2;
  return head.substr(from, head.find("\r\n", from) - from);
}

int place_of(std::uint16_t port) { return port % 1'000; }

}  // namespace

/// The server's side of one request.
class exchange final : public transport::http_exchange {
 public:
  exchange(std::shared_ptr<class connection> c, std::string head, std::string body)
      : connection_(std::move(c)), head_(std::move(head)), body_(std::move(body)) {
    const std::string_view h = head_;
    const auto method = h.substr(0, h.find(' '));
    request_.method = method == "GET"      ? transport::http_method::get
                      : method == "DELETE" ? transport::http_method::del
                                           : transport::http_method::post;
    const auto target = h.substr(method.size() + 1, h.find(' ', method.size() + 1) - method.size() - 1);
    const auto question = target.find('?');
    request_.path = target.substr(0, question);
    if (question != std::string_view::npos) request_.query = target.substr(question + 1);
    request_.host = "localhost";
    request_.accept = header(h, "Accept");
    request_.content_type = header(h, "Content-Type");
    request_.authorization = header(h, "Authorization");
    request_.session_id = header(h, "Mcp-Session-Id");
    request_.protocol_version = header(h, "MCP-Protocol-Version");
    request_.last_event_id = header(h, "Last-Event-ID");
    request_.awaited = header(h, "Holdfast-Awaited");
    request_.user = header(h, "Holdfast-User");
    request_.body = body_;
  }
  ~exchange() override {
    if (state_ != state::over) connection_->lose_server(transport::errc::closed);
  }

  const transport::http_request& request() const noexcept override { return request_; }
  transport::loop& home() noexcept override { return connection_->server_->loop(); }
  bool is_awaited() override { return !connection_->ended_; }
  std::uint64_t connection() const noexcept override { return connection_->number(); }

  void respond(int status, std::string_view content_type, std::string_view headers,
               std::initializer_list<std::string_view> body) override {
    if (state_ != state::open) return;
    state_ = state::over;
    std::string all;
    for (const auto part : body) all += part;
    tell_head(status, content_type, headers);
    if (!all.empty()) connection_->tell_client([all](auto& to) { to.on_body(all); }, false);
    connection_->tell_client([](auto& to) { to.on_end(); }, true);
  }
  void open_stream(std::string_view headers) override {
    if (state_ != state::open) return;
    state_ = state::streaming;
    tell_head(200, "text/event-stream", headers);
  }
  bool write(std::string_view bytes) override {
    if (state_ != state::streaming) return false;
    connection_->tell_client([all = std::string(bytes)](auto& to) { to.on_body(all); }, false);
    return true;
  }
  void end_stream() override {
    if (state_ != state::streaming) return;
    state_ = state::over;
    connection_->tell_client([](auto& to) { to.on_end(); }, true);
  }
  void on_closed(std::function<void()> f) override { closed_ = std::move(f); }

  void close() {
    if (state_ == state::over) return;
    state_ = state::over;
    if (const auto f = std::exchange(closed_, nullptr)) f();
  }

 private:
  enum class state { open, streaming, over };

  void tell_head(int status, std::string_view type, std::string_view headers) {
    const auto all = "\r\n" + std::string(headers);
    connection_->tell_client(
        [status, type = std::string(type), all](auto& to) {
          transport::client_response_head head;
          head.status = status;
          head.content_type = type;
          head.session_id = header(all, "Mcp-Session-Id");
          head.retry_after = header(all, "Retry-After");
          to.on_head(head);
        },
        false);
  }

  const std::shared_ptr<class connection> connection_;
  const std::string head_, body_;
  transport::http_request request_;
  state state_ = state::open;
  std::function<void()> closed_;
};

connection::connection(network& n, std::uint64_t number, process* from, int place, std::uint16_t port)
    : network_(n), number_(number), from_(from), from_place_(place), to_place_(place_of(port)), port_(port) {}

void connection::move(way connection::*which, std::function<void()> what) {
  auto& w = this->*which;
  w.queue.push_back(std::move(what));
  if (std::exchange(w.moving, true)) return;
  auto& random = network_.in().random();
  const auto usual = std::chrono::microseconds(random.between(100, 1'500));
  network_.in().after(random.chance(3) ? random.ms(5, 80) : usual,
                      [self = shared_from_this(), which] { self->pump(which); });
}

void connection::pump(way connection::*which) {
  auto& w = this->*which;
  const auto up = which == &connection::up_;
  if (network_.lines.cut(up ? from_place_ : to_place_, up ? to_place_ : from_place_)) {
    w.was_cut = true;
    return network_.in().after(resent, [self = shared_from_this(), which] { self->pump(which); });
  }
  const auto what = std::move(w.queue.front());
  w.queue.pop_front();
  w.moving = !w.queue.empty();
  if (w.moving) {
    // What was held up comes one by one, each when it is sent again.
    const auto gap = w.was_cut ? network_.in().random().ms(0, 60) : std::chrono::microseconds{50};
    network_.in().after(gap, [self = shared_from_this(), which] { self->pump(which); });
  } else {
    w.was_cut = false;
  }
  what();
}

void connection::send(const std::string& head, std::string body, std::shared_ptr<transport::http_receiver> to) {
  receiver_ = std::move(to);
  move(&connection::up_, [self = shared_from_this(), head, body = std::move(body)] { self->serve(head, body); });
}

void connection::serve(const std::string& head, const std::string& body) {
  if (server_ == nullptr) {
    if (broken_) return;  // given up before there was a connection
    const auto found = network_.listeners.find(port_);
    if (found == network_.listeners.end()) return lose_server(transport::errc::refused);
    server_ = found->second.owner;
  }
  if (server_->is_dead()) return lose_server(transport::errc::closed);
  server_->run(
      [self = shared_from_this(), head, body] {
        const auto to = self->network_.listeners.find(self->port_);
        const auto e = std::make_shared<exchange>(self, head, body);
        const auto& r = e->request();
        if (r.path == actors::peer_path::relay && r.query.starts_with(self->server_->context().store->incarnation()))
          self->network_.in().broken("a request comes back to the node that sent it on");
        self->serving_ = e;
        if (to != self->network_.listeners.end() && to->second.owner == self->server_)
          to->second.handler->on_request(e);
      },
      true);
}

void connection::tell_client(std::function<void(transport::http_receiver&)> what, bool is_last) {
  if (server_->is_dead()) return;
  move(&connection::down_, [self = shared_from_this(), to = receiver_, what = std::move(what), is_last] {
    if (to == nullptr || self->receiver_ != to) return;
    const auto hear = [self, to, what, is_last] {
      if (self->receiver_ != to) return;
      if (is_last) self->receiver_ = nullptr;
      what(*to);
    };
    self->from_ == nullptr ? hear() : self->from_->run(hear, true);
  });
}

void connection::lose_server(transport::errc why) {
  if (broken_) return;
  move(&connection::down_, [self = shared_from_this(), why] {
    self->broken_ = true;
    const auto hear = [self, why] {
      if (const auto to = std::exchange(self->receiver_, nullptr)) to->on_failed({make_error_code(why), {}});
    };
    self->from_ == nullptr ? hear() : self->from_->run(hear, true);
  });
}

void connection::leave() {
  if (std::exchange(broken_, true)) return;
  receiver_ = nullptr;
  move(&connection::up_, [self = shared_from_this()] {
    self->ended_ = true;  // which the system knows, also of a process that does not run
    if (self->server_ == nullptr || self->server_->is_dead()) return;
    self->server_->run(
        [self] {
          if (const auto e = self->serving_.lock()) e->close();
        },
        true);
  });
}

std::shared_ptr<connection> network::connect(process* from, int place, std::uint16_t port) {
  const auto c = std::make_shared<connection>(*this, ++last_, from, place, port);
  if (all_.size() == all_.capacity()) std::erase_if(all_, [](const auto& weak) { return weak.expired(); });
  all_.push_back(c);
  return c;
}

void network::forget(process& p) {
  std::erase_if(listeners, [&](const auto& l) { return l.second.owner == &p; });
  for (const auto& weak : std::vector(all_)) {
    const auto c = weak.lock();
    if (!c) continue;
    if (c->from_ == &p) c->leave();
    if (c->server_ == &p) c->lose_server(transport::errc::closed);
  }
}

namespace {

class simulated_pool final : public transport::http_pool, public std::enable_shared_from_this<simulated_pool> {
 public:
  simulated_pool(process& of, std::uint16_t port) : of_(of), port_(port) {}

  void send(transport::http_request_out r, std::shared_ptr<transport::http_receiver> to) override {
    std::erase_if(open_, [](const auto& c) { return c->is_broken(); });
    auto c = std::find_if(open_.begin(), open_.end(), [](const auto& o) { return o->is_free(); });
    if (c == open_.end()) c = open_.insert(c, scene::current()->net.connect(&of_, of_.node(), port_));
    (*c)->send(*r.head, r.has_body ? std::move(r.body) : std::string(), std::move(to));
  }
  void cancel(transport::http_receiver& to) override {
    for (const auto& c : std::vector(open_)) {
      if (c->carries(to)) c->leave();
    }
  }
  std::size_t connections() const noexcept override { return open_.size(); }

 private:
  process& of_;
  const std::uint16_t port_;
  std::vector<std::shared_ptr<connection>> open_;
};

class simulated_server final : public transport::http_server {
 public:
  simulated_server(process& of, std::uint16_t port, transport::http_handler& handler) : of_(of), port_(port) {
    scene::current()->net.listeners[port] = {&of, &handler};
  }
  ~simulated_server() override { forget(); }
  std::uint16_t port() const noexcept override { return port_; }
  std::size_t connections() const noexcept override { return 0; }
  /// Requests still come, over connections that there are and new ones; the ingress answers them.
  void drain() override {}
  void close_listener() override { forget(); }
  std::size_t unanswered() const noexcept override { return 0; }

 private:
  void forget() {
    auto* const s = scene::current();
    if (s == nullptr) return;
    const auto found = s->net.listeners.find(port_);
    if (found != s->net.listeners.end() && found->second.owner == &of_) s->net.listeners.erase(found);
  }

  process& of_;
  const std::uint16_t port_;
};

}  // namespace
}  // namespace holdfast::simulation

namespace holdfast::transport {

std::shared_ptr<http_pool> http_pool::of(loop& on, const http_target& target) {
  auto& process = static_cast<simulation::simulated_loop&>(on).of();
  auto& pool = process.pools[target.port];
  if (!pool) pool = std::make_shared<simulation::simulated_pool>(process, target.port);
  return pool;
}

outcome<std::unique_ptr<http_server>> http_server::listen(loop& on, const std::string&, std::uint16_t port,
                                                          const http_limits&, http_handler& handler,
                                                          std::shared_ptr<tls_identity>, http_counters*) {
  return std::unique_ptr<http_server>(
      std::make_unique<simulation::simulated_server>(static_cast<simulation::simulated_loop&>(on).of(), port, handler));
}

}  // namespace holdfast::transport
