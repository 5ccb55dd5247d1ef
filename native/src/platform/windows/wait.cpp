// Sleeping and waking on Windows: named events, one per role of a segment.
//
// WaitOnAddress never wakes another process, so a word cannot be slept on. The event is set after the
// word has changed, and a sleeper looks at the word after it has its ticket (wake_event.h), so
// whoever finds the word unchanged finds the event set later. A token that is left over wakes
// the next sleeper for nothing, which is allowed.
//
// One wait covers the events of all points (first, so that what is there counts before anybody's
// end), the interrupt, the processes of the opposite roles as far as there is room, and a timer.
#include "platform/windows/wait_set.h"

#include <new>

#include "smipc.h"

namespace smipc::detail {

struct PlatBell {
  std::atomic<std::uint32_t> rings{0};
  WakeEvent event;
};

namespace {

WakeEvent& event_of(const PlatWaitPoint& point) {
  return point.bell != nullptr ? point.bell->event : point.segment->wake_events[point.role];
}

bool any_changed(const PlatWaitPoint* points, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    // Relaxed: callers look at what the word guards, with their own ordering, after waking.
    if (points[i].word->load(std::memory_order_relaxed) != points[i].expected) return true;
  }
  return false;
}

// True: one of them has ended already.
bool add_opposites(const PlatWaitPoint* points, std::size_t count, WaitSet* set) {
  for (std::size_t i = 0; i < count; ++i) {
    if (points[i].opposite.pid == 0) continue;
    std::shared_ptr<const ProcessWatch::Process> process =
        points[i].segment->opposite.open(points[i].opposite);
    if (process->state == ProcessState::kEnded) return true;
    if (process->handle) set->add_process(std::move(process));
  }
  return false;
}

PlatWake sleep_on(const PlatWaitPoint* points, std::size_t count, std::int64_t timeout_ns,
                  std::size_t* woken_by) {
  InterruptScope interrupt;
  WaitSet set;
  for (std::size_t i = 0; i < count; ++i) set.add_event(event_of(points[i]).handle());
  set.add_interrupt(&interrupt);
  if (any_changed(points, count)) return PlatWake::kWoken;
  if (add_opposites(points, count, &set)) return PlatWake::kPeerEnded;
  return set.wait(timeout_ns, woken_by);
}

}  // namespace

PlatWake plat_wait_many(const PlatWaitPoint* points, std::size_t count, std::int64_t timeout_ns) {
  std::uint64_t tickets[kWaitManyMax];
  for (std::size_t i = 0; i < count; ++i) tickets[i] = event_of(points[i]).begin_sleep();
  std::size_t woken_by = count;
  const PlatWake wake = sleep_on(points, count, timeout_ns, &woken_by);
  for (std::size_t i = 0; i < count; ++i) event_of(points[i]).end_sleep(tickets[i], i == woken_by);
  return wake;
}

PlatWake plat_wait(const PlatWaitPoint& point, std::int64_t timeout_ns) {
  return plat_wait_many(&point, 1, timeout_ns);
}

void plat_wake(const PlatWaitPoint& point) { event_of(point).set(); }

void plat_wake_one(const PlatWaitPoint& point) { event_of(point).set(); }

PlatResult plat_bell_create(PlatBell** out) {
  *out = new (std::nothrow) PlatBell;
  if (*out == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  const PlatResult result = (*out)->event.create(nullptr, nullptr);
  if (!result) {
    delete *out;
    *out = nullptr;
  }
  return result;
}

void plat_bell_free(PlatBell* bell) { delete bell; }

PlatWaitPoint plat_bell_point(PlatBell* bell) {
  PlatWaitPoint point;
  point.bell = bell;
  point.word = &bell->rings;
  // P1 (pairs with P2): what was set before the ring is seen by whoever sees the ring.
  point.expected = bell->rings.load(std::memory_order_acquire);
  return point;
}

void plat_bell_ring(PlatBell* bell) {
  bell->rings.fetch_add(1, std::memory_order_release);  // P2 (pairs with P1)
  bell->event.set();
}

}  // namespace smipc::detail
