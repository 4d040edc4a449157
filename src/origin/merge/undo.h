#pragma once

#include <functional>
#include <memory>

#include "origin/merge/merge.h"

namespace perdure::origin {

/// What taking a change back means for one record now.
struct UndoItem {
    enum class Verdict {
        back,     ///< it becomes what it was
        merged,   ///< so do the fields that the run changed; later changes of others stay
        already,  ///< it is what it was
        kept,     ///< it was changed since in a way that would be lost: it stays, reason says why
    } verdict = Verdict::back;
    std::string table, record, reason;
    bool text = false;  ///< a row of a full-text table: not counted, it follows its record
};

/// Takes changes of an earlier run back, record by record. Threads: one.
class RowUndo {
public:
    /// `tables`: as the run's journal has them. Mode::write takes the write lock.
    /// Fails: as Merge::open; conflict (PD-0015), when a table has other columns by now.
    static Result<std::unique_ptr<RowUndo>> open(system::Path const& database,
                                                 std::vector<WriteTable> const& tables,
                                                 Merge::Mode mode, int busy_wait_ms,
                                                 std::stop_token stop);
    virtual ~RowUndo() = default;
    /// Judges one change of the run and keeps what has to be written.
    virtual Result<UndoItem> take(Change const& change) = 0;
    /// After all were taken: rows that would go but have to stay, since rows refer to them by now.
    /// Each was called `back` before. `allowed`: as of write().
    virtual Result<std::vector<UndoItem>> hold_back(DanglingCounts const& allowed) = 0;
    virtual ChangeList& changes() = 0;
    /// `allowed`: what dangled before the run that is taken back.
    virtual Result<void> write(DanglingCounts const& allowed, std::stop_token stop) = 0;
    virtual Result<void> commit() = 0;
    /// After write(): what dangled before it.
    virtual DanglingCounts const& dangled() const = 0;
    /// Whether the database shows the change: 1 it is there, -1 it is not, 0 it cannot be told.
    virtual Result<int> shows(Change const& change) = 0;
};

/// Journals hold these.
void encode_tables(Encoder& out, std::vector<WriteTable> const& tables);
/// Fails: corrupt.
Result<std::vector<WriteTable>> decode_tables(Decoder& in);
void encode_change(Encoder& out, Change const& change);
Result<Change> decode_change(Decoder& in);

}  // namespace perdure::origin
