#include "face/cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace perdure::face {
namespace {

std::atomic<int> received_signal = 0;
std::atomic<bool> deadline_passed = false;

sigset_t watched() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGRTMIN);  // our own: wakes the thread when the command is done
    return set;
}

/// Until then, or the next signal; nothing: until the next signal.
int wait_for_signal(sigset_t const& set,
                    std::optional<std::chrono::steady_clock::time_point> deadline) {
    if (!deadline) return sigwaitinfo(&set, nullptr);
    using namespace std::chrono;
    auto const left = std::max(duration_cast<nanoseconds>(*deadline - steady_clock::now()), 0ns);
    timespec const pause{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    return sigtimedwait(&set, nullptr, &pause);
}

}  // namespace

Signals::Signals(std::optional<std::chrono::milliseconds> timeout) {
    if (timeout) deadline_ = std::chrono::steady_clock::now() + *timeout;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);  // a file past `ulimit -f` is an error like others, and no sudden end
    sigset_t const set = watched();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    thread_ = std::jthread([this](std::stop_token stop) { watch(std::move(stop)); });
}

Signals::~Signals() {
    thread_.request_stop();
    // Blocked everywhere, it stays pending for that thread until it looks: no wake-up gets lost.
    pthread_kill(thread_.native_handle(), SIGRTMIN);
    thread_.join();
}

int Signals::received() const {
    return received_signal;
}
bool Signals::timed_out() const {
    return deadline_passed;
}

void Signals::watch(std::stop_token stop) {
    sigset_t const set = watched();
    while (!stop.stop_requested()) {
        int const number = wait_for_signal(set, deadline_);
        if (number == SIGRTMIN) continue;
        if (number > 0) {
            int const exit = number == SIGINT ? 130 : 143;
            if (received_signal.exchange(number) != 0) _exit(exit);
            stop_.request_stop();
        } else if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) {
            deadline_passed = true;
            stop_.request_stop();
            deadline_.reset();
        }
    }
}

}  // namespace perdure::face
