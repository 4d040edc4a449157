#include "repository/upkeep/verify/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/task_group.h"
#include "repository/lease.h"
#include "repository/triple.h"
#include "repository/upkeep/collect/live_set.h"
#include "repository/upkeep/repair/heal_objects.h"
#include "repository/upkeep/verify/checked_packs.h"
#include "repository/upkeep/verify/frames_check.h"
#include "repository/upkeep/verify/pack_check.h"
#include "repository/upkeep/verify/writer_chain.h"
#include "store/own_names.h"
#include "store/wrap/read_only.h"

namespace perdure::repository {

namespace {

constexpr std::size_t findings_max = 1000;
constexpr std::uint64_t triple_object_bytes_max = std::uint64_t{256} << 20;
/// Everything that is stored as three copies of a body.
constexpr char const* triple_prefixes[] = {"config", "snapshot/", "keyring/", "collect/"};

class Verifier {
public:
    Verifier(Repository& repository, VerifyOptions const& options, std::stop_token stop)
        : repository_(repository),
          options_(options),
          stop_(std::move(stop)),
          store_(store::read_only(repository.store())) {}

    Result<VerifyReport> run() {
        report_.level = options_.level;
        PD_CHECK(open_index());
        PD_CHECK(check_triples());
        PD_CHECK(walk_snapshots());
        PD_CHECK(check_sizes());
        bool const every_byte = options_.level == VerifyLevel::read_data && !restricted();
        if (every_byte) PD_CHECK(read_segments());
        if (options_.level != VerifyLevel::structure) PD_CHECK(read_packs());
        return std::move(report_);
    }

private:
    Result<void> open_index();
    Result<void> check_triples();
    Result<void> check_triple(store::ObjectInfo const& info);
    Result<void> walk_snapshots();
    Result<void> walk(Snapshot const& snapshot);
    void note_blob(BlobId const& id, Handle const& handle, Snapshot const& snapshot);
    Result<void> check_sizes();
    Result<void> read_segments();
    std::vector<PackRow> chosen_packs(CheckedPacks const& checked) const;
    Result<void> read_packs();
    Result<void> read_pack(PackRow const& row, std::stop_token stop);
    void tell(Finding finding);
    bool restricted() const { return !options_.snapshots.empty(); }

    Repository& repository_;
    VerifyOptions const& options_;
    std::stop_token stop_;
    std::shared_ptr<store::ObjectStore> store_;
    std::shared_ptr<Index> index_;
    std::unique_ptr<BlobReader> blobs_;
    LiveSet live_;
    std::set<crypto::Digest> packs_used_;  ///< by the chosen snapshots, when restricted
    std::map<crypto::Digest, std::uint64_t> sizes_;
    std::mutex mutex_;
    VerifyReport report_;
    std::set<crypto::Digest> whole_;
};

void Verifier::tell(Finding finding) {
    std::lock_guard const lock(mutex_);
    ++report_.findings_total;
    if (report_.findings.size() < findings_max) report_.findings.push_back(std::move(finding));
}

Result<void> Verifier::open_index() {
    Index const& other = *repository_.index();
    PackSource const source{*store_, other.source().repository, other.source().common};
    std::vector<store::ObjectName> damaged;
    PD_TRY(index_, Index::open({source, other.cache_folder(), &repository_.outside().random},
                               &damaged, stop_));
    for (auto const& name : damaged)
        tell({Finding::Kind::damaged, name, "this part of the index does not open", true});
    blobs_ = make_blob_reader({.index = index_, .on_damage = {}});
    live_ = LiveSet(index_->entry_count());
    return {};
}

Result<void> Verifier::check_triples() {
    for (char const* prefix : triple_prefixes) {
        std::vector<store::ObjectInfo> infos;
        PD_CHECK(store_->list(
            prefix,
            [&](store::ObjectInfo const& info) -> Result<void> {
                if (store::is_own_name(info.name)) infos.push_back(info);
                return {};
            },
            stop_));
        for (auto const& info : infos) PD_CHECK(check_triple(info));
    }
    return {};
}

Result<void> Verifier::check_triple(store::ObjectInfo const& info) {
    auto const object = store::read_all(*store_, info.name, triple_object_bytes_max, stop_);
    if (!object) {
        Fault const fault = object.error().fault();
        if (fault == Fault::cancelled) return object.error();
        if (fault != Fault::not_found)
            tell({Finding::Kind::unreadable, info.name, object.error().message(), false});
        return {};
    }
    if (is_tombstone(*object)) return {};
    auto const body = read_triple(*object, triple_object_bytes_max);
    if (!body) {
        tell({Finding::Kind::damaged, info.name, body.error().message(), false});
    } else if (body->damaged) {
        tell({Finding::Kind::damaged, info.name, "one of its three copies is damaged", true});
    }
    return {};
}

Result<void> Verifier::walk_snapshots() {
    PD_CHECK(repository_.keyring().refresh(stop_));
    std::vector<data::Problem> damaged;
    PD_TRY(auto const snapshots, repository_.snapshots(&damaged, stop_));
    for (auto const& problem : damaged) {
        bool const told = std::ranges::any_of(report_.findings, [&](Finding const& finding) {
            return finding.object == problem.path && !finding.repairable;
        });
        if (!told) tell({Finding::Kind::damaged, problem.path, problem.reason, false});
    }
    for (auto const& snapshot : snapshots) {
        if (restricted() &&
            std::ranges::find(options_.snapshots, snapshot.session) == options_.snapshots.end())
            continue;
        PD_CHECK(walk(snapshot));
        ++report_.snapshots;
        if (options_.progress.report)
            options_.progress.report("snapshots", report_.snapshots, snapshots.size());
    }
    if (restricted() && report_.snapshots < options_.snapshots.size() && damaged.empty())
        return fail(Fault::not_found, "no such snapshot");
    report_.blobs = live_.size();
    if (restricted()) return {};
    PD_TRY(report_.gaps, find_gaps(*store_, snapshots, stop_));
    return {};
}

Result<void> Verifier::walk(Snapshot const& snapshot) {
    ReadContext context{.blobs = *blobs_, .domains = repository_.domains()};
    auto const walked = walk_blobs(
        snapshot,
        [&](BlobId const& id, Handle const& handle) -> Result<void> {
            note_blob(id, handle, snapshot);
            return {};
        },
        context, stop_);
    if (walked) return {};
    Fault const fault = walked.error().fault();
    if (fault == Fault::cancelled || fault == Fault::unavailable) return walked.error();
    tell({fault == Fault::not_found ? Finding::Kind::missing : Finding::Kind::damaged,
          snapshot_name(snapshot.session), walked.error().message(), false});
    return {};
}

void Verifier::note_blob(BlobId const& id, Handle const& handle, Snapshot const& snapshot) {
    Keyring const& keyring = repository_.keyring();
    auto const state =
        handle == keyring.common()->handle() ? HandleState::live : keyring.state(handle);
    if (state == HandleState::erased || !live_.insert(prefix_of(id))) return;
    if (state == HandleState::unknown) {
        tell({Finding::Kind::unknown_handle, snapshot_name(snapshot.session),
              fmt::format("it names the handle {}, which the keyring never heard of",
                          to_hex(handle)),
              false});
    }
    auto const copies = index_->find(id);
    if (copies.empty()) {
        tell({Finding::Kind::missing, "blob " + to_hex(id),
              fmt::format("snapshot {} needs it; no listed pack holds it", snapshot.id()), false});
    }
    if (!restricted()) return;
    for (Location const& at : copies) packs_used_.insert(at.pack.hash);
}

/// A pack shorter than its body is damaged for certain; that costs no reading.
Result<void> Verifier::check_sizes() {
    PD_CHECK(store_->list(
        "pack/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (auto const name = PackName::parse(info.name)) sizes_[name->hash] = info.size_bytes;
            return {};
        },
        stop_));
    report_.packs = sizes_.size();
    for (PackRow const& row : index_->packs()) {
        auto const size = sizes_.find(row.hash);
        if (size == sizes_.end() || size->second >= row.body_bytes) continue;
        if (restricted() && !packs_used_.contains(row.hash)) continue;
        if (options_.level == VerifyLevel::read_data) continue;  // told, and judged, when read
        tell({Finding::Kind::damaged, row.name().text(),
              fmt::format("it has {} bytes instead of at least {}", size->second, row.body_bytes),
              false});
    }
    return {};
}

/// What the local cache holds of the index says nothing about what the store holds of it.
Result<void> Verifier::read_segments() {
    std::vector<store::ObjectName> names;
    PD_CHECK(store_->list(
        "index/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (store::is_own_name(info.name)) names.push_back(info.name);
            return {};
        },
        stop_));
    for (auto const& name : names) {
        auto const object = store::read_all(*store_, name, triple_object_bytes_max, stop_);
        if (object && is_whole_segment(name, *object)) {
            report_.bytes_read += object->size();
            continue;
        }
        if (!object && object.error().fault() == Fault::cancelled) return object.error();
        if (!object && object.error().fault() == Fault::not_found) continue;  // merged meanwhile
        bool const told = std::ranges::any_of(
            report_.findings, [&](Finding const& finding) { return finding.object == name; });
        if (!told) tell({Finding::Kind::damaged, name, "this part of the index is damaged", true});
    }
    return {};
}

std::vector<PackRow> Verifier::chosen_packs(CheckedPacks const& checked) const {
    std::vector<PackRow> rows = index_->packs();
    if (restricted())
        std::erase_if(rows, [&](PackRow const& row) { return !packs_used_.contains(row.hash); });
    if (options_.level == VerifyLevel::read_data) return rows;
    // Hashes are as good as dice among packs that were never read.
    std::ranges::sort(
        rows, {}, [&](PackRow const& row) { return std::pair(checked.when(row.hash), row.hash); });
    double total = 0, sum = 0;
    for (PackRow const& row : rows) total += static_cast<double>(row.body_bytes);
    std::size_t count = 0;
    while (count < rows.size() && (count == 0 || sum < total * options_.sample_fraction))
        sum += static_cast<double>(rows[count++].body_bytes);
    rows.resize(count);
    return rows;
}

Result<void> Verifier::read_packs() {
    CheckedPacks checked(index_->cache_folder());
    auto const rows = chosen_packs(checked);
    std::atomic<std::size_t> next{0};
    TaskGroup group(stop_);
    for (unsigned i = 0; i < std::max(1u, options_.threads); ++i) {
        group.spawn([&](std::stop_token stop) -> Result<void> {
            for (std::size_t at = next++; at < rows.size(); at = next++) {
                PD_CHECK(read_pack(rows[at], stop));
                if (options_.progress.report)
                    options_.progress.report("packs", at + 1, rows.size());
            }
            return {};
        });
    }
    PD_CHECK(group.wait());
    std::int64_t const now = repository_.outside().clock.now().seconds;
    for (crypto::Digest const& pack : whole_) checked.note(pack, now);
    (void)checked.save(index_->packs());  // a memory only: without it packs are read sooner again
    return {};
}

Result<void> Verifier::read_pack(PackRow const& row, std::stop_token stop) {
    PackName const name = row.name();
    PD_TRY(CheckedPack const pack, check_pack(*store_, name, row.body_bytes, stop));
    if (pack.health == PackHealth::missing) return {};  // collected meanwhile, or told by the walk
    if (pack.health != PackHealth::whole) {
        auto const kind = pack.health == PackHealth::unreadable ? Finding::Kind::unreadable
                                                                : Finding::Kind::damaged;
        tell({kind, name.text(), pack.detail, pack.has_body()});
    }
    FramesChecked frames;
    if (pack.has_body()) {
        FramesPlace const place{*index_, *blobs_, repository_.domains()};
        PD_TRY(frames, check_frames(
                           place, name, pack.body(),
                           [this](Finding finding) { tell(std::move(finding)); }, stop));
    }
    std::lock_guard const lock(mutex_);
    ++report_.packs_read;
    report_.bytes_read += pack.object.size();
    report_.blobs_read += frames.blobs_read;
    report_.blobs_erased += frames.blobs_erased;
    if (pack.health == PackHealth::whole) whole_.insert(row.hash);
    return {};
}

}  // namespace

Result<VerifyReport> verify(Repository& repository, VerifyOptions const& options,
                            std::stop_token stop) {
    return Verifier(repository, options, std::move(stop)).run();
}

}  // namespace perdure::repository
