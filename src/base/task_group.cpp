#include "base/task_group.h"

namespace perdure {

TaskGroup::TaskGroup(std::stop_token outer) {
    outer_.emplace(std::move(outer), [this] { stop_.request_stop(); });
}

TaskGroup::~TaskGroup() {
    stop_.request_stop();
    threads_.clear();
}

void TaskGroup::spawn(std::move_only_function<Result<void>(std::stop_token)> task) {
    threads_.emplace_back([this, task = std::move(task)]() mutable {
        auto result = task(stop_.get_token());
        if (!result) keep_first(std::move(result).error());
    });
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
