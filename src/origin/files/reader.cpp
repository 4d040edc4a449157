#include "origin/files/reader.h"

#include <mutex>
#include <thread>

#include "base/channel.h"

namespace perdure::origin {
namespace {

using Batch = std::vector<data::TreeItem>;
// 256 items × 8 batches × about 700 bytes: 1.5 MB ahead, enough to hide a folder's listing.
constexpr std::size_t batch_items = 256, batches_ahead = 8;

class AheadReader final : public data::TreeReader {
public:
    explicit AheadReader(Walk walk) : walk_(std::move(walk)), batches_(batches_ahead) {
        thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
    }

    Result<std::optional<data::TreeItem>> next(std::stop_token stop) override {
        if (at_ == batch_.size()) {
            auto received = batches_.receive(stop);
            if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
            if (!received) return ended();
            batch_ = std::move(*received);
            at_ = 0;
        }
        return std::optional(std::move(batch_[at_++]));
    }

    std::vector<data::Problem> take_problems() override {
        std::lock_guard lock(mutex_);
        return std::move(problems_);
    }

private:
    void run(std::stop_token stop) {
        Batch batch;
        for (;;) {
            auto item = walk_.next();
            bool const over = !item || !*item;
            if (!item) error_ = std::move(item).error();
            if (!over) batch.push_back(std::move(**item));
            if (!over && batch.size() < batch_items && !(first_ && batch.size() == 1)) continue;
            first_ = false;
            keep_problems();
            if (!batch.empty() && !batches_.send(std::move(batch), stop)) break;
            batch = {};
            batch.reserve(batch_items);
            if (over) break;
        }
        batches_.close();
    }

    void keep_problems() {
        auto fresh = walk_.take_problems();
        std::lock_guard lock(mutex_);
        for (data::Problem& problem : fresh) problems_.push_back(std::move(problem));
    }

    /// The channel is closed: its mutex ordered error_ before us.
    Result<std::optional<data::TreeItem>> ended() {
        if (error_) return *error_;
        return std::optional<data::TreeItem>();
    }

    Walk walk_;
    Channel<Batch> batches_;
    std::mutex mutex_;
    std::vector<data::Problem> problems_;
    std::optional<Error> error_;
    bool first_ = true;
    Batch batch_;
    std::size_t at_ = 0;
    std::jthread thread_;  // last: joined before what it uses goes
};

}  // namespace

Result<std::unique_ptr<data::TreeReader>> read_tree(WalkOptions options) {
    PD_TRY(Walk walk, Walk::open(std::move(options)));
    return std::make_unique<AheadReader>(std::move(walk));
}

}  // namespace perdure::origin
