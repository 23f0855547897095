#include "tests/simulation/client.hpp"

#include <algorithm>
#include <charconv>

#include "transport/http_client.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::simulation {
namespace {

std::uint64_t position_of(std::string_view event_id) {
  const auto dash = event_id.find('-');
  std::uint64_t n = 0;
  std::from_chars(event_id.data() + dash + 1, event_id.data() + event_id.size(), n);
  return n;
}

}  // namespace

/// One request, sent again until it is answered.
class reading : public transport::http_receiver, public std::enable_shared_from_this<reading> {
 public:
  enum class purpose { initialize, initialized, call, ping };

  reading(std::shared_ptr<client> c, purpose p, errand* e) : client_(std::move(c)), purpose_(p), errand_(e) {}

  void send() {
    auto& c = *client_;
    auto& random = c.scene_.in.random();
    const auto node = random.between(1, c.nodes_);
    over_ = false;
    status_ = 0;
    body_.clear();
    connection_ = c.free_connection(node);
    takes_up_ = !last_event_.empty();
    if (!takes_up_) progress_ = 0;
    if (c.scene_.in.traced()) {
      c.scene_.in.tell(c.name_, (takes_up_ ? "GET after " + last_event_ : what()) + " to n" + std::to_string(node) +
                                    " over " + std::to_string(connection_->number()));
    }
    connection_->send(head(), takes_up_ ? std::string() : text(), shared_from_this());
    const auto patience = c.patient_ ? random.ms(1'500, 3'000) : random.ms(300, 900);
    c.scene_.in.after(patience, [self = shared_from_this(), attempt = ++attempt_] {
      if (self->attempt_ != attempt || self->over_) return;
      self->connection_->leave();
      self->again("no answer");
    });
  }

 private:
  std::string what() const {
    switch (purpose_) {
      case purpose::initialize: return "initialize";
      case purpose::initialized: return "initialized";
      case purpose::ping: return "ping";
      case purpose::call: return errand_->tool + " " + errand_->key;
    }
    return {};
  }

  std::string head() const {
    std::string h = takes_up_ ? "GET /mcp HTTP/1.1\r\nAccept: text/event-stream\r\n"
                              : "POST /mcp HTTP/1.1\r\nAccept: application/json, text/event-stream\r\n"
                                "Content-Type: application/json\r\n";
    if (purpose_ != purpose::initialize)
      h += "Mcp-Session-Id: " + client_->session_ + "\r\nMCP-Protocol-Version: 2025-11-25\r\n";
    if (takes_up_) h += "Last-Event-ID: " + last_event_ + "\r\n";
    return h;
  }

  std::string text() const {
    switch (purpose_) {
      case purpose::initialize:
        return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
               R"("capabilities":{},"clientInfo":{"name":"simulated","version":"1"}}})";
      case purpose::initialized: return R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
      case purpose::ping: return R"({"jsonrpc":"2.0","id":"ping","method":"ping"})";
      case purpose::call: break;
    }
    const auto id = std::to_string(errand_->id);
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + errand_->tool +
           R"(","arguments":{"key":")" + errand_->key + R"("},"_meta":{"progressToken":"p)" + id + R"("}}})";
  }

  void on_head(const transport::client_response_head& h) override {
    status_ = h.status;
    streams_ = h.content_type.starts_with("text/event-stream");
    if (purpose_ == purpose::initialize && !h.session_id.empty()) session_ = h.session_id;
  }
  void on_body(std::string_view bytes) override {
    body_ += bytes;
    if (!streams_) return;
    for (auto end = body_.find("\n\n"); end != std::string::npos && !over_; end = body_.find("\n\n")) {
      const auto event = body_.substr(0, end + 1);
      body_.erase(0, end + 2);
      take_event(event);
    }
  }
  void on_end() override {
    if (over_) return;
    if (streams_) return again("the stream has ended");
    if (status_ == 202 && purpose_ == purpose::initialized) return done();
    if (status_ == 200) return take_message(body_);
    if (status_ == 404 && purpose_ != purpose::initialize) return lose_session();
    if (takes_up_ && status_ == 400) {
      if (!client_->scene_.store.ever_failed_over())
        client_->scene_.in.broken(client_->name_ + " may not take up its stream after " + last_event_);
      last_event_.clear();
    }
    again("status " + std::to_string(status_));
  }
  void on_failed(transport::failure) override {
    if (!over_) again("the connection has broken");
  }

  void take_event(const std::string& event) {
    std::string id, data;
    for (std::size_t at = 0; at < event.size();) {
      const auto end = event.find('\n', at);
      const auto line = std::string_view(event).substr(at, end - at);
      if (line.starts_with("id: ")) id = line.substr(4);
      if (line.starts_with("data: ")) data = line.substr(6);
      at = end + 1;
    }
    if (!id.empty()) {
      auto& w = client_->scene_;
      if (takes_up_ && position_of(id) <= position_of(last_event_) && !w.store.ever_failed_over())
        w.in.broken(client_->name_ + " gets event " + id + " behind " + last_event_);
      const auto known = client_->events_.try_emplace(id, data).first;
      if (!data.empty() && !known->second.empty() && known->second != data && !w.store.ever_failed_over())
        w.in.broken(client_->name_ + " gets another event as " + id);
      last_event_ = id;
      takes_up_ = true;
    }
    if (!data.empty()) take_message(data);
  }

  void take_message(const std::string& json) {
    if (purpose_ == purpose::initialize) {
      client_->session_ = session_;
      return done();
    }
    if (purpose_ != purpose::call) return done();
    const auto e = mcp::scan(json);
    if (!e) return client_->scene_.in.broken(client_->name_ + " cannot read " + json);
    if (e->kind == mcp::message_kind::notification) return take_progress(e->params);
    auto& call = *errand_;
    if (e->id != std::to_string(call.id)) {
      // An error of a node that has not looked at the request.
      if (e->id == "null" || e->id.empty()) return again("an error without an id");
      return client_->scene_.in.broken(client_->name_ + " gets the answer to another request: " + json);
    }
    if (e->error.data() != nullptr) {
      call.error = e->error;
    } else {
      const auto content = mcp::elements(mcp::member(e->result, "content"));
      call.outcome = content && !content->empty()
                         ? mcp::string_value(mcp::member(content->front(), "text")).value_or("")
                         : std::string("?");
    }
    call.over = true;
    client_->scene_.in.tell(client_->name_, call.key + ": " + (call.error.empty() ? call.outcome : call.error));
    done();
  }

  void take_progress(std::string_view params) {
    const auto n = mcp::integer_value(mcp::member(params, "progress")).value_or(0);
    if (progress_ != 0 && n != progress_ + 1 && !client_->scene_.store.ever_failed_over())
      client_->scene_.in.broken(client_->name_ + " gets progress " + std::to_string(n) + " after " +
                                std::to_string(progress_));
    progress_ = n;
    errand_->progressed = true;
  }

  void lose_session() {
    auto& c = *client_;
    c.scene_.in.tell(c.name_, "is told that there is no such session");
    c.lost_ = true;
    done();
  }

  void again(const std::string& why) {
    over_ = true;
    ++attempt_;
    auto& c = *client_;
    if (c.lost_) return;
    if (c.scene_.in.traced()) c.scene_.in.tell(c.name_, what() + ": " + why);
    c.scene_.in.after(c.scene_.in.random().ms(10, 150), [self = shared_from_this()] { self->send(); });
  }

  void done() {
    over_ = true;
    ++attempt_;
    // A stream that goes on behind the answer is not read any further.
    if (streams_) connection_->leave();
    auto& c = *client_;
    if (purpose_ == purpose::ping) {
      c.answered_ = true;
      return;
    }
    const auto pause = c.patient_ ? c.scene_.in.random().ms(0, 250) : c.scene_.in.random().ms(0, 50);
    c.scene_.in.after(pause, [client = client_, p = purpose_] {
      if (client->lost_) return;
      if (p == purpose::initialize) return std::make_shared<reading>(client, purpose::initialized, nullptr)->send();
      client->initialized_ = true;
      --client->working_;
      const auto wanted = client->scene_.in.random().between(1, 2);
      do client->go_on();
      while (client->working_ < wanted && client->next_ < client->errands_.size());
    });
  }

  const std::shared_ptr<client> client_;
  const purpose purpose_;
  errand* const errand_;
  std::shared_ptr<connection> connection_;
  std::string session_, body_, last_event_;
  int status_ = 0;
  std::uint64_t attempt_ = 0;
  std::int64_t progress_ = 0;
  bool streams_ = false, over_ = false, takes_up_ = false;
};

client::client(scene& s, int number, int nodes)
    : scene_(s),
      number_(number),
      nodes_(nodes),
      name_("c" + std::to_string(number)),
      patient_(s.in.random().chance(80)) {
  static const std::vector<std::string> tools{"count", "count", "slow", "slow", "deaf", "look"};
  const auto count = patient_ ? s.in.random().between(2, 5) : s.in.random().between(10, 16);
  for (int i = 1; i <= count; ++i) {
    errand e;
    e.tool = tools[s.in.random().below(tools.size())];
    e.key = name_ + "." + std::to_string(i);
    e.id = i;
    errands_.push_back(std::move(e));
  }
}

void client::begin() {
  working_ = 1;
  std::make_shared<reading>(shared_from_this(), reading::purpose::initialize, nullptr)->send();
}

void client::go_on() {
  if (next_ == errands_.size()) return;
  ++working_;
  std::make_shared<reading>(shared_from_this(), reading::purpose::call, &errands_[next_++])->send();
}

void client::ping() {
  answered_ = false;
  std::make_shared<reading>(shared_from_this(), reading::purpose::ping, nullptr)->send();
}

bool client::is_done() const {
  return lost_ || (initialized_ && std::all_of(errands_.begin(), errands_.end(), [](const auto& e) { return e.over; }));
}

std::shared_ptr<connection> client::free_connection(int node) {
  std::erase_if(connections_, [](const auto& c) { return c->is_broken(); });
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const auto& c) { return c->port() == client_port(node) && c->is_free(); });
  if (found != connections_.end()) return *found;
  connections_.push_back(scene_.net.connect(nullptr, wires::clients, client_port(node)));
  return connections_.back();
}

}  // namespace holdfast::simulation
