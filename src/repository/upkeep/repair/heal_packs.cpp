#include "repository/upkeep/repair/heal_packs.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/task_group.h"
#include "repository/config_object.h"
#include "repository/upkeep/verify/pack_check.h"
#include "store/kept.h"

namespace perdure::repository {

namespace {

class PackHealer {
public:
    PackHealer(PackHealRequest const& request, RepairReport& report, std::set<PackName>& beyond)
        : request_(request), report_(report), beyond_(beyond) {
        for (PackRow const& row : request.index.packs()) lengths_[row.hash] = row.body_bytes;
    }

    Result<void> run(std::stop_token const& stop) {
        PD_CHECK(list(stop));
        std::atomic<std::size_t> next{0};
        TaskGroup group(stop);
        for (unsigned i = 0; i < std::max(1u, request_.threads); ++i) {
            group.spawn([&](std::stop_token inner) -> Result<void> {
                for (std::size_t at = next++; at < names_.size(); at = next++) {
                    PD_CHECK(heal(names_[at], inner));
                    if (request_.progress.report)
                        request_.progress.report("packs", at + 1, names_.size());
                }
                return {};
            });
        }
        return group.wait();
    }

private:
    /// What lies there, and what the index says should.
    Result<void> list(std::stop_token const& stop) {
        std::set<PackName> names;
        for (PackRow const& row : request_.index.packs()) names.insert(row.name());
        PD_CHECK(request_.heal.leg.list(
            "pack/",
            [&](store::ObjectInfo const& info) -> Result<void> {
                if (auto const name = PackName::parse(info.name)) names.insert(*name);
                return {};
            },
            stop));
        // The destination that decides what is listed may be the one that lacks it.
        for (PackRow const& row : request_.index.unlisted_packs()) {
            auto const name = row.name();
            bool const held = std::ranges::any_of(request_.heal.legs, [&](auto* leg) {
                return leg->head(name.text(), stop).has_value();
            });
            if (held) names.insert(name);
        }
        names_.assign(names.begin(), names.end());
        return {};
    }

    Result<void> heal(PackName const& name, std::stop_token const& stop) {
        PD_TRY(CheckedPack pack, check(request_.heal.leg, name, stop));
        {
            std::lock_guard const lock(mutex_);
            ++report_.packs_checked;
        }
        if (pack.health == PackHealth::whole) return {};
        if (pack.health == PackHealth::unreadable && !answers(request_.heal.leg, stop))
            return fail(Fault::unavailable, pack.detail);
        if (pack.has_body()) return put(name, pack.object, "parity", stop);
        bool unread = pack.health == PackHealth::unreadable;
        for (store::ObjectStore* leg : request_.heal.legs) {
            if (leg == &request_.heal.leg) continue;
            PD_TRY(CheckedPack const other, check(*leg, name, stop));
            if (other.has_body())
                return put(name, other.object, "the copy at " + leg->describe(), stop);
            if (other.health != PackHealth::unreadable) continue;
            unread = true;
            pack.detail += fmt::format("; what {} holds cannot be read", leg->describe());
        }
        std::lock_guard const lock(mutex_);
        if (unread) {
            report_.left.push_back({Finding::Kind::unreadable, name.text(), pack.detail, false});
        } else {
            beyond_.insert(name);
        }
        return {};
    }

    Result<CheckedPack> check(store::ObjectStore& leg, PackName const& name,
                              std::stop_token const& stop) const {
        auto const length = lengths_.find(name.hash);
        KnownOfPack known{.body_bytes = {}, .parity = request_.parity};
        if (length != lengths_.end()) known.body_bytes = length->second;
        return check_pack(leg, name, known, stop);
    }

    /// The body was proven by the pack's name: replacing can only improve what is there.
    Result<void> put(PackName const& name, ByteView object, std::string by,
                     std::stop_token const& stop) {
        if (!request_.heal.dry_run) {
            PD_CHECK(request_.heal.leg.put(name.text(), object, store::PutMode::replace, stop));
            auto const kept =
                store::check_kept(request_.heal.leg, name.text(), object.size(), stop);
            if (!kept && kept.error().fault() != Fault::corrupt) return kept;
            if (!kept) return leave(name, kept.error().message());
        }
        std::lock_guard const lock(mutex_);
        report_.mended.push_back({name.text(), std::move(by)});
        return {};
    }

    Result<void> leave(PackName const& name, std::string why) {
        std::lock_guard const lock(mutex_);
        report_.left.push_back({Finding::Kind::damaged, name.text(), std::move(why), false});
        return {};
    }

    PackHealRequest const& request_;
    RepairReport& report_;
    std::set<PackName>& beyond_;
    std::map<crypto::Digest, std::uint64_t> lengths_;
    std::vector<PackName> names_;
    std::mutex mutex_;
};

}  // namespace

Result<void> heal_packs(PackHealRequest const& request, RepairReport& report,
                        std::set<PackName>& beyond, std::stop_token stop) {
    return PackHealer(request, report, beyond).run(stop);
}

}  // namespace perdure::repository
