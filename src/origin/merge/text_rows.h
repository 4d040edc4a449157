#pragma once

#include "origin/merge/compare.h"

namespace perdure::origin {

/// Full-text tables with texts of their own, and R-Trees, that repeat one table's rows under their
/// rowids, because a trigger of that table feeds them. The triggers are off during a restore, so
/// the snapshot's texts are brought along with the rows.
class TextRows {
public:
    TextRows(Stage const& stage, std::size_t pair) : stage_(stage), pair_(pair) {}
    /// Adds what the change of a row means for the texts; `snapshot_rowid`: of the row it came
    /// from.
    Result<void> follow(Change const& change, std::int64_t snapshot_rowid);

private:
    struct Table {
        std::size_t table = 0;
        Statement snapshot, target;
    };
    Result<void> find();
    Result<std::optional<StoredImage>> read(Statement& statement, std::int64_t rowid,
                                            std::size_t columns);
    Stage const& stage_;
    std::size_t pair_;
    std::optional<std::vector<Table>> tables_;
};

}  // namespace perdure::origin
