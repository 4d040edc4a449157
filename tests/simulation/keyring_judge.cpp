// What must be true of a keyring after everybody stopped, whatever happened before.
#include <fmt/core.h>

#include <algorithm>

#include "repository/keyring/loaded.h"
#include "repository/lease.h"
#include "repository/triple.h"
#include "tests/simulation/keyring_world.h"

namespace perdure::simulation {

using namespace perdure::repository;

namespace {
constexpr std::uint64_t bytes_max = 1 << 24;

std::optional<Bytes> body_of(Bytes const& object) {
    auto body = read_triple(object, bytes_max);
    if (!body || is_tombstone(body->body)) return std::nullopt;
    return std::move(body->body);
}
}  // namespace

void KeyringWorld::judge_absence(std::vector<Handle> const& handles, std::string_view when) {
    std::set<Handle> const gone(handles.begin(), handles.end());
    auto const look = [&](EntrySet const& set, std::string const& where) {
        for (Entry const& entry : set.entries) {
            if (gone.contains(entry.handle)) {
                complain(fmt::format("an erased key is in {} {}", where, when));
            }
        }
    };
    std::vector<OpenedManifest> manifests;
    std::map<store::ObjectName, Bytes> shards, additions;
    for (auto const& home : homes_) {
        for (auto const& [name, object] : home->contents("keyring/m/")) {
            auto const body = body_of(object);
            if (!body) continue;
            auto const header = read_manifest_header(*body);
            if (!header) continue;
            for (KeySecret const* secret : {&secret_, &spare_}) {
                auto const opener = open_slot(header->slots, *secret, repository_);
                if (!opener) continue;
                if (auto opened = open_manifest(*body, *opener)) manifests.push_back(*opened);
            }
        }
        shards.merge(home->contents("keyring/s/"));
        additions.merge(home->contents("keyring/a/"));
    }
    for (OpenedManifest const& manifest : manifests) {
        for (ShardRef const& ref : manifest.body.shards) {
            auto const at = shards.find(shard_name(ref.name));
            auto const body = at == shards.end() ? std::nullopt : body_of(at->second);
            if (!body) continue;
            auto const set = open_shard(*body, repository_, ref);
            if (set) look(*set, fmt::format("a shard of epoch {}", manifest.header.epoch));
        }
        for (auto const& [name, object] : additions) {
            auto const body = body_of(object);
            if (!body) continue;
            auto const addition = open_addition(*body, repository_, manifest.body);
            if (addition) look(addition->set, name);
        }
    }
}

void KeyringWorld::judge_snapshots(Keyring& keyring) {
    for (auto const& [name, object] : homes_.front()->contents("snapshot/")) {
        auto const body = body_of(object);
        if (!body) continue;
        Decoder in(*body);
        static_cast<void>(in.raw(64));
        auto const count = in.varint();
        for (std::uint64_t i = 0; count && i < *count; ++i) {
            auto const handle = in.id<Handle>().value();
            auto const& made = created_.at(handle);
            switch (keyring.state(handle)) {
                case HandleState::unknown:
                    complain("the key of a committed snapshot is lost: " + name);
                    break;
                case HandleState::erased:
                    if (!asked_.contains(made.person)) complain("a person nobody erased is gone");
                    break;
                case HandleState::live:
                    if (keyring.find(handle).value()->blob_id(as_bytes("probe")) != made.probe) {
                        complain("a handle has another key than it was made with");
                    }
                    break;
            }
        }
    }
}

void KeyringWorld::judge_erasures(Keyring& keyring) {
    for (Erasure const& erasure : completed_) {
        judge_absence(erasure.handles, "in the end");
        for (Handle const& handle : erasure.handles) {
            if (keyring.state(handle) != HandleState::erased) complain("an erased key came back");
        }
        for (auto const& [handle, made] : created_) {
            bool const before = made.person == erasure.person && made.epoch < erasure.epoch;
            if (before && keyring.state(handle) == HandleState::live) {
                complain("a key made before the erasure outlived it");
            }
        }
    }
}

void KeyringWorld::judge_epochs() {
    std::map<store::ObjectName, std::set<crypto::Digest>> versions;
    for (auto const& home : homes_) {
        std::size_t live = 0;
        for (auto const& [name, object] : home->contents("keyring/m/")) {
            if (auto const* all = home->versions(name)) {
                versions[name].insert(all->begin(), all->end());
            }
            if (body_of(object)) ++live;
        }
        if (live != 1) complain(fmt::format("{} manifests live on a settled home", live));
    }
    for (auto const& [name, all] : versions) {
        if (all.size() > 1) complain("two manifests stood under " + name);
    }
}

void KeyringWorld::judge() {
    for (auto& home : homes_) home->calm();
    auto keyring = open();
    if (!keyring) return complain("the keyring cannot be opened: " + keyring.error().message());
    if (!(*keyring)->damaged().empty()) complain("something of the keyring is damaged");
    for (int i = 0;; ++i) {
        auto const report = (*keyring)->settle(options(nullptr), {});
        if (!report) return complain("settling fails: " + report.error().message());
        if (report->complete) break;
        if (i == 3) return complain("settling never completes");
        scheduler_.sleep(std::chrono::hours(25));  // until silent sessions may be fenced
    }
    auto const again = open();
    if (!again) return complain("the settled keyring cannot be opened");
    judge_snapshots(**again);
    judge_erasures(**again);
    judge_epochs();
}

}  // namespace perdure::simulation
