#include "repository/stream/workers.h"

#include <algorithm>

#include "base/task_group.h"

namespace perdure::repository {

Workers::Workers(unsigned threads) {
    start_threads(threads_, std::max(threads, 1u), [this](std::stop_token) { run(); });
}

Workers::~Workers() {
    {
        std::lock_guard lock(mutex_);
        closed_ = true;
    }
    filled_.notify_all();
    for (std::jthread& thread : threads_) thread.join();
}

void Workers::submit(Task task) {
    std::lock_guard lock(mutex_);
    usual_.push_back(std::move(task));
    filled_.notify_one();
}

void Workers::submit_urgent(Task task) {
    std::lock_guard lock(mutex_);
    urgent_.push_back(std::move(task));
    filled_.notify_one();
    ended_.notify_one();
}

void Workers::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        filled_.wait(lock, [&] { return closed_ || !urgent_.empty() || !usual_.empty(); });
        if (urgent_.empty() && usual_.empty()) return;
        bool const urgent = !urgent_.empty();
        std::deque<Task>& queue = urgent ? urgent_ : usual_;
        Task task = std::move(queue.front());
        queue.pop_front();
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
        if (urgent) {
            ++urgent_ended_;
            ended_.notify_all();
        }
    }
}

void Workers::help_until(std::function<bool()> const& done) {
    std::unique_lock lock(mutex_);
    while (true) {
        std::uint64_t const seen = urgent_ended_;
        lock.unlock();
        if (done()) return;
        lock.lock();
        if (urgent_.empty()) {
            ended_.wait(lock, [&] { return urgent_ended_ != seen || !urgent_.empty(); });
            continue;
        }
        Task task = std::move(urgent_.front());
        urgent_.pop_front();
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
        ++urgent_ended_;
        ended_.notify_all();
    }
}

}  // namespace perdure::repository
