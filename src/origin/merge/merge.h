#pragma once

#include <functional>
#include <memory>

#include "data/conflict.h"
#include "origin/merge/change.h"
#include "origin/merge/pair.h"
#include "origin/merge/scope.h"

namespace perdure::origin {

/// What a restore would do, or does, to one record of a database.
struct MergeItem {
    enum class Finding {
        create,    ///< the target lacks it
        conflict,  ///< it is there and differs
        remove,    ///< the snapshot lacks it; only with `remove`
        blocked,   ///< it cannot be written, and the reason says why
    } finding = Finding::create;
    std::string table, record;                       ///< "memories", "app:memory/17"
    data::Decision decision = data::Decision::keep;  ///< of remove: replace means "goes"
    std::string reason, why;  ///< of the decision; for being taken at all, empty: selected
    struct Field {
        std::string name;
        data::Value target, snapshot;
    };
    std::vector<Field> fields;  ///< of conflicts: those that differ
    std::string target_state;   ///< hash of the whole row in the target; empty: none
};

struct TableSummary {
    std::string table, type;
    std::uint64_t chosen = 0;  ///< rows of the snapshot that were looked at
    std::uint64_t create = 0, identical = 0, conflict = 0, remove = 0, blocked = 0;
    std::uint64_t only_target = 0;  ///< left alone, without `remove`
    std::uint64_t needed = 0;       ///< taken because others refer to them
    std::uint64_t belonging = 0;    ///< taken because they belong to selected records
    std::map<std::string, std::uint64_t> decisions;  ///< decision → rows
    std::uint64_t bytes = 0;                         ///< that would be written
};

struct MergeRequest {
    SourceOptions target;    ///< path of the database; it exists
    SourceOptions snapshot;  ///< the restored copy, with the mapping that the snapshot remembers
    std::vector<data::Selector> selectors;
    data::RecordFilter filter;
    data::Strategy strategy = data::Strategy::keep_newer;
    bool remove = false;
    /// "table.old" → "new" or "".
    std::map<std::string, std::string> columns;
    /// Record → what the person decided for it instead.
    std::map<std::string, data::Decision> overrides;
    Timestamp now;
    int busy_wait_ms = 30'000;
    bool swap = false;  ///< only to tell: the whole database takes the target's place
    /// The target was just made from the snapshot's schema: references that point to nothing in the
    /// snapshot may do so there.
    bool fresh = false;
};

/// Table → rows whose foreign key points to nothing.
using DanglingCounts = std::map<std::string, std::uint64_t>;

/// A snapshot of a SQLite database, restored into a scratch file, against the database itself.
/// Reading holds one read transaction; writing holds the write lock from open to commit, so that
/// what was compared is what is written to, while readers of a WAL database go on.
/// Threads: one.
class Merge {
public:
    enum class Mode { read, write };
    /// Fails: unavailable (locked for longer than busy_wait_ms), corrupt, invalid, not_found,
    /// unsupported (other text encoding).
    static Result<std::unique_ptr<Merge>> open(MergeRequest request, Mode mode,
                                               std::stop_token stop);
    virtual ~Merge() = default;

    virtual std::vector<SchemaDifference> const& differences() const = 0;
    /// Media paths below the media folder that the chosen records name.
    virtual bool all_media() const = 0;
    virtual std::vector<std::string> const& media() const = 0;
    /// Compares everything, in a fixed order, and tells each item that is not identical. With
    /// Mode::write the changes are kept for write().
    virtual Result<std::vector<TableSummary>> compare(
        std::function<Result<void>(MergeItem const&)> const& tell, std::stop_token stop) = 0;
    /// What has to be undone or was done; after compare().
    virtual ChangeList& changes() = 0;
    /// Writes the changes and checks references, inside the open transaction.
    /// Fails: conflict (PD-0015), naming the record; nothing is changed then.
    virtual Result<void> write(std::stop_token stop) = 0;
    /// After write(), into a fresh target: of the chosen rows as the snapshot has them, and of all
    /// rows of the target.
    virtual Result<std::pair<crypto::Digest, crypto::Digest>> digests(std::stop_token stop) = 0;
    virtual Result<void> commit() = 0;
    /// After write(): what dangled before it.
    virtual DanglingCounts const& dangled() const = 0;
};

/// A connection for writing into an application's database while the application runs: triggers
/// and foreign key actions off (for this connection), the write lock taken.
Result<Connection> open_to_write(system::Path const& database, int busy_wait_ms,
                                 std::stop_token stop);
/// A read-only connection to an application's database. A commit that was killed half-way (its
/// journal is "hot") is rolled back first, as every writer of that database would do: nobody can
/// read before, and a read-only connection may not.
Result<Connection> open_to_look(system::Path const& database, int busy_wait_ms);
/// Fails: conflict (PD-0015), when a written table, or one that refers to it, has more dangling
/// references than `database` had before the transaction and more than `allowed`. What dangled
/// before, by table: an undo may bring just that back. `as_then`: what pointed to nothing in the
/// snapshot (attached as "snap") may do so again.
Result<DanglingCounts> check_references(Connection& connection, system::Path const& database,
                                        ChangeList& changes, DanglingCounts const& allowed,
                                        bool as_then, std::stop_token stop);
/// The tables of the target as they are written, with their full-text followers.
Result<std::vector<WriteTable>> write_tables(Connection& connection, Layout const& target);
/// Fails: unsupported, when a collation that only the application has decides where rows belong.
Result<void> check_collations(Connection const& connection);

}  // namespace perdure::origin
