#include "repository/upkeep/repair/deletions.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "repository/lease.h"
#include "repository/pins.h"
#include "repository/upkeep/repair/proven_object.h"

namespace perdure::repository {

namespace {

constexpr std::string_view snapshots = "snapshot/", manifests = "keyring/m/";

std::uint64_t epoch_of(store::ObjectName const& manifest) {
    std::uint64_t epoch = 0;
    auto const digits = std::string_view(manifest).substr(manifests.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), epoch);
    return epoch;
}

}  // namespace

Result<std::uint64_t> Deletions::newest_whole_manifest(std::stop_token const& stop) const {
    std::uint64_t newest = 0;
    for (SyncingLeg const& leg : legs_) {
        auto at = leg.objects.lower_bound(std::string(manifests));
        for (; at != leg.objects.end() && at->first.starts_with(manifests); ++at) {
            auto const epoch = epoch_of(at->first);
            if (epoch <= newest || at->second <= tombstone_object_bytes) continue;
            auto const object = read_proven(*leg.store, at->first, stop);
            if (!object && object.error().fault() == Fault::cancelled) return object.error();
            if (object && *object && !is_tombstone(**object)) newest = epoch;
        }
    }
    return newest;
}

bool Deletions::is_deletion(store::ObjectName const& name) const {
    if (!name.starts_with(snapshots)) return true;
    auto const mark = fence_beside(name);
    return std::ranges::none_of(legs_, [&](SyncingLeg const& leg) { return leg.has(mark); });
}

bool Deletions::is_pinned(store::ObjectName const& snapshot) const {
    auto const pin = pin_beside(snapshot);
    return std::ranges::any_of(legs_, [&](SyncingLeg const& leg) { return leg.has(pin); });
}

/// Empty: it may go.
Result<std::string> Deletions::why_kept(store::ObjectName const& name,
                                        std::stop_token const& stop) const {
    if (name.starts_with(snapshots)) {
        if (!is_pinned(name)) return std::string();
        return std::string(
            "deleted at one destination and pinned at another: where it still is, `perdure backup "
            "unpin` with --destination lets it go");
    }
    if (!name.starts_with(manifests)) return std::string();
    auto newest = opened_epoch_;
    if (!newest) {
        PD_TRY(newest, newest_whole_manifest(stop));
    }
    if (epoch_of(name) < *newest) return std::string();
    return std::string(
        "a destination holds it as destroyed, though no newer keyring takes its place: find out "
        "who changed that destination");
}

Result<bool> Deletions::is_refused(store::ObjectName const& name, std::stop_token const& stop) {
    PD_TRY(auto const why, why_kept(name, stop));
    if (!why.empty()) dispute(name, why);
    return !why.empty();
}

void Deletions::dispute(store::ObjectName const& name, std::string why) {
    findings_.push_back({Finding::Kind::disagreement, name, std::move(why), false});
    disputed_.push_back(name);
}

/// No rule deletes the last snapshot; who did so by hand has the others follow after the next one.
bool Deletions::leaves_none(SyncingLeg const& leg) const {
    std::uint64_t left = leg.report.snapshots_copied, going = 0;
    for (auto at = leg.objects.lower_bound(std::string(snapshots));
         at != leg.objects.end() && at->first.starts_with(snapshots); ++at) {
        if (at->second > tombstone_object_bytes) ++left;
    }
    for (Burial const& each : burials_)
        going += each.leg == &leg && each.name.starts_with(snapshots) ? 1 : 0;
    return going > 0 && left <= going;
}

std::vector<Burial> Deletions::due() {
    std::set<SyncingLeg const*> spared;
    for (SyncingLeg const& leg : legs_)
        if (leaves_none(leg)) spared.insert(&leg);
    std::vector<Burial> out;
    for (Burial& each : burials_) {
        if (each.name.starts_with(snapshots) && spared.contains(each.leg)) {
            dispute(each.name,
                    fmt::format("deleted elsewhere, and no snapshot would be left at {}: the next "
                                "backup settles it",
                                each.leg->report.destination));
        } else {
            out.push_back(std::move(each));
        }
    }
    burials_.clear();
    return out;
}

void Deletions::end() {
    for (store::ObjectName const& name : disputed_) {
        for (SyncingLeg& leg : legs_) leg.fail_with("it disagrees about " + name);
    }
}

}  // namespace perdure::repository
