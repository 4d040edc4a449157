#include "origin/files/reader.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/task_group.h"
#include "system/memory.h"

// The problem: stat and attributes cost two system calls a file, listing almost nothing; one thread
// cannot feed a backup that skips unchanged files. So listing runs ahead in batches, and whoever is
// free completes the first batch that nobody has begun: the second thread, or the reader itself.
//
// 1. Batches leave in the order of the walk; hard links are recognised there, on the reader's
//    thread.
// 2. A batch is touched by one thread at a time: the lister, then who claimed it, then the reader.
// 3. Memory: batches_ahead × batch_items × about 700 bytes; descriptors: batches_ahead ×
//    batch_folders_max, since leaves keep their folder open until they are complete.

namespace perdure::origin {
namespace {

constexpr std::size_t batch_items = 512, batches_ahead = 8;
std::size_t const batch_folders_max =
    std::max<std::size_t>(system::descriptors_for(32 * batches_ahead) / batches_ahead, 1);
constexpr std::size_t completers = 4;  // more than cores: a cold disk answers many at once

struct Batch {
    enum class State { listed, claimed, complete } state = State::listed;
    std::vector<Pending> items;
    std::vector<bool> gone;
};

class AheadReader final : public data::TreeReader {
public:
    explicit AheadReader(Walk walk) : walk_(std::move(walk)), own_leaves_(walk_.leaf_reader()) {
        lister_ = std::jthread([this](std::stop_token stop) { list(stop); });
        start_threads(completers_, completers,
                      [this](std::stop_token stop) { complete_batches(std::move(stop)); });
    }
    ~AheadReader() override {
        lister_.request_stop();
        for (std::jthread& completer : completers_) completer.request_stop();
    }

    Result<std::optional<data::TreeItem>> next(std::stop_token stop) override {
        for (;;) {
            if (!batch_ || at_ == batch_->items.size()) {
                PD_CHECK(take_batch(stop));
                if (!batch_) return std::optional<data::TreeItem>();
                at_ = 0;
            }
            std::size_t const index = at_++;
            if (batch_->gone[index]) continue;
            Pending& pending = batch_->items[index];
            links_.resolve(pending.item, pending.path);
            return std::optional(std::move(pending.item));
        }
    }

    std::vector<data::Problem> take_problems() override {
        std::lock_guard lock(mutex_);
        return std::move(problems_);
    }

private:
    void list(std::stop_token stop);
    void complete_batches(std::stop_token stop);
    Result<void> take_batch(std::stop_token stop);
    void complete(Batch& batch, LeafReader& leaves);
    void keep_problems(std::vector<data::Problem> fresh);
    bool push(std::shared_ptr<Batch> batch, std::stop_token stop);
    std::shared_ptr<Batch> claim_first();

    Walk walk_;
    LeafReader own_leaves_;
    HardLinks links_;
    std::mutex mutex_;  ///< of what follows, and of every batch's state
    std::condition_variable_any listed_, completed_, room_;  ///< one for each who waits
    std::deque<std::shared_ptr<Batch>> batches_;
    std::vector<data::Problem> problems_;
    std::optional<Error> error_;
    bool listed_all_ = false;

    std::shared_ptr<Batch> batch_;  ///< the one being handed out
    std::size_t at_ = 0;
    std::jthread lister_;  // last: joined before what they use goes
    std::vector<std::jthread> completers_;
};

void AheadReader::list(std::stop_token stop) {
    std::size_t wanted = 1;  // the root alone, so that an empty start is quick
    for (bool over = false; !over && !stop.stop_requested();) {
        auto batch = std::make_shared<Batch>();
        batch->items.reserve(wanted);
        std::size_t folders = 0;
        system::File const* last = nullptr;
        while (batch->items.size() < wanted && folders < batch_folders_max) {
            auto pending = walk_.next_pending();
            over = !pending || !*pending;
            if (!pending) {
                std::lock_guard lock(mutex_);
                error_ = pending.error();
            }
            if (over) break;
            auto const* folder = (*pending)->folder.get();
            if (folder && std::exchange(last, folder) != folder) ++folders;
            batch->items.push_back(std::move(**pending));
        }
        keep_problems(walk_.take_problems());
        if (!push(std::move(batch), stop)) break;
        wanted = batch_items;
    }
    std::lock_guard lock(mutex_);
    listed_all_ = true;
    listed_.notify_all();
}

bool AheadReader::push(std::shared_ptr<Batch> batch, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, stop, [&] { return batches_.size() < batches_ahead; });
    if (stop.stop_requested()) return false;
    batches_.push_back(std::move(batch));
    listed_.notify_all();
    return true;
}

/// Needs the lock.
std::shared_ptr<Batch> AheadReader::claim_first() {
    for (auto const& batch : batches_) {
        if (batch->state != Batch::State::listed) continue;
        batch->state = Batch::State::claimed;
        return batch;
    }
    return nullptr;
}

void AheadReader::complete(Batch& batch, LeafReader& leaves) {
    batch.gone.assign(batch.items.size(), false);
    for (std::size_t i = 0; i < batch.items.size(); ++i)
        if (batch.items[i].folder) batch.gone[i] = !leaves.complete(batch.items[i]);
    keep_problems(leaves.take_problems());
}

void AheadReader::complete_batches(std::stop_token stop) {
    LeafReader leaves = walk_.leaf_reader();
    std::unique_lock lock(mutex_);
    for (;;) {
        std::shared_ptr<Batch> batch;
        listed_.wait(lock, stop, [&] { return (batch = claim_first()) || listed_all_; });
        if (!batch || stop.stop_requested()) return;
        lock.unlock();
        complete(*batch, leaves);
        lock.lock();
        batch->state = Batch::State::complete;
        completed_.notify_one();
    }
}

/// Sets batch_ to the next one, complete; empty at the end.
Result<void> AheadReader::take_batch(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    batch_ = nullptr;
    listed_.wait(lock, stop, [&] { return !batches_.empty() || listed_all_; });
    if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
    if (batches_.empty()) return error_ ? Result<void>(*error_) : Result<void>();
    auto batch = batches_.front();
    if (batch->state == Batch::State::listed) {
        batch->state = Batch::State::claimed;
        lock.unlock();
        complete(*batch, own_leaves_);
        lock.lock();
        batch->state = Batch::State::complete;
    }
    completed_.wait(lock, stop, [&] { return batch->state == Batch::State::complete; });
    if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
    batches_.pop_front();
    room_.notify_one();
    batch_ = std::move(batch);
    return {};
}

void AheadReader::keep_problems(std::vector<data::Problem> fresh) {
    if (fresh.empty()) return;
    std::lock_guard lock(mutex_);
    for (data::Problem& problem : fresh) problems_.push_back(std::move(problem));
}

}  // namespace

Result<std::unique_ptr<data::TreeReader>> read_tree(WalkOptions options) {
    PD_TRY(Walk walk, Walk::open(std::move(options)));
    return std::make_unique<AheadReader>(std::move(walk));
}

}  // namespace perdure::origin
