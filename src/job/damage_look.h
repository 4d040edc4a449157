#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "base/task_group.h"
#include "job/backup.h"

namespace perdure::job {

/// What is read of a database may be all there is while the file itself is broken: an index that
/// misses rows, pages that belong to two tables. What nobody notices now goes into every backup
/// from here on. A database whose rows are those of the last time was asked then.
///
/// The look begins when the rows are read and runs beside their being stored: before, it would
/// fetch a large file from its other end at the same time, page by page.
/// Threads: for one; the look has a thread of its own.
class DamageLook {
public:
    /// `reading` outlives it.
    DamageLook(SourceReading const& reading, std::stop_token stop);

    /// The same rows; asking for their digest begins the look, and closing them waits for its end.
    std::unique_ptr<data::RowReader> beside(std::unique_ptr<data::RowReader> reader);
    /// Puts what the look saw among the problems of `written`. Where it could not
    /// be taken beside the reading (locks, space for a second copy), it is taken now.
    /// Fails: cancelled.
    Result<void> note(repository::SourceSnapshot& written);

private:
    void begin(data::LogicalDigest const& digest);
    void wait();
    Result<std::vector<data::Problem>> look(std::stop_token stop) const;

    SourceReading const& reading_;
    std::stop_token stop_;
    std::optional<Result<std::vector<data::Problem>>> seen_;
    bool sound_ = true;                ///< known to be, or no database
    std::unique_ptr<TaskGroup> task_;  ///< writes seen_; last: joined first
};

}  // namespace perdure::job
