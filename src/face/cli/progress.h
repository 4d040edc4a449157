#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "face/cli/output.h"
#include "repository/snapshot.h"

namespace perdure::face {

/// Shows how far a job is: a bar with rate, time left and current item on a terminal; a line a
/// minute elsewhere; JSON events once a second. Ends, and takes its bar away, in the destructor.
/// Threads: report() from any.
class ProgressView {
public:
    /// total_bytes 0: not known, no time left is shown.
    ProgressView(Output& out, std::string verb, std::uint64_t total_bytes);
    ~ProgressView();
    ProgressView(ProgressView const&) = delete;
    ProgressView& operator=(ProgressView const&) = delete;

    void report(std::uint64_t items, std::uint64_t bytes, std::string_view current);
    /// Bytes of a large content that report() will count once it is done.
    void reading(std::uint64_t bytes, std::string_view name);
    /// For work that is told in steps instead of items and bytes; total 0: not known.
    void step(std::string_view phase, std::uint64_t done, std::uint64_t total);
    /// To hand to a job; must not outlive this.
    repository::Progress hook();

private:
    using Clock = std::chrono::steady_clock;
    void run(std::stop_token stop);
    void draw();
    void line();
    void event();
    std::string bar_text() const;
    std::string count_text() const;
    std::string rate_and_left() const;

    Output& out_;
    std::string verb_;
    std::uint64_t total_bytes_;
    Clock::time_point started_ = Clock::now();
    std::uint64_t bytes() const { return std::max(bytes_.load(), reading_.load()); }
    void keep_name(std::string_view current);
    std::atomic<std::uint64_t> items_ = 0, bytes_ = 0, reading_ = 0;
    std::atomic<std::uint64_t> steps_ = 0, steps_total_ = 0;
    std::atomic<bool> in_steps_ = false;
    std::mutex mutex_;
    std::string current_;
    unsigned beat_ = 0;
    std::jthread thread_;  // last: it uses all of the above
};

}  // namespace perdure::face
