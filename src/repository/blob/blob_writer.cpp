// Storing blobs.
//
// Problem: many threads put files, chunks and rows; equal ones must be stored once, neighbours
// should share a frame, domains must not, and nobody may wait long for anybody.
// Invariants:
//  1. A frame holds blobs of one domain.
//  2. Of all puts of one id, exactly one reaches a frame; the others return its id.
//  3. After an error every put and finish returns it: nothing is reported stored that is not.
// Chosen: lanes. A thread fills the frames of its lane; the one that fills a frame compresses and
// seals it, so work spreads over the callers and memory stays at one open frame per lane and class.
// Rejected: a compression pool behind a queue: one more copy and one more bound to tune, and the
// callers would idle instead.
#include <algorithm>
#include <array>

#include "repository/blob/blob_access.h"
#include "repository/pack/pack_bases.h"
#include "repository/pack/pack_upload.h"

namespace perdure::repository {
namespace {

constexpr std::size_t classes = 4;
constexpr std::size_t frame_blobs_max = 4096;
constexpr std::size_t data_buffers = 3, meta_buffers = 2;
constexpr std::size_t meta_close_min_bytes = 7 << 20, meta_close_max_bytes = 8 << 20;
constexpr unsigned compare_every = 8;
/// So much of each session is compressed thoroughly: all of a day's changes, and of a first backup
/// a part that costs it a tenth of a second.
constexpr std::uint64_t thorough_bytes = 32 << 20;
/// Below this, setting up the larger tables costs more than they gain.
constexpr std::size_t thorough_frame_min_bytes = 16 << 10;

std::size_t frame_target_bytes(BlobClass blob_class) {
    return blob_class == BlobClass::large ? std::size_t{4} << 20 : std::size_t{256} << 10;
}

struct OpenFrame {
    DomainPtr domain;
    Bytes raw;
    std::vector<BlobRecord> blobs;
};

/// A frame taken out of its lane to be worked off.
struct FullFrame {
    OpenFrame frame;
    BlobClass blob_class = BlobClass::small;
    bool compressible = true;
};

/// The open frames that one thread (or, with few lanes, several) fills.
struct Lane {
    std::mutex mutex;
    std::array<OpenFrame, 2 * classes> frames;
    std::vector<Bytes> spare;  ///< buffers of frames worked off
};

bool same_domain(DomainPtr const& a, DomainPtr const& b) {
    return a == b || (a->handle() == b->handle() && a->generation() == b->generation());
}

class Writer final : public BlobWriter {
public:
    explicit Writer(BlobWriterOptions options)
        : options_(std::move(options)),
          data_(pack_options(ObjectKind::data_pack)),
          meta_(pack_options(ObjectKind::meta_pack)),
          upload_(options_, pending_, error_),
          bases_(options_.index->source()),
          lanes_(std::max(1U, options_.threads)) {}

    Result<BlobId> put(DomainPtr const& domain, ByteView plaintext, Put options) override;
    Result<void> finish(std::stop_token stop) override;
    BlobStatistics statistics() const override;

private:
    PackWriterOptions pack_options(ObjectKind kind);
    Result<bool> is_known(BlobId const& id, Put const& options);
    Result<std::optional<BlobId>> rests_on(BlobId const& id);
    Result<std::optional<BlobId>> listed_base(BlobId const& id);
    Result<std::optional<BlobId>> store(DomainPtr const& domain, BlobRecord blob,
                                        ByteView plaintext, Put const& options);
    Result<void> add(DomainPtr const& domain, BlobRecord blob, ByteView plaintext,
                     Put const& options);
    Result<bool> add_delta(DomainPtr const& domain, BlobRecord blob, ByteView plaintext,
                           Put const& options);
    Result<void> work_off(Lane& lane, FullFrame full);
    Result<void> seal(BlobClass blob_class, FrameJob job);
    Lane& lane_for(BlobClass blob_class);

    BlobWriterOptions options_;
    FirstError error_;
    PendingBlobs pending_;
    PackWriter data_, meta_;
    PackUpload upload_;
    PackBases bases_;
    std::vector<Lane> lanes_;
    std::atomic<bool> finished_ = false;
    std::atomic<unsigned> frames_ = 0;
    std::atomic<std::uint64_t> compressed_bytes_ = 0;
    std::atomic<std::uint64_t> blobs_new_ = 0, blobs_known_ = 0, bytes_new_ = 0;
};

PackWriterOptions Writer::pack_options(ObjectKind kind) {
    bool const meta = kind == ObjectKind::meta_pack;
    PackWriterOptions pack{
        .repository = options_.index->source().repository, .kind = kind, .random = options_.random};
    if (meta) {
        pack.close_min_bytes = meta_close_min_bytes;
        pack.close_max_bytes = meta_close_max_bytes;
    }
    pack.buffers = meta ? meta_buffers : data_buffers;
    pack.on_filled = [this, meta](FilledPack filled) {
        upload_.take(std::move(filled), meta ? meta_ : data_);
    };
    return pack;
}

/// Metadata comes in small amounts: one lane for all keeps its frames full.
Lane& Writer::lane_for(BlobClass blob_class) {
    static std::atomic<std::size_t> threads_seen = 0;
    thread_local std::size_t const number = threads_seen++;
    return lanes_[blob_class == BlobClass::meta ? 0 : number % lanes_.size()];
}

Result<BlobId> Writer::put(DomainPtr const& domain, ByteView plaintext, Put options) {
    PD_CHECK(error_.check());
    if (finished_) return fail(Fault::internal, "a blob was put after its session had ended");
    if (options_.stop.stop_requested()) return fail(Fault::cancelled, "the session was stopped");
    if (domain == nullptr) return fail(Fault::denied, "the domain of a blob is erased");
    if (plaintext.size() > content::frame_raw_bytes_max) {
        return fail(Fault::invalid, "a blob is larger than a frame may be");
    }
    BlobId const id = domain->blob_id(plaintext);
    bool const delta = options.base.has_value();
    PD_TRY(bool const known, is_known(id, options));
    if (known || !pending_.claim(prefix_of(id), delta)) {
        ++blobs_known_;
        if (options.rests_on != nullptr) {
            PD_TRY(*options.rests_on, rests_on(id));
        }
        return id;
    }
    ++blobs_new_;
    bytes_new_ += plaintext.size();
    BlobRecord const blob{id, static_cast<std::uint32_t>(plaintext.size())};
    // Whatever fails from here on, the blob is claimed: no later put may trust it.
    auto const stored = store(domain, blob, plaintext, options);
    if (!stored) error_.keep(stored.error());
    if (delta) pending_.decide(prefix_of(id), stored ? *stored : std::nullopt);
    PD_CHECK(error_.check());
    if (options.rests_on != nullptr) *options.rests_on = *stored;
    return id;
}

/// A delta whose base lies only in packs that are being collected is no copy to build on.
Result<bool> Writer::is_known(BlobId const& id, Put const& options) {
    if (!options_.index->knows(id)) return false;
    if (options.rests_on == nullptr) return true;  // never stored as a delta
    PD_TRY(std::optional<BlobId> const base, listed_base(id));
    return !base || options_.index->knows(*base);
}

/// The base of the copy that readers try first.
Result<std::optional<BlobId>> Writer::listed_base(BlobId const& id) {
    auto const copies = options_.index->find(id);
    if (copies.empty() || !copies.front().is_delta()) return std::optional<BlobId>{};
    PD_TRY(BlobId const base, bases_.base(copies.front().pack, copies.front().slot, options_.stop));
    return std::optional(base);
}

/// What a known blob rests on: as this session decided, else as the packs say.
Result<std::optional<BlobId>> Writer::rests_on(BlobId const& id) {
    std::optional<BlobId> base;
    if (pending_.rests_on(prefix_of(id), base)) return base;
    return listed_base(id);
}

Result<std::optional<BlobId>> Writer::store(DomainPtr const& domain, BlobRecord blob,
                                            ByteView plaintext, Put const& options) {
    if (options.base) {
        PD_TRY(bool const is_delta, add_delta(domain, blob, plaintext, options));
        if (is_delta) return options.base;
    }
    PD_CHECK(add(domain, blob, plaintext, options));
    return std::optional<BlobId>{};
}

Result<void> Writer::add(DomainPtr const& domain, BlobRecord blob, ByteView plaintext,
                         Put const& options) {
    Lane& lane = lane_for(options.blob_class);
    std::size_t const target = frame_target_bytes(options.blob_class);
    std::array<FullFrame, 2> full;
    {
        std::lock_guard const lock(lane.mutex);
        OpenFrame& open = lane.frames[static_cast<std::size_t>(options.blob_class) * 2 +
                                      (options.compressible ? 1 : 0)];
        auto const take = [&](FullFrame& into) {
            into = {std::exchange(open, {}), options.blob_class, options.compressible};
            if (!lane.spare.empty()) {
                open.raw = std::move(lane.spare.back());
                lane.spare.pop_back();
            }
        };
        if (!open.blobs.empty() && (!same_domain(open.domain, domain) ||
                                    open.raw.size() + plaintext.size() > 2 * target)) {
            take(full[0]);
        }
        open.domain = domain;
        append(open.raw, plaintext);
        open.blobs.push_back(blob);
        if (open.raw.size() >= target || open.blobs.size() >= frame_blobs_max) take(full[1]);
    }
    for (FullFrame& frame : full) {
        if (!frame.frame.blobs.empty()) PD_CHECK(work_off(lane, std::move(frame)));
    }
    return {};
}

Result<bool> Writer::add_delta(DomainPtr const& domain, BlobRecord blob, ByteView plaintext,
                               Put const& options) {
    // Depth one: a base that is itself a delta, or that no index lists yet, is no base.
    auto const bases = options_.index->find(*options.base);
    if (bases.empty() || std::ranges::any_of(bases, &Location::is_delta) ||
        options.base_plaintext.empty()) {
        return false;
    }
    thread_local Bytes packed;
    content::Codec const codec = content::compress(
        plaintext, {.effort = content::Effort::balanced, .prefix = options.base_plaintext}, packed);
    if (codec != content::Codec::zstd_prefix || packed.size() > plaintext.size() / 2) return false;
    PD_CHECK(seal(options.blob_class, {.domain = domain,
                                       .codec = codec,
                                       .packed = packed,
                                       .raw = plaintext,
                                       .blobs = {blob},
                                       .base = options.base,
                                       .base_plaintext = options.base_plaintext}));
    return true;
}

Result<void> Writer::work_off(Lane& lane, FullFrame full) {
    thread_local Bytes packed;
    OpenFrame& frame = full.frame;
    content::Codec codec = content::Codec::stored;
    if (full.compressible) {
        content::Effort effort = content::Effort::balanced;
        bool const early = compressed_bytes_.fetch_add(frame.raw.size()) < thorough_bytes;
        if (early && frame.raw.size() >= thorough_frame_min_bytes) {
            effort = content::Effort::thorough;
        } else if (full.blob_class == BlobClass::large) {
            effort = content::Effort::fast;
        }
        codec = content::compress(frame.raw, {.effort = effort}, packed);
    }
    bool const stored = codec == content::Codec::stored;
    auto sealed = seal(full.blob_class, {.domain = frame.domain,
                                         .codec = codec,
                                         .packed = stored ? ByteView(frame.raw) : ByteView(packed),
                                         .raw = frame.raw,
                                         .blobs = std::move(frame.blobs)});
    frame.raw.clear();
    std::lock_guard const lock(lane.mutex);
    if (lane.spare.size() < 4) lane.spare.push_back(std::move(frame.raw));
    return sealed;
}

Result<void> Writer::seal(BlobClass blob_class, FrameJob job) {
    bool const precious = blob_class == BlobClass::meta || blob_class == BlobClass::rows;
    job.compare = precious || frames_++ % compare_every == 0;
    return (blob_class == BlobClass::meta ? meta_ : data_).append(job);
}

Result<void> Writer::finish(std::stop_token stop) {
    std::stop_callback const forward(
        stop, [this] { error_.keep(fail(Fault::cancelled, "the session was stopped")); });
    for (Lane& lane : lanes_) {
        for (std::size_t i = 0; i < lane.frames.size(); ++i) {
            OpenFrame open = std::exchange(lane.frames[i], {});
            if (open.blobs.empty()) continue;
            auto const worked = work_off(
                lane, {std::move(open), BlobClass(static_cast<std::uint8_t>(i / 2)), i % 2 == 1});
            if (!worked) error_.keep(worked.error());
        }
    }
    data_.close();
    meta_.close();
    finished_ = true;
    PD_CHECK(upload_.finish());
    // Joining many segments takes memory of its own: frames and packs give theirs back first.
    for (Lane& lane : lanes_) lane.spare.clear();
    data_.free_buffers();
    meta_.free_buffers();
    // Everything is durable and listed by now. Joining many small segments only makes the next
    // session quicker, so a store that cannot do it (append-only, or gone) spoils nothing.
    if (upload_.packs > 0) (void)options_.index->merge(stop);
    return {};
}

BlobStatistics Writer::statistics() const {
    return {blobs_new_, blobs_known_, bytes_new_, upload_.bytes_stored, upload_.packs};
}

}  // namespace

std::unique_ptr<BlobWriter> make_blob_writer(BlobWriterOptions options) {
    PD_ASSERT(options.index != nullptr && options.random != nullptr);
    return std::make_unique<Writer>(std::move(options));
}

}  // namespace perdure::repository
