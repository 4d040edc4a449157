#include "tests/simulation/fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace perdure::simulation {

namespace {
constexpr std::size_t stack_bytes = 512 * 1024;

/// Stacks are used again: a hundred thousand schedules need a handful.
std::vector<std::unique_ptr<char[]>>& free_stacks() {
    static std::vector<std::unique_ptr<char[]>> stacks;
    return stacks;
}
std::unique_ptr<char[]> take_stack() {
    auto& stacks = free_stacks();
    if (stacks.empty()) return std::make_unique_for_overwrite<char[]>(stack_bytes);
    auto stack = std::move(stacks.back());
    stacks.pop_back();
    return stack;
}
}  // namespace

struct Scheduler::Process {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    std::function<void()> body;
    Timestamp wakes;
    bool ended = false;
#if defined(__SANITIZE_THREAD__)
    // Without them locks that virtual processes hold count as one thread's, in any order.
    void* fiber = __tsan_create_fiber(0);
    ~Process() { __tsan_destroy_fiber(fiber); }
#endif
};

Scheduler::Scheduler(Seeded& random) : random_(random) {}
Scheduler::~Scheduler() = default;

void Scheduler::enter(unsigned low, unsigned high) {
    auto const address = static_cast<std::uintptr_t>(low) | static_cast<std::uintptr_t>(high) << 32;
    auto* const scheduler = reinterpret_cast<Scheduler*>(address);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
    auto& process = *scheduler->processes_[static_cast<std::size_t>(scheduler->current_)];
    process.body();
    process.body = nullptr;
    process.ended = true;
    scheduler->switch_to(-1);
}

void Scheduler::spawn(std::function<void()> body) {
    auto process = std::make_unique<Process>();
    process->stack = take_stack();
    process->body = std::move(body);
    process->wakes = now_;
    PD_ASSERT(getcontext(&process->context) == 0);
    process->context.uc_stack.ss_sp = process->stack.get();
    process->context.uc_stack.ss_size = stack_bytes;
    process->context.uc_link = nullptr;
    auto const address = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&process->context, reinterpret_cast<void (*)()>(&Scheduler::enter), 2,
                static_cast<unsigned>(address), static_cast<unsigned>(address >> 32));
    processes_.push_back(std::move(process));
}

void Scheduler::switch_to(int index) {
    auto const from = current_;
    ucontext_t& here = from < 0 ? outside_ : processes_[static_cast<std::size_t>(from)]->context;
    ucontext_t& there = index < 0 ? outside_ : processes_[static_cast<std::size_t>(index)]->context;
#if defined(__SANITIZE_THREAD__)
    static thread_local void* outside_fiber = nullptr;
    if (from < 0) outside_fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(
        index < 0 ? outside_fiber : processes_[static_cast<std::size_t>(index)]->fiber, 0);
#endif
    current_ = index;
#if defined(__SANITIZE_ADDRESS__)
    static thread_local void const* main_bottom = nullptr;
    static thread_local std::size_t main_size = 0;
    bool const ending = from >= 0 && processes_[static_cast<std::size_t>(from)]->ended;
    void* fake = nullptr;
    void const* const bottom =
        index < 0 ? main_bottom : processes_[static_cast<std::size_t>(index)]->stack.get();
    __sanitizer_start_switch_fiber(ending ? nullptr : &fake, bottom,
                                   index < 0 ? main_size : stack_bytes);
    PD_ASSERT(swapcontext(&here, &there) == 0);
    if (from < 0) {
        __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
    } else {
        __sanitizer_finish_switch_fiber(fake, &main_bottom, &main_size);
    }
#else
    PD_ASSERT(swapcontext(&here, &there) == 0);
#endif
}

/// A process that is awake; when all sleep, time jumps to the first awakening. -1: all ended.
int Scheduler::choose() {
    std::vector<int> awake;
    int first = -1;
    for (std::size_t i = 0; i < processes_.size(); ++i) {
        if (processes_[i]->ended) continue;
        auto const index = static_cast<int>(i);
        if (processes_[i]->wakes <= now_) awake.push_back(index);
        if (first < 0 ||
            processes_[i]->wakes < processes_[static_cast<std::size_t>(first)]->wakes) {
            first = index;
        }
    }
    if (!awake.empty()) return awake[random_.below(awake.size())];
    if (first >= 0) now_ = processes_[static_cast<std::size_t>(first)]->wakes;
    return first;
}

void Scheduler::run() {
    PD_ASSERT(current_ < 0);
    for (int next = choose(); next >= 0; next = choose()) {
        switch_to(next);
        auto& process = *processes_[static_cast<std::size_t>(next)];
        if (process.ended && process.stack) free_stacks().push_back(std::move(process.stack));
    }
    processes_.clear();
}

void Scheduler::yield() {
    ++steps_;
    now_ = now_ + std::chrono::seconds(random_.below(3));
    if (current_ >= 0) switch_to(-1);
}

void Scheduler::sleep(std::chrono::seconds time) {
    if (current_ < 0) {
        now_ = now_ + time;
        return;
    }
    processes_[static_cast<std::size_t>(current_)]->wakes = now_ + time;
    switch_to(-1);
}

}  // namespace perdure::simulation
