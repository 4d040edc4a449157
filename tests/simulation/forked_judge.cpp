// What must hold of two destinations that were written, cleaned and collected apart.
#include <algorithm>

#include "base/codec.h"
#include "repository/triple.h"
#include "repository/upkeep/repair/sync.h"
#include "tests/simulation/forked_world.h"

namespace perdure::simulation {

using namespace perdure::repository;

namespace {

std::set<std::uint32_t> blobs_in(ByteView bytes) {
    std::set<std::uint32_t> blobs;
    Decoder in(bytes.subspan(64));
    while (!in.done()) blobs.insert(in.u32().value());
    return blobs;
}

bool is_dead(HostileStore const& disk, store::ObjectName const& name) {
    auto const there = disk.contents(name);
    auto const found = there.find(name);
    return found != there.end() && is_tombstone(found->second);
}

}  // namespace

ForkedWorld::Blobs ForkedWorld::stored_on(HostileStore const& disk) const {
    Blobs stored;
    for (auto const& [name, body] : disk.contents("pack/d/")) stored.merge(blobs_in(body));
    return stored;
}

std::set<store::ObjectName> ForkedWorld::committed_on(HostileStore const& disk) const {
    std::set<store::ObjectName> names;
    for (auto const& [name, object] : disk.contents("snapshot/")) {
        bool const deleted =
            std::ranges::any_of(disks_, [&](auto const& each) { return is_dead(*each, name); });
        if (!deleted) names.insert(name);
    }
    return names;
}

/// What a snapshot needs lies on some destination: whatever one of them misses, a sync heals.
void ForkedWorld::judge_loss(std::string_view when) {
    Blobs stored = stored_on(*disks_[0]);
    stored.merge(stored_on(*disks_[1]));
    for (auto const& disk : disks_) {
        for (auto const& name : committed_on(*disk)) {
            auto const body = read_triple(disk->contents(name).at(name), 1 << 16);
            if (!body || !std::ranges::includes(stored, blobs_in(body->body)))
                complain("a blob of committed " + name + " is lost " + std::string(when));
        }
    }
}

void ForkedWorld::judge_peace(HostileStore const& disk) {
    auto const stored = stored_on(disk);
    Blobs needed;
    for (auto const& name : committed_on(disk)) {
        auto const body = read_triple(disk.contents(name).at(name), 1 << 16);
        if (body) needed.merge(blobs_in(body->body));
    }
    if (!std::ranges::includes(stored, needed))
        complain(disk.describe() + " lacks what its snapshots need after a sync");
    for (auto const& [name, body] : disk.contents("pack/d/")) {
        auto const blobs = blobs_in(body);
        if (std::ranges::none_of(blobs, [&](auto const blob) { return needed.contains(blob); }))
            complain("a pack that nobody needs is never freed from " + disk.describe());
    }
}

/// Safe at once; whole, equal and tidy after some undisturbed syncs and collections.
void ForkedWorld::judge() {
    for (auto const& disk : disks_) disk->calm();
    judge_loss("in the end");
    for (int i = 0; i < 4; ++i) {
        scheduler_.sleep(std::chrono::hours(25));
        auto const synced = sync_legs(*open(true), {}, {});
        if (!synced) return complain("a sync in peace fails: " + synced.error().message());
        // A session that one destination fenced and the other committed is for a person to judge.
        if (!synced->findings.empty() && synced->findings[0].object.starts_with("snapshot/")) {
            return judge_loss("beside a disputed snapshot");
        }
        for (auto const& leg : synced->legs)
            if (!leg.complete) return complain("a sync in peace stays undone: " + leg.problem);
        auto const mirror = reach(true);
        auto const done = mirror ? collect(mirror) : Result<void>(fail(Fault::internal, "none"));
        if (!done) return complain("collecting in peace fails: " + done.error().message());
    }
    judge_loss("after collecting in peace");
    static_cast<void>(sync_legs(*open(true), {}, {}).has_value());
    for (auto const& disk : disks_) judge_peace(*disk);
    if (committed_on(*disks_[0]) != committed_on(*disks_[1]))
        complain("the destinations show different snapshots");
}

}  // namespace perdure::simulation
