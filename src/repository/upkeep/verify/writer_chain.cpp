#include "repository/upkeep/verify/writer_chain.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "repository/lease.h"
#include "store/own_names.h"

namespace perdure::repository {

namespace {

struct Chain {
    std::string who;  ///< "host/user", as the newest snapshot says
    std::map<std::uint64_t, std::vector<Snapshot const*>> by_number;
};

struct Missing {
    std::uint64_t count = 0;
    std::string numbers;  ///< "2, 4–6"

    void add(std::uint64_t first, std::uint64_t last) {
        count += last - first + 1;
        if (!numbers.empty()) numbers += ", ";
        numbers += first == last ? fmt::format("{}", first) : fmt::format("{}–{}", first, last);
    }
};

/// Whether a snapshot's predecessor is there under its number, but is another one.
bool follows_another(std::vector<Snapshot const*> const& before, Snapshot const& snapshot) {
    return std::ranges::none_of(
        before, [&](Snapshot const* other) { return other->object_hash == snapshot.previous; });
}

Missing missing_in(Chain const& chain) {
    Missing missing;
    std::uint64_t expected = 1;
    std::vector<Snapshot const*> const* before = nullptr;
    for (auto const& [number, snapshots] : chain.by_number) {
        if (number > expected) {
            missing.add(expected, number - 1);
        } else if (before != nullptr) {
            for (Snapshot const* snapshot : snapshots) {
                if (!follows_another(*before, *snapshot)) continue;
                missing.add(number - 1, number - 1);
                break;
            }
        }
        expected = number + 1;
        before = &snapshots;
    }
    return missing;
}

}  // namespace

std::vector<Finding> chain_gaps(std::vector<Snapshot> const& snapshots, std::uint64_t gone) {
    std::map<crypto::Digest, Chain> chains;
    for (Snapshot const& snapshot : snapshots) {
        if (snapshot.sequence == 0) continue;
        Chain& chain = chains[snapshot.writer];
        chain.who = snapshot.host + "/" + snapshot.user;
        chain.by_number[snapshot.sequence].push_back(&snapshot);
    }
    std::uint64_t total = 0;
    std::vector<std::pair<std::string, Missing>> all;
    for (auto const& [writer, chain] : chains) {
        Missing missing = missing_in(chain);
        if (missing.count == 0) continue;
        total += missing.count;
        all.emplace_back(chain.who, std::move(missing));
    }
    std::vector<Finding> gaps;
    if (total <= gone) return gaps;
    for (auto const& [who, missing] : all) {
        std::string detail = fmt::format(
            "snapshot {} of this writer is missing: neither listed nor deleted", missing.numbers);
        if (missing.count > 1)
            detail = fmt::format(
                "snapshots {} of this writer are missing: neither listed nor "
                "deleted",
                missing.numbers);
        if (gone > 0)
            detail += fmt::format(" ({} missing in all, but only {} deleted)", total, gone);
        gaps.push_back({Finding::Kind::gap, "writer " + who, std::move(detail), false});
    }
    return gaps;
}

/// Lists after the snapshots were read: one deleted meanwhile is still among them, one committed
/// meanwhile only explains more.
Result<std::vector<Finding>> find_gaps(store::ObjectStore& store,
                                       std::vector<Snapshot> const& snapshots,
                                       std::stop_token stop) {
    std::set<store::ObjectName> explained;
    for (auto const& snapshot : snapshots) explained.insert(snapshot_name(snapshot.session));
    PD_CHECK(store.list(
        "fence/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            explained.insert(snapshot_beside(info.name));
            return {};
        },
        stop));
    std::uint64_t gone = 0;
    PD_CHECK(store.list(
        "snapshot/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (!explained.contains(info.name) && store::is_own_name(info.name)) ++gone;
            return {};
        },
        stop));
    return chain_gaps(snapshots, gone);
}

}  // namespace perdure::repository
