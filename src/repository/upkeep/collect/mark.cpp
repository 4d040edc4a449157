#include "repository/upkeep/collect/mark.h"

#include <fmt/core.h>

#include "repository/keyring/keyring.h"
#include "repository/pack/pack_bases.h"

namespace perdure::repository {

namespace {

/// Tells whether blobs of a handle count; asks the keyring once a run of equal handles.
class HandleJudge {
public:
    explicit HandleJudge(Keyring const& keyring)
        : keyring_(keyring), common_(keyring.common()->handle()) {}

    Result<bool> counts(Handle const& handle) {
        if (handle == common_) return true;
        if (!known_ || handle != last_) {
            last_ = handle;
            known_ = true;
            state_ = keyring_.state(handle);
        }
        if (state_ == HandleState::unknown) {
            return fail(Fault::corrupt,
                        fmt::format("a snapshot names the handle {}, which the keyring never heard "
                                    "of",
                                    to_hex(handle)))
                .with_code(14)
                .with_fix("bring the keyring back from another key home; nothing was deleted");
        }
        return state_ == HandleState::live;
    }

private:
    Keyring const& keyring_;
    Handle common_, last_;
    HandleState state_ = HandleState::unknown;
    bool known_ = false;
};

Result<void> check_complete(std::vector<Snapshot> const& snapshots,
                            std::vector<data::Problem> const& damaged,
                            std::set<SessionId> const& must_appear) {
    if (!damaged.empty()) {
        return fail(Fault::corrupt,
                    fmt::format("{} cannot be read ({}), so what it needs is unknown",
                                damaged.front().path, damaged.front().reason))
            .with_code(14)
            .with_fix(
                "run `perdure repo repair`; one that stays unreadable goes by "
                "`perdure backup delete ID`; nothing was deleted");
    }
    std::set<SessionId> missing = must_appear;
    for (auto const& snapshot : snapshots) missing.erase(snapshot.session);
    if (missing.empty()) return {};
    return fail(Fault::unavailable, fmt::format("the listing of snapshots is stale: it lacks {}",
                                                to_hex(*missing.begin())));
}

}  // namespace

Result<Marks> mark_live(MarkPlace const& place, std::set<SessionId> const& must_appear,
                        std::stop_token stop) {
    std::vector<data::Problem> damaged;
    PD_TRY(auto const snapshots, place.repository.snapshots(&damaged, stop));
    PD_CHECK(check_complete(snapshots, damaged, must_appear));
    Marks marks{.live = LiveSet(place.index->entry_count()), .snapshots = snapshots.size()};
    HandleJudge judge(place.repository.keyring());
    ReadContext context{.blobs = place.blobs, .domains = place.repository.domains()};
    PackBases bases(place.index->source());
    auto const note = [&](BlobId const& id, Handle const& handle) -> Result<void> {
        PD_TRY(bool const counts, judge.counts(handle));
        if (!counts || !marks.live.insert(prefix_of(id))) return {};
        auto const copies = place.index->find(id);
        if (copies.empty() && marks.missing++ == 0) marks.missing_example = to_hex(id);
        // Rosters name the base of one copy; of several, any may be the one that stays.
        if (copies.size() < 2) return {};
        for (Location const& at : copies) {
            if (!at.is_delta()) continue;
            auto const base = bases.base(at.pack, at.slot, stop);
            if (base && !place.index->find(*base).empty()) marks.live.insert(prefix_of(*base));
            if (!base && base.error().fault() != Fault::corrupt &&
                base.error().fault() != Fault::not_found)
                return base.error();
        }
        return {};
    };
    std::uint64_t done = 0;
    for (auto const& snapshot : snapshots) {
        auto walked = walk_blobs(snapshot, note, context, stop);
        if (!walked)
            return std::move(walked).error().within(fmt::format("snapshot {}", snapshot.id()));
        if (place.progress.report) place.progress.report("mark", ++done, snapshots.size());
    }
    return marks;
}

}  // namespace perdure::repository
