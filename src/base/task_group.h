#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/result.h"

namespace perdure {

/// Starts `count` threads that share their work, or as many as the system allows; fewer are slower,
/// no less right. Throws std::system_error when not even one can be started.
void start_threads(std::vector<std::jthread>& threads, std::size_t count,
                   std::function<void(std::stop_token)> const& work);

/// Threads that live and end together: the first error stops all others, and the scope joins them.
/// Threads: spawn and wait from the owning thread only.
class TaskGroup {
public:
    TaskGroup() = default;
    /// A group that also stops when `outer` does.
    explicit TaskGroup(std::stop_token outer);
    ~TaskGroup();
    TaskGroup(TaskGroup const&) = delete;
    TaskGroup& operator=(TaskGroup const&) = delete;

    /// A thread that the system refuses is the group's error (exhausted).
    void spawn(std::move_only_function<Result<void>(std::stop_token)> task);
    /// Joins all tasks; the first error, if there was one.
    Result<void> wait();
    void request_stop() { stop_.request_stop(); }
    std::stop_token stop_token() const { return stop_.get_token(); }

private:
    void keep_first(Error error);

    std::stop_source stop_;
    std::optional<std::stop_callback<std::function<void()>>> outer_;
    std::mutex mutex_;
    std::optional<Error> first_;
    std::vector<std::jthread> threads_;
};

}  // namespace perdure
