#pragma once

#include <set>

#include "job/recovery/recovery.h"
#include "job/recovery/run_folder.h"
#include "origin/merge/files/tree_merge.h"

namespace perdure::job {

/// The files of one source (of a database: its media), compared with, and with a stage made ready
/// for, a live folder: `target.path`.
struct FilesRequest {
    repository::SourceSnapshot const* source = nullptr;
    origin::SourceOptions target;
    /// Which paths; null: those of the scope.
    std::function<bool(std::string_view)> chosen;
    std::vector<std::string> paths;  ///< to walk; empty: all
    std::map<std::string, data::Decision> overrides;
    bool held = false;  ///< as of origin::TreeMergeRequest
    std::string stage;  ///< empty: compare only
    std::function<Result<void>(data::Json const&)> take;
};
/// What a comparison told while it ran; it lives as long as its merge.
struct FilesTold {
    /// Folders that were not chosen, or that only a rule of --map-path names, by their new path.
    std::set<std::string, std::less<>> passed;
    /// What cannot be put in place, and why, but for what the person declined: "source/path".
    std::vector<data::Problem> blocked;
    std::set<std::string, std::less<>> blocked_paths;
    /// Names of which the state that is there goes: a safety snapshot has to hold them before.
    std::set<std::string, std::less<>> goes;
};
struct FilesAtWork {
    std::unique_ptr<origin::TreeMerge> merge;
    std::vector<data::Problem> problems;  ///< those of `lost`, too
    std::vector<data::Problem> lost;      ///< what the snapshot does not give back
    std::shared_ptr<FilesTold const> told;
    std::vector<std::string> idle_rules;  ///< of --map-path: met nothing in this source
};
/// Rules that met nothing in any of several sources.
class IdleRules {
public:
    void add(std::vector<std::string> const& idle);
    std::vector<std::string> const& all() const { return rules_; }

private:
    std::vector<std::string> rules_;
    bool asked_ = false;
};
Result<FilesAtWork> merge_files(repository::Repository& repository, FilesRequest const& request,
                                RecoveryScope const& scope, repository::Progress const& progress,
                                std::stop_token stop);
/// A source's part of a plan's summary; of a database: its media.
data::Json files_summary(RecoveryPlace const& place, origin::FileSummary const& summary);
/// Of a database: what its merge, or a selector, names among its media, ready to be compared with
/// the live media folder. Nothing: none was chosen, or all are as the snapshot has them.
std::optional<FilesRequest> media_request(RecoveryPlace const& place, BroughtBack const& copy,
                                          origin::Merge const& merge, RecoveryScope const& scope);

/// What a comparison of files came to, for the plan's state. Media that need nothing say nothing:
/// whether they were compared at all depends on others.
std::string files_state(RecoveryPlace const& place, origin::TreeMerge const& merge);

/// ".perdure-restore-<run>", below the folder that is restored into.
std::string stage_name(std::string const& run);

Result<std::uint64_t> write_file_journal(system::Path const& path,
                                         repository::DomainPtr const& domain,
                                         std::vector<origin::FileChange> const& changes);
Result<std::vector<origin::FileChange>> read_file_journal(system::Path const& path,
                                                          repository::DomainPtr const& domain);

/// Opens the snapshot with that id. Fails: not_found.
Result<repository::Snapshot> snapshot_of(repository::Repository& repository, std::string const& id,
                                         std::stop_token stop);
/// Fails: not_found.
Result<repository::SourceSnapshot const*> source_in(repository::Snapshot const& snapshot,
                                                    std::string const& name);
using PathSet = std::set<std::string, std::less<>>;
/// Of these files of a source (of a database: its media) those that its snapshot does not hold.
Result<PathSet> not_held(repository::Repository& repository,
                         repository::SourceSnapshot const& source, PathSet paths,
                         std::stop_token stop);
/// What stood there before these changes and goes back when they are taken back.
PathSet paths_back(std::vector<origin::FileChange> const& changes);
/// What an undo of these changes stages: the state in `before` of what was replaced or taken away
/// (what it does not hold stays as it is), and the end of what was created.
Result<FilesAtWork> stage_undo(repository::Repository& repository,
                               repository::Snapshot const& before,
                               RecoveryRun::Source const& source,
                               std::vector<origin::FileChange> const& changes,
                               std::string const& stage, std::stop_token stop);

}  // namespace perdure::job
