#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/mapping_path.h"
#include "data/where.h"
#include "job/history/row_record.h"
#include "repository/history/scan_rows.h"

namespace perdure::job {

/// What a condition asks of a record and other tables hold: its collection's
/// name, its tags, over all snapshots. Filled in a first pass over the rows;
/// then it tells in which snapshots the condition holds of a record. Memory:
/// about 100 B a row of those tables and version, at most rows_max of them.
/// Threads: one.
class RelatedRows {
public:
    static constexpr std::size_t rows_max = 4'000'000;

    RelatedRows() = default;
    /// Fails: unsupported (PD-0002), for a field that is no column and that no
    /// mapping leads to.
    static Result<RelatedRows> create(data::Mapping const& mapping, data::Where const& where,
                                      std::set<std::string> const& columns);
    bool empty() const { return needs_.empty(); }
    bool asks_for(std::string const& table) const { return tables_.contains(table); }
    /// Fails: exhausted (rows_max).
    Result<void> take(RowRecord& row, repository::PresenceSets::Id in,
                      repository::PresenceSets& sets);
    /// The snapshots of `in` in which the condition holds; none: nothing.
    std::optional<repository::PresenceSets::Id> where_it_holds(
        RowRecord& row, data::RecordMapping const* mapping, repository::PresenceSets::Id in,
        data::Where const& where, repository::PresenceSets& sets) const;

private:
    /// Rows of one table: `key` (its id, or a column) leads to `value`, a column.
    struct Relation {
        std::string table, key, value;  ///< key empty: the id
        bool operator<(Relation const& other) const {
            return std::tie(table, key, value) < std::tie(other.table, other.key, other.value);
        }
    };
    struct Entry {
        std::string value;
        repository::PresenceSets::Id in = 0;
    };
    using Entries = std::unordered_map<std::string, std::vector<Entry>>;
    /// A role of a type, and the relations that lead to it, in order.
    struct Need {
        std::string type, role,
            column;  ///< column of the record that begins; empty: its id
        std::vector<Relation> steps;
    };
    void add_need(data::RecordMapping const& record, std::string const& role,
                  data::MappingPath const& path);
    std::vector<std::string> follow(Need const& need, std::string const& from, std::size_t snapshot,
                                    repository::PresenceSets const& sets) const;

    std::vector<Need> needs_;
    std::set<std::string> tables_;
    std::map<Relation, Entries> relations_;
    std::size_t rows_ = 0;
};

}  // namespace perdure::job
