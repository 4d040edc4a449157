#pragma once

#include <string>
#include <vector>

#include "data/selector.h"
#include "data/where.h"
#include "origin/merge/pair.h"
#include "origin/merge/rows/ties.h"
#include "origin/origin.h"

namespace perdure::origin {

/// Which rows of the snapshot a restore is about, and why each is among them.
class Scope {
public:
    struct Request {
        std::vector<data::Selector>
            selectors;  ///< of this source: whole, type, record, media paths
        data::RecordFilter filter;
        SourceOptions
            snapshot;  ///< the restored copy, with the mapping that the snapshot remembers
    };
    /// Why a row is taken.
    struct Reason {
        enum class Kind {
            selected,
            belongs,
            needed,
            standing,  ///< others refer to it, and what the target has under its key is another one
        } kind = Kind::selected;
        std::string text;  ///< "memory_tags of a selected memory"; empty: selected
    };

    /// Selected rows, then rows that belong to them by the mapping (tags, media), then the rows
    /// that those refer to and that the target lacks, or has as another one. Keeps them in
    /// temporary tables of `connection`. Fails: not_found (a selected record is not in the
    /// snapshot), invalid.
    static Result<Scope> choose(Connection& connection, Pairing const& pairing, Ties const& ties,
                                Request const& request, std::stop_token stop);

    /// Every row of every table.
    bool whole() const { return whole_; }
    bool holds_rows_of(std::size_t pair) const { return whole_ || !tables_[pair].empty(); }
    /// " FROM snap.t s", or the join that keeps to the chosen rows; columns of `s` and, when not
    /// whole, `c.why`.
    std::string from(std::size_t pair, TablePair const& table) const;
    /// SQL over a row `l` of the target: its row of the snapshot is among the chosen ones.
    std::string chosen(std::size_t pair, TablePair const& table) const;
    Reason const& reason(std::int64_t number) const {
        return reasons_[static_cast<std::size_t>(number)];
    }
    /// Media paths that the chosen records name; with whole() all media are meant.
    std::vector<std::string> const& media() const { return media_; }
    /// Tables whose rows were selected themselves: only these may lose rows to --delete.
    bool selected(std::size_t pair) const { return whole_ || selected_[pair]; }
    /// SQL for "this row of the target is within reach of --delete" with the target row as `l`:
    /// all rows of a table selected whole, the rows that belong to selected records otherwise.
    std::string removable(std::size_t pair) const { return whole_ ? "1" : removable_[pair]; }

private:
    friend class ScopeBuilder;
    bool whole_ = false;
    std::vector<std::string> tables_;  ///< by position of the pair: its temporary table
    std::vector<bool> selected_;
    std::vector<std::string> removable_;
    std::vector<std::string> joins_;
    std::vector<Reason> reasons_;
    std::vector<std::string> media_;
};

}  // namespace perdure::origin
