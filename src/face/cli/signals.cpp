#include "face/cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

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
    return set;
}

}  // namespace

Signals::Signals(std::optional<std::chrono::milliseconds> timeout) {
    if (timeout) deadline_ = std::chrono::steady_clock::now() + *timeout;
    signal(SIGPIPE, SIG_IGN);
    sigset_t const set = watched();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    thread_ = std::jthread([this](std::stop_token stop) { watch(std::move(stop)); });
}

Signals::~Signals() {
    thread_.request_stop();
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
        timespec const pause{0, 50'000'000};
        int const number = sigtimedwait(&set, nullptr, &pause);
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
