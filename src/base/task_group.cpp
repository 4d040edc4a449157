#include "base/task_group.h"

#include <system_error>

namespace perdure {

void start_threads(std::vector<std::jthread>& threads, std::size_t count,
                   std::function<void(std::stop_token)> const& work) {
    threads.reserve(threads.size() + count);
    for (std::size_t i = 0; i < count; ++i) {
        try {
            threads.emplace_back(work);
        } catch (std::system_error const&) {
            if (i == 0) throw;
            return;
        }
    }
}

TaskGroup::TaskGroup(std::stop_token outer) {
    outer_.emplace(std::move(outer), [this] { stop_.request_stop(); });
}

TaskGroup::~TaskGroup() {
    stop_.request_stop();
    threads_.clear();
}

void TaskGroup::spawn(std::move_only_function<Result<void>(std::stop_token)> task) {
    try {
        threads_.emplace_back([this, task = std::move(task)]() mutable {
            auto result = task(stop_.get_token());
            if (!result) keep_first(std::move(result).error());
        });
    } catch (std::system_error const& error) {
        keep_first(
            fail(Fault::exhausted, std::string("a thread could not be started: ") + error.what())
                .with_fix("allow more threads and memory: ulimit -u, ulimit -v"));
    }
}

Result<void> TaskGroup::wait() {
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    std::lock_guard lock(mutex_);
    if (first_) return *first_;
    return {};
}

void TaskGroup::keep_first(Error error) {
    std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(error);
    stop_.request_stop();
}

}  // namespace perdure
