// Finding blobs: index → pack → frame → slice.
// Invariants:
//  1. Every blob returned has the id that was asked for, recomputed from its bytes.
//  2. A damaged pack costs nothing that parity, another copy or another destination can give back;
//     what it costs is named.
// Chosen: ranged reads of single frames, since the index knows where each lies; the whole object is
// read only to repair it.
#include "repository/blob/blob_access.h"
#include "repository/blob/frame_cache.h"
#include "repository/pack/pack_bases.h"

namespace perdure::repository {
namespace {

bool is_damage(Error const& error) {
    return error.fault() == Fault::corrupt || error.fault() == Fault::invalid;
}

FrameFacts facts_of(PackSource const& source, Location const& at) {
    return {source.repository,
            at.pack.kind,
            at.salt,
            at.slot,
            content::Codec{static_cast<std::uint8_t>(at.frame.codec)},
            at.frame.raw_bytes};
}

class Reader final : public BlobReader {
public:
    explicit Reader(BlobReaderOptions options)
        : options_(std::move(options)),
          cache_(options_.cache_bytes),
          bases_(options_.index->source()) {}

    bool knows(BlobId const& id) const override { return options_.index->knows(id); }
    Result<BlobView> read(BlobId const& id, DomainPtr const& domain, std::stop_token stop) override;
    std::optional<BlobPlace> place(BlobId const& id) const override;
    Result<std::optional<BlobId>> base_of(BlobId const& id, std::stop_token stop) override;

private:
    Result<std::vector<Location>> locate(BlobId const& id, std::stop_token const& stop);
    Result<BlobView> read_any(std::vector<Location> const& copies, BlobId const& id,
                              DomainPtr const& domain, std::stop_token stop);
    Result<BlobView> read_at(Location const& at, BlobId const& id, DomainPtr const& domain,
                             std::stop_token stop);
    Result<Bytes> load_frame(Location const& at, DomainPtr const& domain, std::stop_token stop);
    Result<Bytes> load_damaged(Location const& at, Domain const& domain, ByteView prefix,
                               Error first, std::stop_token stop);
    std::optional<Bytes> load_elsewhere(Location const& at, Domain const& domain, ByteView prefix,
                                        std::stop_token const& stop);
    void report(PackDamage const& damage);
    Result<std::shared_ptr<Bytes const>> mended_body(PackName const& pack, std::stop_token stop);

    BlobReaderOptions options_;
    FrameCache cache_;
    PackBases bases_;
    std::mutex mending_;
    std::optional<PackName> mended_name_;
    std::shared_ptr<Bytes const> mended_;
    std::mutex adopting_;
    bool adopted_ = false;
    std::mutex reporting_;
    std::set<crypto::Digest> reported_;
};

void Reader::report(PackDamage const& damage) {
    {
        std::lock_guard const lock(reporting_);
        if (!reported_.insert(damage.pack.hash).second) return;
    }
    if (options_.on_damage) options_.on_damage(damage);
}

Result<BlobView> Reader::read(BlobId const& id, DomainPtr const& domain, std::stop_token stop) {
    if (domain == nullptr) return fail(Fault::denied, "the domain of the blob is erased");
    PD_TRY(auto const copies, locate(id, stop));
    return read_any(copies, id, domain, std::move(stop));
}

Result<std::vector<Location>> Reader::locate(BlobId const& id, std::stop_token const& stop) {
    auto copies = options_.index->find(id);
    if (!copies.empty() || !options_.look_further) return copies;
    {
        std::lock_guard const lock(adopting_);
        if (!adopted_) PD_CHECK(options_.index->adopt_orphans(Index::Orphans::only_here, stop));
        adopted_ = true;
    }
    copies = options_.index->find(id);
    if (copies.empty()) copies = options_.index->find_unlisted(id);
    return copies;
}

Result<BlobView> Reader::read_any(std::vector<Location> const& copies, BlobId const& id,
                                  DomainPtr const& domain, std::stop_token stop) {
    std::optional<Error> first;
    for (Location const& at : copies) {
        auto blob = read_at(at, id, domain, stop);
        if (blob || blob.error().fault() == Fault::cancelled) return blob;
        // Collected meanwhile, or held by no destination any more: as if it were not listed.
        if (!first && blob.error().fault() != Fault::not_found) first = std::move(blob).error();
    }
    if (first) return std::move(*first).within("blob " + to_hex(id).substr(0, 16));
    return fail(Fault::not_found, "no listed pack holds blob " + to_hex(id).substr(0, 16))
        .with_code(14)
        .with_fix("perdure repo check, then perdure repo repair --dry-run");
}

Result<BlobView> Reader::read_at(Location const& at, BlobId const& id, DomainPtr const& domain,
                                 std::stop_token stop) {
    PD_TRY(FrameCache::Frame frame,
           cache_.get({at.pack.hash, at.slot}, [&] { return load_frame(at, domain, stop); }));
    BlobView const blob{frame, at.raw_offset, at.length};
    if (std::uint64_t{at.raw_offset} + at.length > frame->size() ||
        domain->blob_id(blob.view()) != id) {
        return fail(Fault::corrupt, "frame " + std::to_string(at.slot) + " of " + at.pack.text() +
                                        " holds other bytes than its index says");
    }
    return blob;
}

Result<Bytes> Reader::load_frame(Location const& at, DomainPtr const& domain,
                                 std::stop_token stop) {
    PackSource const& source = options_.index->source();
    auto const codec = content::Codec{static_cast<std::uint8_t>(at.frame.codec)};
    BlobView prefix;
    if (codec == content::Codec::zstd_prefix) {
        PD_TRY(BlobId const base, bases_.base(at.pack, at.slot, stop));
        PD_TRY(auto places, locate(base, stop));
        bool const listed = !places.empty();
        std::erase_if(places, [](Location const& place) { return place.is_delta(); });
        if (listed && places.empty())
            return fail(Fault::corrupt, "a delta is based on another delta");
        PD_TRY(prefix, read_any(places, base, domain, stop));
    }
    ByteView const prefix_view = prefix.frame ? prefix.view() : ByteView{};
    auto sealed = source.store.read(at.pack.text(), at.frame.offset, at.frame.stored_bytes, stop);
    if (!sealed) {
        if (!is_damage(sealed.error())) return sealed;
        return load_damaged(at, *domain, prefix_view, sealed.error(), stop);
    }
    auto frame = decode_frame(*domain, facts_of(source, at), std::move(*sealed), prefix_view);
    if (frame || !is_damage(frame.error())) return frame;
    return load_damaged(at, *domain, prefix_view, frame.error(), stop);
}

/// The whole pack, repaired as far as parity reaches; kept for the next damaged frame.
Result<std::shared_ptr<Bytes const>> Reader::mended_body(PackName const& pack,
                                                         std::stop_token stop) {
    std::lock_guard const mending(mending_);
    if (mended_name_ == pack) return mended_;
    PackSource const& source = options_.index->source();
    auto whole = read_pack(source, pack, stop);
    if (!whole && whole.error().fault() != Fault::corrupt) return whole.error();
    bool const intact = whole && !whole->repaired;
    if (!intact) report({pack, whole.has_value()});
    if (whole) {
        mended_ = std::make_shared<Bytes const>(std::move(whole->body));
    } else {
        PD_TRY(Bytes salvaged, salvage_pack(source, pack, stop));
        mended_ = std::make_shared<Bytes const>(std::move(salvaged));
    }
    mended_name_ = pack;
    return mended_;
}

/// The frame as another destination holds it: cheaper than repairing the whole pack, and surer.
std::optional<Bytes> Reader::load_elsewhere(Location const& at, Domain const& domain,
                                            ByteView prefix, std::stop_token const& stop) {
    PackSource const& source = options_.index->source();
    auto const places = source.store.legs();
    if (places.size() < 2) return std::nullopt;
    FrameFacts const facts = facts_of(source, at);
    for (store::ObjectStore* place : places) {
        auto sealed = place->read(at.pack.text(), at.frame.offset, at.frame.stored_bytes, stop);
        if (!sealed) continue;
        auto frame = decode_frame(domain, facts, *std::move(sealed), prefix);
        if (frame) return *std::move(frame);
    }
    return std::nullopt;
}

Result<Bytes> Reader::load_damaged(Location const& at, Domain const& domain, ByteView prefix,
                                   Error first, std::stop_token stop) {
    PackSource const& source = options_.index->source();
    if (auto whole = load_elsewhere(at, domain, prefix, stop)) {
        report({at.pack, true});
        return *std::move(whole);
    }
    PD_TRY(std::shared_ptr<Bytes const> body, mended_body(at.pack, std::move(stop)));
    std::string const where = "frame " + std::to_string(at.slot) + " of " + at.pack.text();
    if (std::uint64_t{at.frame.offset} + at.frame.stored_bytes > body->size()) {
        return fail(Fault::corrupt, where + " is missing: the pack is cut short");
    }
    auto frame = decode_frame(
        domain, facts_of(source, at),
        to_bytes(ByteView(*body).subspan(at.frame.offset, at.frame.stored_bytes)), prefix);
    if (!frame) return std::move(first).within(where);
    return frame;
}

std::optional<BlobPlace> Reader::place(BlobId const& id) const {
    auto const found = options_.index->find(id);
    if (found.empty()) return std::nullopt;
    Location const& at = found.front();
    return BlobPlace{at.pack.hash, at.pack.text(), at.slot, at.raw_offset, at.length};
}

Result<std::optional<BlobId>> Reader::base_of(BlobId const& id, std::stop_token stop) {
    auto const found = options_.index->find(id);
    if (found.empty()) return fail(Fault::not_found, "no listed pack holds this blob");
    // Of several copies any may be read, so any delta's base counts.
    for (Location const& at : found) {
        if (!at.is_delta()) continue;
        PD_TRY(BlobId const base, bases_.base(at.pack, at.slot, stop));
        return std::optional(base);
    }
    return std::optional<BlobId>{};
}

}  // namespace

std::unique_ptr<BlobReader> make_blob_reader(BlobReaderOptions options) {
    PD_ASSERT(options.index != nullptr);
    return std::make_unique<Reader>(std::move(options));
}

}  // namespace perdure::repository
