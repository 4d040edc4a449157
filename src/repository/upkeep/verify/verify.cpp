// Problem: prove a repository at every destination, beside writers and collectors that hold no
// lock, and name exactly what is damaged or missing, where, and whether it can be repaired.
//
// 1. What one destination holds proves nothing about another: sizes, segments, pins and packs are
//    looked at in each; the frames of a pack body are opened once, since equal hashes are equal.
// 2. The local cache proves nothing about the store: unless only some snapshots are asked about,
//    each segment of the index is read from each destination, at every level.
// 3. Damage is a finding, silence is none: a destination that stops answering is named as unread.
// 4. What vanished since it was listed was collected, merged or unpinned: no finding.
// 5. Nothing is written but this machine's memory of which packs were read.
// 6. Erased people's blobs are counted, never opened; a handle nobody ever heard of is a finding.
//
// Rejected: one destination and its name; a sample of destinations (who has two wants to know that
// either is enough).
#include "repository/upkeep/verify/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/task_group.h"
#include "repository/lease.h"
#include "repository/pins.h"
#include "repository/triple.h"
#include "repository/upkeep/collect/live_set.h"
#include "repository/upkeep/repair/heal_objects.h"
#include "repository/upkeep/repair/proven_object.h"
#include "repository/upkeep/verify/checked_packs.h"
#include "repository/upkeep/verify/frames_check.h"
#include "repository/upkeep/verify/pack_check.h"
#include "repository/upkeep/verify/places.h"
#include "repository/upkeep/verify/writer_chain.h"
#include "store/own_names.h"
#include "store/wrap/read_only.h"

namespace perdure::repository {

namespace {

constexpr std::size_t findings_max = 1000;
constexpr std::uint64_t triple_object_bytes_max = std::uint64_t{256} << 20;

bool is_damage(Error const& error) {
    return error.fault() == Fault::corrupt || error.fault() == Fault::exhausted;
}

class Verifier {
public:
    Verifier(Repository& repository, VerifyOptions const& options, std::stop_token stop)
        : repository_(repository),
          options_(options),
          stop_(std::move(stop)),
          store_(store::read_only(repository.store())),
          places_(repository.store(), stop_) {
        report_.destinations_total =
            store_->legs().size() + repository.store().absent_legs().size();
    }

    Result<VerifyReport> run() {
        report_.level = options_.level;
        PD_CHECK(places_.ask());
        PD_CHECK(open_index());
        PD_CHECK(check_triples());
        PD_CHECK(walk_snapshots());
        for (Place const& place : places_.all()) {
            PD_CHECK(check_sizes(place));
            if (!restricted()) PD_CHECK(read_segments(place));
            if (!restricted()) PD_CHECK(read_pins(place));
        }
        if (options_.level != VerifyLevel::structure) PD_CHECK(read_packs());
        report_.destinations_read = places_.whole();
        report_.unread = places_.unread();
        return std::move(report_);
    }

private:
    Result<std::vector<store::ObjectInfo>> list_own(Place const& place, char const* prefix);
    bool has_failed(Place const& place, Error const& error) const;
    Result<void> open_index();
    Result<std::shared_ptr<Index>> load_index(std::vector<store::ObjectName>& damaged);
    Result<void> name_unindexed();
    Result<void> check_triples();
    Result<void> check_triple(Place const& place, store::ObjectName const& name);
    bool is_whole_elsewhere(store::ObjectName const& name);
    bool is_whole_elsewhere(Place const& place, PackRow const& row);
    Result<void> walk_snapshots();
    Result<void> walk(Snapshot const& snapshot);
    bool is_held(Location const& at);
    void note_blob(BlobId const& id, Handle const& handle, Snapshot const& snapshot);
    Result<void> check_sizes(Place const& place);
    Result<void> count_lacks(Place const& place, std::vector<store::ObjectName> const& wanted);
    Result<void> read_segments(Place const& place);
    Result<void> read_pins(Place const& place);
    std::vector<PackRow> chosen_packs(CheckedPacks const& checked) const;
    Result<void> read_packs();
    Result<void> read_pack(Place const& place, PackRow const& row, std::stop_token stop);
    Result<void> read_frames(PackName const& name, ByteView body, std::stop_token const& stop);
    void tell(Finding finding);
    bool restricted() const { return !options_.snapshots.empty(); }

    Repository& repository_;
    VerifyOptions const& options_;
    std::stop_token stop_;
    std::shared_ptr<store::ObjectStore> store_;
    Places places_;
    std::shared_ptr<Index> index_;
    std::set<crypto::Digest> indexed_;      ///< packs that a stored part of the index names
    std::set<store::ObjectName> unopened_;  ///< parts of the index, told already
    std::vector<BlobId> unindexed_;         ///< listed only by packs themselves; some of them
    std::unique_ptr<BlobReader> blobs_;
    LiveSet live_;
    std::vector<store::ObjectName> walked_;
    std::set<crypto::Digest> packs_used_;        ///< by the chosen snapshots, when restricted
    std::map<crypto::Digest, bool> away_packs_;  ///< unlisted ones; whether a destination has it
    std::mutex mutex_;
    VerifyReport report_;
    std::set<crypto::Digest> framed_, whole_, unwhole_;  ///< packs; unwhole at some destination
};

/// Nothing of a place that falls silent: it is named.
Result<std::vector<store::ObjectInfo>> Verifier::list_own(Place const& place, char const* prefix) {
    std::vector<store::ObjectInfo> infos;
    if (places_.is_silent(place)) return infos;
    auto const listed = place.store->list(
        prefix,
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (store::is_own_name(info.name)) infos.push_back(info);
            return {};
        },
        stop_);
    if (listed) return infos;
    PD_CHECK(places_.pass_over(place, listed.error()));
    return std::vector<store::ObjectInfo>();
}

/// Whether it is the place that fails, not this object of it.
bool Verifier::has_failed(Place const& place, Error const& error) const {
    if (error.fault() == Fault::cancelled) return true;
    return error.fault() == Fault::unavailable && !places_.answers(place);
}

void Verifier::tell(Finding finding) {
    std::lock_guard const lock(mutex_);
    ++report_.findings_total;
    if (report_.findings.size() < findings_max) report_.findings.push_back(std::move(finding));
}

Result<std::shared_ptr<Index>> Verifier::load_index(std::vector<store::ObjectName>& damaged) {
    Index const& other = *repository_.index();
    PackSource const source{*store_, other.source().repository, other.source().common};
    return Index::open({source, other.cache_folder(), &repository_.outside().random}, &damaged,
                       stop_);
}

Result<void> Verifier::open_index() {
    std::vector<store::ObjectName> damaged;
    PD_TRY(index_, load_index(damaged));
    for (auto const& name : damaged) {
        tell({Finding::Kind::damaged, name, "this part of the index does not open", true});
        unopened_.insert(name);
    }
    for (PackRow const& row : index_->packs()) indexed_.insert(row.hash);
    // What it told stands in the packs as well, and that of a lost part too: neither is lost.
    PD_CHECK(index_->adopt_orphans(Index::Orphans::only_here, stop_));
    blobs_ = make_blob_reader({.index = index_, .look_further = true, .on_damage = {}});
    live_ = LiveSet(index_->entry_count());
    return {};
}

/// Whoever writes next takes them into the index; until then each reader has to look for them. The
/// index is asked again: it may have been written, or rewritten, since it was opened.
Result<void> Verifier::name_unindexed() {
    if (unindexed_.empty() || !unopened_.empty()) return {};
    std::vector<store::ObjectName> damaged;
    PD_TRY(auto const now, load_index(damaged));
    std::erase_if(unindexed_, [&](BlobId const& id) { return !now->find(id).empty(); });
    if (unindexed_.empty()) return {};
    tell({Finding::Kind::missing, "index",
          fmt::format("a part of it is lost: blobs that snapshots need are listed only in the "
                      "packs' own directories, {} among them",
                      to_hex(unindexed_.front())),
          true});
    return {};
}

Result<void> Verifier::check_triples() {
    for (char const* prefix : triple_prefixes) {
        for (Place const& place : places_.of(prefix)) {
            PD_TRY(auto const infos, list_own(place, prefix));
            for (auto const& info : infos) {
                if (places_.is_silent(place)) break;
                PD_CHECK(check_triple(place, info.name));
            }
        }
    }
    return {};
}

bool Verifier::is_whole_elsewhere(store::ObjectName const& name) {
    auto const take = [&](Bytes const& object) -> Result<void> {
        PD_CHECK(read_triple(object, triple_object_bytes_max));
        return {};
    };
    return read_elsewhere(repository_.store(), name, triple_object_bytes_max, take, stop_);
}

Result<void> Verifier::check_triple(Place const& place, store::ObjectName const& name) {
    auto const object = store::read_all(*place.store, name, triple_object_bytes_max, stop_);
    if (!object) {
        if (has_failed(place, object.error())) return places_.pass_over(place, object.error());
        if (object.error().fault() != Fault::not_found)
            tell({Finding::Kind::unreadable, name, object.error().message() + place.at, false});
        return {};
    }
    if (is_bare_tombstone(*object)) return {};
    auto const body = read_triple(*object, triple_object_bytes_max);
    if (!body) {
        tell({Finding::Kind::damaged, name, body.error().message() + place.at,
              was_tombstone(name, *object) || is_whole_elsewhere(name)});
    } else if (body->damaged) {
        tell({Finding::Kind::damaged, name, "one of its three copies is damaged" + place.at, true});
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
        walked_.push_back(snapshot_name(snapshot.session));
        ++report_.snapshots;
        if (options_.progress.report)
            options_.progress.report("snapshots", report_.snapshots, snapshots.size());
    }
    if (restricted() && report_.snapshots < options_.snapshots.size() && damaged.empty())
        return fail(Fault::not_found, "no such snapshot");
    report_.blobs = live_.size();
    PD_CHECK(name_unindexed());
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

/// The destination that decides what is listed lacks this pack: does another one have it?
bool Verifier::is_held(Location const& at) {
    auto const [known, fresh] = away_packs_.try_emplace(at.pack.hash, false);
    if (fresh && store_->head(at.pack.text(), stop_)) {
        known->second = true;
        tell({Finding::Kind::missing, at.pack.text(), "one destination lacks it, another has it",
              true});
    }
    return known->second;
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
        for (Location const& at : index_->find_unlisted(id))
            if (is_held(at)) return;
        tell({Finding::Kind::missing, "blob " + to_hex(id),
              fmt::format("snapshot {} needs it; no listed pack holds it", snapshot.id()), false});
    }
    bool const indexed = std::ranges::any_of(copies, &Location::stored);
    if (!copies.empty() && !indexed && unindexed_.size() < findings_max) unindexed_.push_back(id);
    if (!restricted()) return;
    for (Location const& at : copies) packs_used_.insert(at.pack.hash);
}

/// A pack shorter than its body is damaged for certain; that costs no reading. Nor does seeing that
/// a destination lacks one: what the index names was at every destination before it.
Result<void> Verifier::check_sizes(Place const& place) {
    std::map<crypto::Digest, std::uint64_t> sizes;
    PD_TRY(auto const infos, list_own(place, "pack/"));
    if (places_.is_silent(place)) return {};
    for (auto const& info : infos)
        if (auto const name = PackName::parse(info.name)) sizes[name->hash] = info.size_bytes;
    report_.packs = std::max<std::uint64_t>(report_.packs, sizes.size());
    std::vector<store::ObjectName> unseen = walked_;
    for (PackRow const& row : index_->packs()) {
        if (restricted() && !packs_used_.contains(row.hash)) continue;
        auto const size = sizes.find(row.hash);
        if (size == sizes.end()) {
            if (indexed_.contains(row.hash)) unseen.push_back(row.name().text());
            continue;
        }
        if (size->second >= row.body_bytes) continue;
        if (options_.level == VerifyLevel::read_data) continue;  // told, and judged, when read
        tell({Finding::Kind::damaged, row.name().text(),
              fmt::format("it has {} bytes instead of at least {}{}", size->second, row.body_bytes,
                          place.at),
              is_whole_elsewhere(place, row)});
    }
    return places_.all().size() > 1 ? count_lacks(place, unseen) : Result<void>();
}

Result<void> Verifier::count_lacks(Place const& place,
                                   std::vector<store::ObjectName> const& wanted) {
    std::size_t lacks = 0;
    for (store::ObjectName const& name : wanted) {
        auto const here = place.store->head(name, stop_);
        if (here) continue;
        if (has_failed(place, here.error())) return places_.pass_over(place, here.error());
        if (store_->head(name, stop_)) ++lacks;
    }
    if (lacks > 0) places_.note_lack(place, lacks);
    return {};
}

/// What the local cache holds of the index says nothing about what the store holds of it.
Result<void> Verifier::read_segments(Place const& place) {
    PD_TRY(auto const infos, list_own(place, "index/"));
    for (auto const& info : infos) {
        auto const& name = info.name;
        auto const object = store::read_all(*place.store, name, triple_object_bytes_max, stop_);
        if (object && is_whole_segment(name, *object)) {
            report_.bytes_read += object->size();
            continue;
        }
        if (!object && has_failed(place, object.error()))
            return places_.pass_over(place, object.error());
        if (!object && object.error().fault() == Fault::not_found) continue;  // merged meanwhile
        if (unopened_.contains(name)) continue;
        if (!object && !is_damage(object.error())) {
            tell({Finding::Kind::unreadable, name, object.error().message() + place.at, false});
            continue;
        }
        tell({Finding::Kind::damaged, name, "this part of the index is damaged" + place.at, true});
    }
    return {};
}

Result<void> Verifier::read_pins(Place const& place) {
    PinSeal const seal{repository_.id(), repository_.domains().common()};
    PD_TRY(auto const infos, list_own(place, "pin/"));
    for (auto const& info : infos) {
        auto const& name = info.name;
        auto const take = [&](ByteView object) -> Result<void> {
            if (is_whole_pin(seal, name, object)) return {};
            return fail(Fault::corrupt, "it pins, but its reason cannot be read");
        };
        auto const object = store::read_all(*place.store, name, triple_object_bytes_max, stop_);
        auto const read = object ? take(*object) : Result<void>(object.error());
        if (read) continue;
        if (!object && has_failed(place, read.error()))
            return places_.pass_over(place, read.error());
        if (!object && read.error().fault() == Fault::not_found) continue;  // unpinned meanwhile
        bool const damaged = is_damage(read.error());
        bool const elsewhere = damaged && read_elsewhere(repository_.store(), name,
                                                         triple_object_bytes_max, take, stop_);
        tell({damaged ? Finding::Kind::damaged : Finding::Kind::unreadable, name,
              read.error().message() + place.at, elsewhere});
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
    auto const& places = places_.all();
    std::size_t const copies = rows.size() * places.size();
    std::atomic<std::size_t> next{0};
    TaskGroup group(stop_);
    for (unsigned i = 0; i < std::max(1u, options_.threads); ++i) {
        group.spawn([&](std::stop_token stop) -> Result<void> {
            for (std::size_t at = next++; at < copies; at = next++) {
                PD_CHECK(read_pack(places[at % places.size()], rows[at / places.size()], stop));
                if (options_.progress.report) options_.progress.report("packs", at + 1, copies);
            }
            return {};
        });
    }
    PD_CHECK(group.wait());
    std::int64_t const now = repository_.outside().clock.now().seconds;
    for (crypto::Digest const& pack : whole_)
        if (!unwhole_.contains(pack)) checked.note(pack, now);
    (void)checked.save(index_->packs());  // a memory only: without it packs are read sooner again
    return {};
}

bool Verifier::is_whole_elsewhere(Place const& place, PackRow const& row) {
    return std::ranges::any_of(places_.all(), [&](Place const& other) {
        if (other.store == place.store || places_.is_silent(other)) return false;
        auto const pack = check_pack(*other.store, row.name(), {row.body_bytes}, stop_);
        return pack && pack->has_body();
    });
}

Result<void> Verifier::read_pack(Place const& place, PackRow const& row, std::stop_token stop) {
    PackName const name = row.name();
    if (places_.is_silent(place)) return {};
    PD_TRY(CheckedPack const pack,
           check_pack(*place.store, name, {row.body_bytes, repository_.parity()}, stop));
    if (pack.health == PackHealth::missing) return {};  // collected meanwhile, or told already
    if (pack.health == PackHealth::unreadable && !places_.answers(place))
        return places_.pass_over(place, fail(Fault::unavailable, pack.detail));
    bool const whole = pack.health == PackHealth::whole;
    if (!whole) {
        auto const kind = pack.health == PackHealth::unreadable ? Finding::Kind::unreadable
                                                                : Finding::Kind::damaged;
        tell({kind, name.text(), pack.detail + place.at,
              pack.has_body() || is_whole_elsewhere(place, row)});
    }
    bool first = false;
    {
        std::lock_guard const lock(mutex_);
        ++report_.packs_read;
        report_.bytes_read += pack.object.size();
        (whole ? whole_ : unwhole_).insert(row.hash);
        // Bodies of one hash are equal: what is in it is proven once.
        first = pack.has_body() && framed_.insert(row.hash).second;
    }
    return first ? read_frames(name, pack.body(), stop) : Result<void>();
}

Result<void> Verifier::read_frames(PackName const& name, ByteView body,
                                   std::stop_token const& stop) {
    FramesPlace const place{*index_, *blobs_, repository_.domains()};
    PD_TRY(auto const frames,
           check_frames(
               place, name, body, [this](Finding finding) { tell(std::move(finding)); }, stop));
    std::lock_guard const lock(mutex_);
    report_.blobs_read += frames.blobs_read;
    report_.blobs_erased += frames.blobs_erased;
    return {};
}

}  // namespace

Result<VerifyReport> verify(Repository& repository, VerifyOptions const& options,
                            std::stop_token stop) {
    return Verifier(repository, options, std::move(stop)).run();
}

}  // namespace perdure::repository
