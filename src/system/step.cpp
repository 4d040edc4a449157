#include "system/step.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <mutex>

namespace perdure::system {

namespace {

enum State : int { unknown, idle, watched };

std::atomic<int> state{unknown};
std::atomic<std::uint64_t> steps_made{0};
std::uint64_t crash_at = 0;        // 0: never
std::uint64_t full_at = 0;         // 0: never
char const* count_file = nullptr;  // null: not counted
StepHook* hook = nullptr;          // leaked on purpose: steps may come from static destructors
std::once_flag read_environment;

void write_count() {
    int const descriptor = ::open(count_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) return;
    ::dprintf(descriptor, "%llu\n", static_cast<unsigned long long>(steps_made.load()));
    ::close(descriptor);
}

void look_at_environment() {
    if (char const* text = ::getenv("PERDURE_CRASH_AT")) crash_at = ::strtoull(text, nullptr, 10);
    if (char const* text = ::getenv("PERDURE_FULL_AT")) full_at = ::strtoull(text, nullptr, 10);
    count_file = ::getenv("PERDURE_CRASH_COUNT");
    if (count_file != nullptr) ::atexit(write_count);
}

bool is_watched() {
    return crash_at != 0 || full_at != 0 || count_file != nullptr || hook != nullptr;
}

/// A full disk still lets go of things.
bool needs_room(Step step) {
    return step != Step::remove && step != Step::sync && step != Step::sync_folder;
}

}  // namespace

Result<void> step(Step step, std::string_view path) {
    int const now = state.load(std::memory_order_acquire);
    if (now == idle) return {};
    if (now == unknown) {
        std::call_once(read_environment, look_at_environment);
        state.store(is_watched() ? watched : idle, std::memory_order_release);
        if (!is_watched()) return {};
    }
    auto const number = steps_made.fetch_add(1) + 1;
    if (number == crash_at) ::_exit(137);
    if (full_at != 0 && number >= full_at && needs_room(step)) {
        return fail(Fault::exhausted, std::string(path) + ": no space left on device");
    }
    if (hook != nullptr) return (*hook)(step, path);
    return {};
}

void set_step_hook(StepHook new_hook) {
    std::call_once(read_environment, look_at_environment);
    auto* const old = hook;
    hook = new_hook ? new StepHook(std::move(new_hook)) : nullptr;
    delete old;
    state.store(is_watched() ? watched : idle, std::memory_order_release);
}

}  // namespace perdure::system
