#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <thread>

namespace perdure::face {

/// Turns SIGINT and SIGTERM into a stop. A second signal ends the process at once (130 or 143):
/// what is on disk stays consistent, a crash may come at any time. SIGPIPE is ignored.
/// One at a time; the signals are blocked in every thread started after it and fetched by its own,
/// which sleeps until one comes or the destructor wakes it.
class Signals {
public:
    explicit Signals(std::optional<std::chrono::milliseconds> timeout);
    ~Signals();
    Signals(Signals const&) = delete;
    Signals& operator=(Signals const&) = delete;

    std::stop_token stop_token() const { return stop_.get_token(); }
    /// The signal that came (SIGINT, SIGTERM), or 0; also 0 after a timeout.
    int received() const;
    bool timed_out() const;

private:
    void watch(std::stop_token stop);

    std::optional<std::chrono::steady_clock::time_point> deadline_;
    std::stop_source stop_;
    std::jthread thread_;
};

}  // namespace perdure::face
