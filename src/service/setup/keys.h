#pragma once

#include "repository/keyring/keyring.h"
#include "repository/keyring/merge/merge.h"
#include "repository/keyring/retire/retire.h"
#include "service/workspace.h"

namespace perdure::service {

struct AddKeyCall {
    repository::KeySecret const* secret = nullptr;
    std::string label;
};
/// A further way to open the repository. Fails: invalid (a weak secret).
Result<repository::SlotId> add_key(Workspace& workspace, AddKeyCall const& call);

struct KeyList {
    std::vector<repository::SlotInfo> slots;
    repository::SlotId current;  ///< the one that opened it now
    std::uint64_t epoch = 0;
};
Result<KeyList> list_keys(Workspace& workspace);

struct RemoveKeyCall {
    std::string slot;     ///< id or its beginning
    std::string confirm;  ///< the slot's label or id
};
/// Removes a slot and makes fresh keys for everything it opened. Fails: denied (PD-0017); invalid
/// (the last one, or the one in use).
Result<repository::ChangeReport> remove_key(Workspace& workspace, RemoveKeyCall const& call);
/// Fresh root, inbox and shard keys; everybody's secret stays valid.
Result<repository::ChangeReport> rotate_keys(Workspace& workspace);

/// Joins the keyrings of destinations that were changed apart from each other. Without `confirm`
/// ("merge") it only says so. Fails: invalid (one destination); unavailable (one is away); denied
/// (PD-0017; PD-0012: the key opens not all of them).
Result<repository::MergeReport> merge_keys(Workspace& workspace, std::string const& confirm);

/// Takes what was added at a destination while it missed a change of keys into the newest keyring.
/// Recorded as "key merge" when there is anything to do. Asks for the key only then. A fork is left
/// alone. Fails: as repository::fold_lagging_homes.
Result<void> fold_keys(Workspace& workspace);

/// Destinations that are no key homes and hold keys all the same, each with what to do. What cannot
/// be reached is nobody's problem here.
std::vector<data::Problem> misplaced_keys(Workspace& workspace);

/// Takes the keyring away from destinations that are no key homes any more. Recorded as "key
/// retire" when there is anything to do. Asks for the key only then.
/// Fails: as repository::retire_key_homes.
Result<std::vector<repository::RetiredPlace>> retire_keys(Workspace& workspace);

/// Completes what a crash, a running backup or an absent destination left open of a change of keys.
/// Quick when there is nothing to do. What stands in the way is the caller's to tell, not its
/// failure. Sessions that still run are no problem: the next call completes it.
std::vector<data::Problem> settle_keys(Workspace& workspace);

}  // namespace perdure::service
