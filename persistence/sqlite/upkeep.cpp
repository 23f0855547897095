#include "persistence/sqlite/upkeep_impl.hpp"

#include "persistence/sqlite/schema_impl.hpp"

namespace holdfast::persistence::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr auto pause = 1s;         // with nothing left to do
constexpr auto pause_busy = 20ms;  // with more to do: leaves most of the time to those who wait
constexpr std::size_t entities_step = 64;
constexpr std::size_t rows_step = 256;
constexpr int log_pages_max = 8'192;          // 32 MiB
constexpr int log_pages_idle = 256;           // not worth a look while more commits may come
constexpr std::int64_t free_pages_min = 256;  // 1 MiB

}  // namespace

upkeep::upkeep(tables& of, clock::time_point now) : of_(of), due_(now + pause) {}

bool upkeep::urgent(clock::time_point now) const noexcept {
  return of_.in.log_pages() >= log_pages_max && now >= copy_again_;
}

std::optional<store_failure> upkeep::step(clock::time_point now, bool idle, bool probe) {
  auto& in = of_.in;
  if (probe) sqlite::probe(in);
  const bool swept = sweep();
  const bool more = shrink() || swept;
  if (urgent(now) || (idle && in.log_pages() >= log_pages_idle)) copy_log(now);
  due_ = now + (more ? clock::duration(pause_busy) : clock::duration(pause));
  if (in.ok()) return std::nullopt;
  of_.slots.forget();
  return in.roll_back();
}

bool upkeep::sweep() {
  of_.begin.run();
  bool more = of_.kept.sweep(entities_step) == entities_step;
  if (of_.cache.sweep(rows_step) == rows_step) more = true;
  if (of_.locks.sweep(rows_step) == rows_step) more = true;
  of_.commit.run();
  return more;
}

// Some free pages are kept: they will be wanted again, and taking them from the file costs as much as giving them back.
bool upkeep::shrink() {
  auto& in = of_.in;
  const auto free = in.number("pragma freelist_count");
  if (free < free_pages_min || free < in.number("pragma page_count") / 8) return false;
  in.execute("pragma incremental_vacuum(256)");
  return true;
}

// Little is copied if there is no room, or while another program reads.
void upkeep::copy_log(clock::time_point now) {
  of_.in.checkpoint();
  if (of_.in.log_pages() >= log_pages_max / 2) copy_again_ = now + pause;
}

}  // namespace holdfast::persistence::sqlite
