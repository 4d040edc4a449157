#include "repository/upkeep/collect/plan.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace perdure::repository {

namespace {

bool comes_first(Location const& a, Location const& b) {
    return std::tie(a.pack, a.slot, a.raw_offset) < std::tie(b.pack, b.slot, b.raw_offset);
}

class Planner {
public:
    explicit Planner(PlanRequest const& request) : request_(request) {}

    Plan run() {
        request_.index.for_each([this](PackRow const&, FrameRow const&, IndexEntry const& entry) {
            if (request_.live.contains(entry.id) && request_.live.mark(entry.id))
                copied_.insert(entry.id);
        });
        request_.index.for_each([this](PackRow const& pack, FrameRow const&,
                                       IndexEntry const& entry) { count(pack, entry); });
        for (BlobPrefix const& id : copied_) count_copies(id);
        for (PackName const& name : request_.candidates) judge(name);
        limit_rewriting();
        return std::move(plan_);
    }

private:
    void count(PackRow const& pack, IndexEntry const& entry) {
        PackUse& use = uses_[pack.hash];
        use.name = pack.name();
        use.bytes_total += entry.length;
        if (!request_.live.contains(entry.id)) {
            count_dead(entry.length);
        } else if (!copied_.contains(entry.id)) {
            keep(use, entry.length);
        }
    }

    void count_copies(BlobPrefix const& id) {
        auto copies = request_.index.find(id_of(id));
        if (copies.empty()) return;
        std::ranges::sort(copies, comes_first);
        auto const stays = [&](Location const& at) {
            return !request_.condemned.contains(at.pack.hash);
        };
        auto kept = std::ranges::find_if(
            copies, [&](Location const& at) { return stays(at) && !at.is_delta(); });
        if (kept == copies.end()) kept = std::ranges::find_if(copies, stays);
        if (kept == copies.end()) kept = copies.begin();
        keep(uses_[kept->pack.hash], kept->length);
        // Each delta may rest on another base, and only one of these may be left: all stay.
        bool const deltas = kept->is_delta() && stays(*kept);
        for (auto at = copies.begin(); at != copies.end(); ++at) {
            if (at != kept) count_dead(at->length);
            if (!deltas || !at->is_delta() || !stays(*at)) continue;
            need(uses_[at->pack.hash]);
            immovable_.insert(at->pack.hash);
        }
    }

    void keep(PackUse& use, std::uint64_t length) {
        ++plan_.blobs_live;
        plan_.bytes_live += length;
        use.bytes_kept += length;
        need(use);
    }
    void need(PackUse& use) {
        bool const first = !std::exchange(use.needed, true);
        if (first && request_.condemned.contains(use.name.hash)) plan_.rescue.push_back(use.name);
    }
    void count_dead(std::uint64_t length) {
        ++plan_.blobs_dead;
        plan_.bytes_dead += length;
    }

    void judge(PackName const& name) {
        auto const found = uses_.find(name.hash);
        if (found == uses_.end() || !found->second.needed) {
            plan_.dead.push_back(name);
            return;
        }
        if (immovable_.contains(name.hash)) return;
        PackUse const& use = found->second;
        auto const least = request_.live_fraction_min * static_cast<double>(use.bytes_total);
        if (static_cast<double>(use.bytes_kept) < least) plan_.sparse.push_back(use);
    }

    void limit_rewriting() {
        std::ranges::sort(plan_.sparse, [](PackUse const& a, PackUse const& b) {
            return std::tie(a.bytes_kept, a.name) < std::tie(b.bytes_kept, b.name);
        });
        std::uint64_t sum = 0;
        auto const beyond = std::ranges::find_if(plan_.sparse, [&](PackUse const& use) {
            sum += use.bytes_kept;
            return sum > request_.rewrite_bytes_max;
        });
        plan_.sparse.erase(beyond, plan_.sparse.end());
    }

    PlanRequest const& request_;
    Plan plan_;
    std::unordered_map<crypto::Digest, PackUse, OpaqueHash> uses_;
    std::set<BlobPrefix> copied_;
    std::set<crypto::Digest> immovable_;  ///< packs with one of several deltas of a blob
};

}  // namespace

Plan make_plan(PlanRequest const& request) {
    return Planner(request).run();
}

BlobId id_of(BlobPrefix const& prefix) {
    BlobId id;
    std::ranges::copy(prefix.bytes, id.bytes.begin());
    return id;
}

}  // namespace perdure::repository
