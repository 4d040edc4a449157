#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/json.h"
#include "origin/merge/undo.h"
#include "repository/domain.h"
#include "system/file.h"

namespace perdure::job {

/// What a restore (or an undo) leaves behind so that it can be taken back, and so that a crash in
/// its middle can be put right: <state>/recovery/<run>/run.json and a sealed journal a source.
///
///   preparing   journals are being written; no target has changed
///   prepared    journals are on the disk; targets change one after the other
///   done        all targets have changed
///   undone      and were changed back, by the run that `undone_by` names
///   rolled-back a crash or failure came in between; all targets are as before
struct RecoveryRun {
    std::string id, verb, state = "preparing";
    std::string snapshot, safety, plan, undone_by, undoes;
    Timestamp started;
    struct Source {
        std::string name, kind;  ///< "rows", "files", "media", "swap"
        system::Path target;     ///< database file, or root folder
        std::uint64_t changes = 0;
        origin::DanglingCounts dangled;  ///< references that pointed to nothing before
        std::string before, after;       ///< of swap: LiveState of the database
        bool unsaved = false;            ///< of swap: no snapshot could take all of it
        /// Names that change, in this folder; empty for rows.
        system::Path folder() const;
        bool damaged() const { return before.starts_with("unreadable"); }
        /// No snapshot holds what stood there: it stays beside.
        bool keeps_old() const { return damaged() || unsaved; }
    };
    std::vector<Source> sources;  ///< a database's media follow it, under the same name
    /// Of the sources, each once.
    std::vector<std::string> names() const;
    data::Json to_json() const;
    static Result<RecoveryRun> from_json(data::Json const& json);
};

class RunFolder {
public:
    /// Makes `<recovery>/<run>`. Fails: conflict (the id is taken).
    static Result<RunFolder> create(system::Path const& recovery, RecoveryRun run);
    /// Fails: not_found (PD-0002), corrupt.
    static Result<RunFolder> open(system::Path const& recovery, std::string const& id);
    /// Newest first.
    static std::vector<RunFolder> list(system::Path const& recovery);

    RecoveryRun& run() { return run_; }
    RecoveryRun const& run() const { return run_; }
    /// Writes run.json durably.
    Result<void> keep();
    Result<void> set_state(std::string state);
    system::Path journal(std::size_t source) const;
    Result<void> remove() const { return system::remove_tree(folder_); }

private:
    RunFolder(system::Path folder, RecoveryRun run)
        : folder_(std::move(folder)), run_(std::move(run)) {}
    system::Path folder_;
    RecoveryRun run_;
};

/// Seals the tables and changes of one database into a journal.
Result<std::uint64_t> write_row_journal(system::Path const& path,
                                        repository::DomainPtr const& domain,
                                        origin::ChangeList& changes, std::stop_token stop);
struct RowJournalReader {
    std::function<Result<void>(std::vector<origin::WriteTable> const&)> tables;
    std::function<Result<void>(origin::Change const&)> change;
};
Result<void> read_row_journal(system::Path const& path, repository::DomainPtr const& domain,
                              RowJournalReader const& reader);

/// Tables of a journal, alone.
Result<std::vector<origin::WriteTable>> journal_tables(system::Path const& path,
                                                       repository::DomainPtr const& domain);

}  // namespace perdure::job
