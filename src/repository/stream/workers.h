#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace perdure::repository {

/// Threads that run tasks; urgent ones (parts of what somebody waits for) first.
/// Threads: any method from any thread, tasks included. The destructor runs what is queued, then
/// joins.
class Workers {
public:
    using Task = std::move_only_function<void()>;

    explicit Workers(unsigned threads);
    ~Workers();
    Workers(Workers const&) = delete;
    Workers& operator=(Workers const&) = delete;

    unsigned threads() const { return static_cast<unsigned>(threads_.size()); }
    void submit(Task task);
    void submit_urgent(Task task);
    /// Runs urgent tasks on the calling thread, and sleeps when there are none, until `done` says
    /// true. `done` is asked whenever an urgent task has ended and must not take locks of tasks.
    void help_until(std::function<bool()> const& done);

private:
    void run();

    std::mutex mutex_;
    std::condition_variable filled_, ended_;
    std::deque<Task> urgent_, usual_;
    std::uint64_t urgent_ended_ = 0;
    bool closed_ = false;
    std::vector<std::jthread> threads_;
};

/// Batches that are worked off by many threads and come out in the order in which they went in.
/// Memory ceiling: in_flight_max batches. Outlives the Workers that it is used with.
/// Threads: push and close from one, next from one other, abort from any.
template <typename Batch>
class Pipeline {
public:
    explicit Pipeline(std::size_t in_flight_max) : in_flight_max_(in_flight_max) {}

    /// Waits for room. `work` runs on a worker. False when aborted.
    bool push(std::unique_ptr<Batch> batch, Workers& workers, std::function<void(Batch&)> work) {
        auto slot = std::make_shared<Slot>(std::move(batch), false);
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return aborted_ || slots_.size() < in_flight_max_; });
            if (aborted_) return false;
            slots_.push_back(slot);
        }
        if (!work) {
            end(*slot);
            return true;
        }
        {
            std::lock_guard lock(mutex_);
            ++working_;
        }
        workers.submit([this, slot, work = std::move(work)] {
            work(*slot->batch);
            std::lock_guard lock(mutex_);
            slot->done = true;
            --working_;
            changed_.notify_all();
        });
        return true;
    }
    /// Waits until no worker holds a batch any more: what `work` refers to may go then.
    void wait_idle() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return working_ == 0; });
    }
    /// No more batches will come.
    void close() {
        std::lock_guard lock(mutex_);
        closed_ = true;
        changed_.notify_all();
    }
    /// The next batch in order, worked off; null at the end or when aborted.
    std::unique_ptr<Batch> next() {
        std::unique_lock lock(mutex_);
        changed_.wait(
            lock, [&] { return aborted_ || (slots_.empty() ? closed_ : slots_.front()->done); });
        if (aborted_ || slots_.empty()) return nullptr;
        auto batch = std::move(slots_.front()->batch);
        slots_.pop_front();
        changed_.notify_all();
        return batch;
    }
    void abort() {
        std::lock_guard lock(mutex_);
        aborted_ = true;
        changed_.notify_all();
    }
    bool aborted() {
        std::lock_guard lock(mutex_);
        return aborted_;
    }

private:
    struct Slot {
        std::unique_ptr<Batch> batch;
        bool done = false;
    };
    void end(Slot& slot) {
        std::lock_guard lock(mutex_);
        slot.done = true;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<Slot>> slots_;
    std::size_t in_flight_max_;
    std::size_t working_ = 0;
    bool closed_ = false, aborted_ = false;
};

}  // namespace perdure::repository
