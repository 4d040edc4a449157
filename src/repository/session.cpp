// Commit, in the order that makes a crash at any point harmless:
//  1. keyring additions: a snapshot never names a handle whose key could be lost;
//  2. packs, then index: a snapshot never names a blob that is not durable;
//  3. the epoch is read again: people erased meanwhile are not brought back;
//  4. the sealed snapshot is opened as a reader will: what nobody could read is not committed;
//  5. PUT-if-absent of snapshot/<session>, the only commit. Whoever finds another body there has
//     lost: a collector fenced the session, or (the response was lost) the body is our own.
#include "repository/session.h"

#include <algorithm>

#include "repository/snapshot_object.h"
#include "repository/triple.h"

namespace perdure::repository {

namespace {

constexpr int put_attempts_max = 3;

class Session final : public BackupSession {
public:
    Session(SessionPlace place, SessionId id)
        : place_(std::move(place)),
          id_(id),
          writer_(make_blob_writer({.index = place_.index,
                                    .session = id,
                                    .random = &place_.outside.random,
                                    .threads = place_.options.threads,
                                    .parity = place_.parity})),
          context_{.blobs = *writer_,
                   .known = place_.repository.blobs(),
                   .domains = place_.keyring,
                   .chunk_key = place_.keyring.chunk_key(),
                   .threads = place_.options.threads,
                   .spill_folder = place_.options.cache_folder,
                   .progress = {},
                   .clock = &place_.outside.clock},
          started_(place_.outside.clock.now()) {}

    /// A session that stored nothing leaves nothing to protect. One that did keeps its lease, so
    /// that its packs wait for the run that goes on from them.
    ~Session() override {
        if (!committed_ && lease_ && writer_->statistics().packs == 0) (void)lease_->release({});
    }

    Result<void> take_lease(std::stop_token stop) {
        LeaseOptions options{
            .store = place_.repository.store(),
            .session = id_,
            .clock = place_.outside.clock,
            .avoid = [index = place_.index](
                         std::set<crypto::Digest> packs) { index->avoid(std::move(packs)); },
            .refresh = [this](std::stop_token inner) -> Result<std::uint64_t> {
                return place_.keyring.acknowledge(id_, std::move(inner));
            },
            .marks = marks_folder(place_.index->cache_folder())};
        PD_TRY(lease_, Lease::take(std::move(options), std::move(stop)));
        return {};
    }

    WriteContext& context() override { return context_; }
    SessionId id() const override { return id_; }

    Result<Snapshot> commit(Snapshot snapshot, std::stop_token stop) override {
        PD_ASSERT(!committed_);
        snapshot.session = id_;
        if (snapshot.started == Timestamp{}) snapshot.started = started_;
        crypto::SignPair const pair = place_.keyring.writer(snapshot.host + "/" + snapshot.user);
        snapshot.writer = crypto::sha256(pair.open.view());
        PD_CHECK(place_.keyring.flush_additions(id_, stop));
        PD_CHECK(writer_->finish(stop));
        // Also when nobody was erased: a new epoch may have dropped the inbox that the additions
        // were sealed to, and then they must be stored again.
        PD_CHECK(place_.keyring.acknowledge(id_, stop));
        if (lease_) PD_CHECK(lease_->renew(stop));
        snapshot.min_epoch = place_.keyring.epoch();
        snapshot.statistics = writer_->statistics();
        PD_CHECK(extend_chain(snapshot, stop));
        snapshot.finished = place_.outside.clock.now();
        Bytes const body =
            seal_snapshot(snapshot, {place_.keyring.repository(), place_.keyring.common()}, pair,
                          place_.outside.random);
        PD_TRY(snapshot.object_hash, open_as_readers_will(body));
        PD_CHECK(put_once(body, stop));
        committed_ = true;
        auto const info = place_.repository.store().head(snapshot_name(id_), stop);
        snapshot.received = info ? info->modified : snapshot.finished;
        // The commit stands; a lease that stays behind only delays collections by its lifetime.
        if (lease_) (void)lease_->release({});
        return snapshot;
    }

private:
    /// A snapshot that is hidden from its writer later shows as a gap in these.
    Result<void> extend_chain(Snapshot& snapshot, std::stop_token stop) {
        PD_TRY(std::vector<Snapshot> const known, place_.repository.snapshots(nullptr, stop));
        for (Snapshot const& other : known) {
            if (other.writer != snapshot.writer || other.sequence < snapshot.sequence) continue;
            snapshot.sequence = other.sequence;
            snapshot.previous = other.object_hash;
        }
        ++snapshot.sequence;
        return {};
    }

    /// Its hash, as readers know it by.
    Result<crypto::Digest> open_as_readers_will(ByteView body) {
        if (body.size() > snapshot_bytes_max) {
            return fail(Fault::exhausted, "the snapshot is larger than a reader takes: 64 MiB");
        }
        auto opened = open_snapshot(
            body, id_, {place_.keyring.repository(), place_.keyring.common()},
            [&](crypto::Digest const& writer) { return place_.keyring.writer_key(writer); });
        if (opened) return opened->object_hash;
        return fail(Fault::internal,
                    "the snapshot does not read back: " + opened.error().message());
    }

    /// Not stopped half-way by Ctrl-C: the first of several destinations would have it, and whoever
    /// stopped would be told that nothing was kept.
    Result<void> put_once(ByteView body, std::stop_token stop) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        store::ObjectStore& store = place_.repository.store();
        store::ObjectName const name = snapshot_name(id_);
        for (int attempt = 1;; ++attempt) {
            auto const put = put_triple(store, name, body, store::PutMode::if_absent, {});
            if (put) return {};
            if (put.error().fault() == Fault::conflict) return compare(store, name, body, {});
            if (put.error().fault() != Fault::unavailable) return put.error();
            // The response may have been lost after the deed: look, before trying again.
            auto const found = compare(store, name, body, {});
            if (found || found.error().fault() == Fault::conflict) return found;
            if (attempt == put_attempts_max || stop.stop_requested()) return put.error();
        }
    }

    static Result<void> compare(store::ObjectStore& store, store::ObjectName const& name,
                                ByteView body, std::stop_token stop) {
        PD_TRY(Bytes const found, store::read_all(store, name, 4 * snapshot_bytes_max, stop));
        if (found == make_triple(body)) return {};
        return fail(Fault::conflict, is_tombstone(found)
                                         ? "the session was given up by a collector meanwhile"
                                         : "another snapshot lies under this session's name")
            .with_fix("run the backup again: it goes on from what was stored");
    }

    SessionPlace place_;
    SessionId id_;
    std::unique_ptr<BlobWriter> writer_;
    WriteContext context_;
    Timestamp started_;
    std::unique_ptr<Lease> lease_;
    bool committed_ = false;
};

}  // namespace

Result<std::unique_ptr<BackupSession>> begin_session(SessionPlace place, std::stop_token stop) {
    auto const id = place.outside.random.draw<SessionId>();
    auto const index = place.index;
    auto session = std::make_unique<Session>(std::move(place), id);
    PD_CHECK(session->take_lease(stop));
    // After the lease: what is condemned by now is known, and nothing more will be.
    PD_CHECK(index->adopt_orphans(Index::Orphans::stored, stop));
    return std::unique_ptr<BackupSession>(std::move(session));
}

}  // namespace perdure::repository
