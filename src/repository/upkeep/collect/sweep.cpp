#include "repository/upkeep/collect/sweep.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>

#include "repository/upkeep/collect/plan.h"
#include "repository/upkeep/verify/pack_check.h"

namespace perdure::repository {

namespace {

using Keepers = std::map<PackName, std::uint64_t>;  ///< with the lengths of their bodies

class Sweeper {
public:
    Sweeper(SweepRequest const& request, std::stop_token stop)
        : request_(request), stop_(std::move(stop)) {}

    Result<Swept> run() {
        find_needs();
        for (PackName const& pack : request_.packs) {
            auto const keepers = keepers_of(pack);
            if (!keepers) continue;
            PD_CHECK(remove_everywhere(pack, *keepers));
        }
        return std::move(swept_);
    }

private:
    void find_needs() {
        std::set<crypto::Digest> wanted;
        for (PackName const& pack : request_.packs) wanted.insert(pack.hash);
        request_.index.for_each([&](PackRow const& pack, FrameRow const&, IndexEntry const& entry) {
            if (wanted.contains(pack.hash) && request_.live.contains(entry.id))
                needs_[pack.hash].push_back(entry.id);
        });
    }

    /// Packs that hold what is live in this one; none when something lies nowhere else.
    std::optional<Keepers> keepers_of(PackName const& pack) {
        Keepers keepers;
        for (BlobPrefix const& id : needs_[pack.hash]) {
            auto const copies = request_.index.find(id_of(id));
            auto const kept = std::ranges::find_if(copies, [&](Location const& at) {
                return !request_.condemned.contains(at.pack.hash);
            });
            if (kept == copies.end()) {
                stays(pack, fmt::format("it holds the only copy of blob {}", to_hex(id)));
                return std::nullopt;
            }
            keepers.emplace(kept->pack, kept->body_bytes);
        }
        return keepers;
    }

    Result<void> remove_everywhere(PackName const& pack, Keepers const& keepers) {
        bool gone_everywhere = true;
        auto const legs = request_.store.legs();
        for (std::size_t leg = 0; leg < legs.size(); ++leg) {
            PD_TRY(bool const gone, remove_from(leg, *legs[leg], pack, keepers));
            gone_everywhere = gone_everywhere && gone;
        }
        if (gone_everywhere) swept_.deleted.insert(pack.hash);
        return {};
    }

    Result<bool> remove_from(std::size_t number, store::ObjectStore& leg, PackName const& pack,
                             Keepers const& keepers) {
        auto const info = leg.head(pack.text(), stop_);
        if (!info) {
            if (info.error().fault() == Fault::not_found) return true;
            return leg_failed(number, pack, info.error());
        }
        if (number >= request_.told.size() || !request_.told[number].contains(pack)) {
            stays(pack, fmt::format("{} does not know yet that it goes", leg.describe()));
            return false;
        }
        for (auto const& [keeper, body_bytes] : keepers) {
            PD_TRY(PackHealth const health, health_of(number, leg, keeper, body_bytes));
            if (health <= PackHealth::repairable) continue;
            stays(pack, fmt::format("{} cannot be had at {}", keeper.text(), leg.describe()));
            return false;
        }
        if (!request_.dry_run) {
            auto const removed = leg.remove(pack.text(), stop_);
            if (!removed) return leg_failed(number, pack, removed.error());
        }
        swept_.bytes_freed += info->size_bytes;
        return true;
    }

    /// One of several destinations may be away; its packs wait for the next collection.
    Result<bool> leg_failed(std::size_t, PackName const& pack, Error const& error) {
        if (error.fault() == Fault::cancelled || request_.store.legs().size() == 1) return error;
        stays(pack, error.message());
        return false;
    }

    /// That a pack is there says nothing about its bytes, and what it keeps may be read by nobody
    /// for years. Each is read once at each destination.
    Result<PackHealth> health_of(std::size_t number, store::ObjectStore& leg,
                                 PackName const& keeper, std::uint64_t body_bytes) {
        auto const [known, fresh] = proven_.try_emplace({number, keeper.hash}, PackHealth::missing);
        if (!fresh) return known->second;
        PD_TRY(CheckedPack const pack, check_pack(leg, keeper, {body_bytes}, stop_));
        known->second = pack.health;
        if (pack.health == PackHealth::damaged) {
            swept_.kept_because.push_back(
                {Finding::Kind::damaged, keeper.text(),
                 fmt::format("damaged at {}; what else holds some of it stays until `perdure repo "
                             "repair` has run",
                             leg.describe()),
                 true});
        }
        return pack.health;
    }

    void stays(PackName const& pack, std::string why) {
        swept_.kept_because.push_back({Finding::Kind::missing, pack.text(), std::move(why), false});
    }

    SweepRequest const& request_;
    std::stop_token stop_;
    Swept swept_;
    std::map<crypto::Digest, std::vector<BlobPrefix>> needs_;
    std::map<std::pair<std::size_t, crypto::Digest>, PackHealth> proven_;
};

}  // namespace

Result<Swept> sweep(SweepRequest const& request, std::stop_token stop) {
    return Sweeper(request, std::move(stop)).run();
}

}  // namespace perdure::repository
