#include "tests/simulation/scene.hpp"

#include "tests/simulation/process.hpp"

namespace holdfast::simulation {
namespace {
scene* the_current = nullptr;
}  // namespace

scene::scene(std::uint64_t seed, const std::string& without, bool waits, bool traced)
    : in(seed, without, traced), net(in), store(in, net, waits), upstream(in) {
  the_current = this;
}

scene::~scene() {
  in.forget_all();
  upstream.forget_all();
  for (const auto& p : processes) p->end_actors();
  in.forget_all();  // what that has brought about
  processes.clear();
  in.forget_all();
  the_current = nullptr;
}

scene* scene::current() noexcept { return the_current; }

process* scene::alive(int node) const {
  for (auto p = processes.rbegin(); p != processes.rend(); ++p) {
    if ((*p)->node() == node) return (*p)->is_dead() ? nullptr : p->get();
  }
  return nullptr;
}

process& scene::begin(int node) {
  in.tell("n" + std::to_string(node), "starts");
  processes.push_back(std::make_unique<process>(node, in.random().chance(50)));
  processes.back()->start();
  return *processes.back();
}

void scene::passed(const char* point) {
  auto* const p = process::current();
  if (passages_left_ == 0 || p == nullptr || --passages_left_ > 0) return;
  in.tell(p->name(), std::string("dies at ") + point);
  p->kill();
  const auto node = p->node();
  in.after(in.random().ms(50, 800), [this, node] {
    if (alive(node) == nullptr) begin(node);
  });
}

}  // namespace holdfast::simulation
