#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "media/protocol.h"
#include "system/worker_process.h"

namespace perdure::media {

/// Worker processes, started when needed, reused, replaced when they die. Threads: any.
class Workers {
public:
    explicit Workers(WorkshopOptions const& options) : options_(options) {}

    /// Waits for a free worker and gives it the task. A worker that dies or takes too long ends,
    /// and the answer is corrupt or exhausted.
    Result<Answer> ask(Task task, system::File const& file, std::stop_token stop);

private:
    Result<system::WorkerProcess> take(std::stop_token stop);
    void give_back(std::optional<system::WorkerProcess> worker);

    WorkshopOptions const& options_;
    std::mutex mutex_;
    std::condition_variable_any free_;
    std::vector<system::WorkerProcess> idle_;
    unsigned busy_ = 0;
};

}  // namespace perdure::media
