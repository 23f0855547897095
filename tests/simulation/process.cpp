#include "tests/simulation/process.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/exit_reason.hpp>
#include <caf/system_messages.hpp>
#include <utility>

#include "actors/admin/questions.hpp"
#include "actors/catalogue.hpp"
#include "actors/ingress.hpp"
#include "actors/log.hpp"
#include "actors/messages.hpp"
#include "actors/roster.hpp"
#include "actors/session.hpp"
#include "actors/shard_scheduler.hpp"
#include "actors/test_hooks.hpp"
#include "actors/upstream.hpp"
#include "tests/simulation/scene.hpp"

namespace holdfast::simulation {
namespace {

process* the_current = nullptr;

actors::node_config config_of(int node) {
  actors::node_config c;
  c.listen_port = client_port(node);
  c.access.hosts = {"localhost"};
  c.cluster.enabled = true;
  c.cluster.name = "n" + std::to_string(node);
  c.cluster.port = peer_port(node);
  c.cluster.beat = milliseconds{200};
  c.cluster.hold_timeout = milliseconds{3'000};
  c.store.hold_timeout = milliseconds{1'500};
  c.drain_timeout = milliseconds{1'000};
  c.upstreams = {tools::config()};
  return c;
}

const std::vector<std::unique_ptr<actors::shard>> no_shards;

}  // namespace

caf::actor_system& common_actor_system() {
  // Neither is ever destroyed: what ends when a process does, in which order, is of no interest here.
  static auto* const config = new actors::shard_system_config(no_shards);
  static auto* const system = new caf::actor_system(*config);
  return *system;
}

void simulated_loop::post(task t) {
  scene::current()->in.after({}, [this, t = std::move(t)]() mutable { of_.run(std::move(t), false); });
}

transport::loop::timer simulated_loop::after(milliseconds delay, task t) {
  const auto number = ++last_;
  timers_.emplace(number, std::move(t));
  auto& random = scene::current()->in.random();
  scene::current()->in.after(delay + std::chrono::microseconds(random.between(0, 10'000)), [this, number] {
    if (!timers_.contains(number)) return;
    of_.run(
        [this, number] {
          const auto due = timers_.extract(number);
          if (!due.empty()) due.mapped()();
        },
        false);
  });
  return number;
}

process::process(int node, bool reads_first)
    : node_(node),
      name_("n" + std::to_string(node)),
      loop_(*this),
      context_(std::make_unique<actors::node_context>(config_of(node), mcp::sealer::random_key())),
      reads_first_(reads_first) {
  auto& c = *context_;
  c.in_cluster = std::make_unique<actors::cluster>(c.config.cluster);
  c.shards.push_back(std::make_unique<actors::shard>(loop_));
  c.shards.front()->attach(common_actor_system());
  c.store = std::make_unique<actors::node_store>(scene::current()->store.open(*this), persistence::encoding({}), false,
                                                 std::chrono::milliseconds{0});
  c.store->is_alive = [in = c.in_cluster.get()](const std::string& incarnation) {
    return actors::machines::membership::find(*in->membership.get(), incarnation) != nullptr;
  };
  first_incarnation_ = c.store->incarnation();
  c.in_cluster->address = "127.0.0.1:" + std::to_string(peer_port(node));
  for (auto& view : c.views.common) view.set(tools::view());
}

/// A session that nobody refers to any more takes itself out of the directory, which must be there then.
process::~process() {
  auto& sessions = context_->sessions;
  for (const auto& id : sessions.ids("", sessions.size())) {
    if (const auto entry = sessions.find(id)) sessions.remove(id, entry->session.id());
  }
}

process* process::current() noexcept { return the_current; }

void process::do_now(const std::function<void()>& task) {
  auto* const before = std::exchange(the_current, this);
  task();
  the_current = before;
}

void process::run(std::function<void()> task, bool urgent) {
  switch (life_) {
    case life::running: return do_now(task);
    case life::still: (urgent ? urgent_ : due_).push_back(std::move(task)); return;
    case life::dead: return;
  }
}

void process::start() {
  run(
      [this] {
        auto& c = *context_;
        auto& home = *c.shards.front();
        home.use(c.store->lane(transport::context_of(loop_)));
        c.upstreams[0].link->set(scene::current()->upstream.link(*this));
        c.ingresses = {actors::spawn_ingress(common_actor_system(), home, c),
                       actors::spawn_ingress(common_actor_system(), home, c, actors::ingress_role::peers)};
        c.in_cluster->roster = actors::spawn_roster(common_actor_system(), home, c);
        home.deliver(c.ingresses[1], actors::ingress_listen{"", peer_port(node_), [](const auto&) {}});
        join();
      },
      false);
}

/// A process that cannot join ends, and is started again.
void process::join() {
  auto& c = *context_;
  c.shards.front()->deliver(c.in_cluster->roster, actors::roster_join{[this](const std::string& problem) {
                              if (!problem.empty()) {
                                scene::current()->in.tell(name_, "cannot join: " + problem);
                                loop_.after(milliseconds{300}, [this] { join(); });
                                return;
                              }
                              joined_ = true;
                              loop_.post([this] {
                                auto& own = *context_;
                                own.shards.front()->deliver(
                                    own.ingresses[0],
                                    actors::ingress_listen{"", client_port(node_), [](const auto&) {}});
                              });
                            }});
}

void process::kill() {
  if (std::exchange(life_, life::dead) == life::dead) return;
  scene::current()->in.tell(name_, "is killed");
  urgent_.clear();
  due_.clear();
  scene::current()->net.forget(*this);
}

void process::stand_still() {
  if (life_ != life::running) return;
  scene::current()->in.tell(name_, "stands still");
  life_ = life::still;
}

void process::go_on() {
  if (life_ != life::still) return;
  scene::current()->in.tell(name_, "goes on");
  life_ = life::running;
  auto first = std::exchange(urgent_, {}), second = std::exchange(due_, {});
  if (!reads_first_) std::swap(first, second);
  for (auto* all : {&first, &second}) {
    for (auto& task : *all) run(std::move(task), false);
  }
}

void process::await(std::function<bool()> condition, milliseconds at_most, std::function<void()> then) {
  if (condition() || at_most.count() <= 0) return then();
  static constexpr milliseconds step{10};
  loop_.after(step, [this, condition = std::move(condition), at_most, then = std::move(then)]() mutable {
    await(std::move(condition), at_most - step, std::move(then));
  });
}

/// Mirrors `running_node::stop` in actors/node.cpp, which waits on a thread of its own.
void process::leave(std::function<void()> ended) {
  if (std::exchange(leaving_, true)) return;
  scene::current()->in.tell(name_, "is to leave");
  run(
      [this, ended = std::move(ended)] {
        const auto left = std::make_shared<bool>(false);
        const auto& roster = context_->in_cluster->roster;
        context_->shards.front()->deliver(roster, actors::roster_leave{[left] { *left = true; }});
        await([left] { return *left; }, context_->config.drain_timeout,
              [this, left, ended] {
                if (*left) return end(ended);
                context_->shards.front()->deliver(context_->in_cluster->roster, actors::roster_hurry{});
                await([left] { return *left; }, milliseconds{1'000}, [this, ended] { end(ended); });
              });
      },
      false);
}

void process::end(std::function<void()> ended) {
  auto& c = *context_;
  c.draining = true;
  await([&c] { return c.calls.all == 0; }, c.config.drain_timeout,
        [this, &c, ended = std::move(ended)] {
          for (const auto& s : c.sessions.all()) c.shards.front()->deliver(s, actors::session_suspend{});
          await([&c] { return c.sessions.size() == 0; }, milliseconds{1'000},
                [this, &c, ended] {
                  const auto gone = std::make_shared<bool>(false);
                  c.shards.front()->deliver(c.in_cluster->roster, actors::roster_stop{[gone] { *gone = true; }});
                  await([gone] { return *gone; }, c.config.store.hold_timeout,
                        [this, ended] {
                          kill();
                          ended();
                        });
                });
        });
}

/// What a process leaves behind when it dies: nothing in a real one, but here its actors refer to each other.
void process::end_actors() {
  life_ = life::dead;
  do_now([this] {
    auto& c = *context_;
    auto all = c.sessions.all();
    all.insert(all.end(), c.ingresses.begin(), c.ingresses.end());
    if (c.in_cluster->roster) all.push_back(c.in_cluster->roster);
    c.ingresses.clear();
    c.in_cluster->roster = nullptr;
    for (const auto& a : all) c.shards.front()->deliver(a, caf::exit_msg{a.address(), caf::exit_reason::kill});
    all.clear();
    loop_.forget_timers();
    pools.clear();
    c.upstreams[0].link->set(nullptr);
    c.shards.front()->use(std::unique_ptr<persistence::store_lane>());
  });
}

}  // namespace holdfast::simulation

// In place of transport/loop.cpp, and of actors/admin/questions.cpp, catalogue.cpp, log.cpp, test_hooks.cpp and
// upstream.cpp.

namespace holdfast::transport {

loop* loop::current() noexcept {
  auto* const p = simulation::process::current();
  return p == nullptr ? nullptr : &p->loop();
}

/// Nobody looks at it: the store's lane and the sockets, which would, are simulated.
boost::asio::io_context& context_of(loop& l) noexcept { return reinterpret_cast<boost::asio::io_context&>(l); }

}  // namespace holdfast::transport

namespace holdfast::actors {

namespace log {
bool enabled(log_level) noexcept { return false; }
void write(log_level, std::string_view event, std::initializer_list<field> fields) {
  auto* const s = simulation::scene::current();
  if (s == nullptr || !s->in.traced() || simulation::process::current() == nullptr) return;
  std::string line(event);
  for (const auto& f : fields) {
    if (!f.name.empty()) line.append(" ").append(f.name).append("=").append(f.value);
  }
  s->in.tell(simulation::process::current()->name(), line);
}
field trace_field(const mcp::trace_context&) { return {std::string_view(), std::string()}; }
}  // namespace log

void crash_point(const char* point) {
  auto* const s = simulation::scene::current();
  if (s != nullptr) s->passed(point);
}
bool rule_is_out(const char* rule) {
  const auto* const s = simulation::scene::current();
  if (s == nullptr || s->in.without().empty()) return false;
  const auto all = "+" + std::string(s->in.without()) + "+";
  return all.find("+" + std::string(rule) + "+") != std::string::npos;
}
/// The simulated store looks itself at who writes what.
void note_durable(const persistence::commit&) {}

namespace admin {
/// For operators, of whom there are none.
std::string node_name(const node_context&) { return {}; }
}  // namespace admin

/// All nodes show the same lists.
view_digests digests_of(const std::array<published<const catalogue_view>, capability_set::count>&) { return {}; }

/// The one upstream is shared by all sessions, and always connected.
caf::actor spawn_upstream(caf::actor_system&, shard&, node_context&, upstream_spec,
                          std::shared_ptr<published<transport::upstream_link>>) {
  std::terminate();
}

}  // namespace holdfast::actors
