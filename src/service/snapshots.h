#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "service/workspace.h"

namespace perdure::service {

struct SnapshotList {
    std::vector<repository::Snapshot> snapshots;  ///< newest last
    std::vector<data::Problem> damaged;
    std::map<std::string, std::string> pins;  ///< id → reason
};
Result<SnapshotList> list_snapshots(Workspace& workspace);

/// The snapshot that a word means: "latest", an id, the unique beginning of one (4 characters at
/// least), or a tag (its newest snapshot). "latest" passes over those that a restore took for
/// safety's sake. With `at`: the newest of those at or before it.
/// Fails: not_found; invalid (the beginning fits several).
Result<repository::Snapshot> choose_snapshot(std::vector<repository::Snapshot> const& all,
                                             std::string const& word, std::optional<Timestamp> at);
/// As choose_snapshot, and passes over those that cannot be read: telling it, unless the snapshot
/// was named so that no other can be meant.
Result<repository::Snapshot> find_snapshot(Workspace& workspace, std::string const& word,
                                           std::optional<Timestamp> at = {});

/// Taken before a restore wrote: what a person wants back is hardly the state that they just left.
bool is_safety(repository::Snapshot const& snapshot);
bool holds_source(repository::Snapshot const& snapshot, std::string const& source);
/// What find_snapshot was asked for.
struct Wanted {
    std::string word;
    std::optional<Timestamp> at;
};
/// Where the word is "latest": tells of every configured source that other snapshots hold and this
/// one does not, for who asks for the latest wants it of all of them.
Result<void> tell_absent_sources(Workspace& workspace, repository::Snapshot const& snapshot,
                                 Wanted const& wanted);
/// The newest snapshot, until `at` where given, that holds the source; empty: none does.
std::optional<repository::Snapshot> newest_with(std::vector<repository::Snapshot> const& all,
                                                std::string const& source,
                                                std::optional<Timestamp> at);

/// The first 12 characters of an id: what people see.
std::string short_id(std::string const& id);
/// When the snapshot was complete: what lists show, and what `--at` goes by (nothing in it is
/// newer).
Timestamp taken(repository::Snapshot const& snapshot);
std::string_view type_name(repository::SnapshotType type);

/// A destructive act needs its object's name typed. Fails: denied (PD-0017).
Result<void> check_confirmation(std::string const& given, std::vector<std::string> const& accepted,
                                std::string const& what);

struct DeleteCall {
    std::string snapshot, confirm;
};
Result<repository::Snapshot> delete_snapshot(Workspace& workspace, DeleteCall const& call);
Result<repository::Snapshot> pin_snapshot(Workspace& workspace, std::string const& word,
                                          std::string const& reason);
/// Why a snapshot is pinned; empty: it is not.
Result<std::optional<std::string>> pin_of(Workspace& workspace,
                                          repository::Snapshot const& snapshot);
Result<repository::Snapshot> unpin_snapshot(Workspace& workspace, std::string const& word);

}  // namespace perdure::service
