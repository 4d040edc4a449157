#pragma once

#include "job/history/find.h"
#include "job/history/history.h"
#include "service/workspace.h"

namespace perdure::service {

struct FindCall {
    std::string text;                       ///< this, or
    std::string where;                      ///< this condition on records
    std::vector<std::string> select;        ///< as data/selector.h; empty: everything
    std::optional<Timestamp> since, until;  ///< of the snapshots
    bool exact_case = false;
    std::size_t max = 10'000;
};
struct FindAnswer {
    std::vector<repository::Snapshot> snapshots;  ///< that were looked through, oldest first
    job::FindReport report;
};
/// Fails: invalid (the condition); not_found (a source or type); as job::find.
Result<FindAnswer> find(Workspace& workspace, FindCall const& call);

struct HistoryCall {
    std::string what;  ///< a selector of one record or file
    std::size_t restore = 0;
    system::Path folder;
};
struct HistoryAnswer {
    std::vector<repository::Snapshot> snapshots;  ///< oldest first
    job::HistoryReport report;
    data::Selector what;
};
/// Fails: as job::history.
Result<HistoryAnswer> history(Workspace& workspace, HistoryCall const& call);

}  // namespace perdure::service
