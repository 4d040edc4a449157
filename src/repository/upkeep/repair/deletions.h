#pragma once

#include <optional>
#include <string>
#include <vector>

#include "repository/upkeep/repair/syncing_leg.h"

namespace perdure::repository {

/// A tombstone to be put over what a leg still holds.
struct Burial {
    store::ObjectName name;
    Bytes tombstone;
    SyncingLeg* leg = nullptr;
};

/// Which deletions a sync carries from leg to leg. A tombstone is no proof that its maker had a key
/// (SECURITY.md): whoever can write to one leg can plant one. So a pin anywhere beats it, the
/// newest manifest of the keyring is never buried, nor the last snapshots of a leg; all of that is
/// told. `opened_epoch` is the newest that the key opened; without it the newest manifest that is
/// whole counts. Refers to what it was made of. Threads: one.
class Deletions {
public:
    Deletions(std::vector<SyncingLeg>& legs, std::optional<std::uint64_t> const& opened_epoch,
              std::vector<Finding>& findings)
        : legs_(legs), opened_epoch_(opened_epoch), findings_(findings) {}

    /// Whether a tombstone means deletion, not merely that a session had not committed where it was
    /// fenced.
    bool is_deletion(store::ObjectName const& name) const;
    /// Whether an object stays although a leg holds a tombstone under its name. Fails: cancelled.
    Result<bool> is_refused(store::ObjectName const& name, std::stop_token const& stop);
    bool is_pinned(store::ObjectName const& snapshot) const;
    void defer(Burial burial) { burials_.push_back(std::move(burial)); }
    /// What may go once everything else has arrived.
    std::vector<Burial> due();
    /// Legs that disagree are not complete.
    void end();

private:
    Result<std::uint64_t> newest_whole_manifest(std::stop_token const& stop) const;
    Result<std::string> why_kept(store::ObjectName const& name, std::stop_token const& stop) const;
    bool leaves_none(SyncingLeg const& leg) const;
    void dispute(store::ObjectName const& name, std::string why);

    std::vector<SyncingLeg>& legs_;
    std::optional<std::uint64_t> const& opened_epoch_;
    std::vector<Finding>& findings_;
    std::vector<Burial> burials_;
    std::vector<store::ObjectName> disputed_;
};

}  // namespace perdure::repository
