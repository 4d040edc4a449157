#include "job/diff/overlay_blobs.h"

#include "crypto/seal.h"
#include "system/random.h"

namespace perdure::job {

namespace {

constexpr std::size_t memory_bytes_max = 64u << 20;

crypto::Secret32 random_key() {
    crypto::Secret32 key;
    system::real_random().fill(key.span());
    return key;
}

}  // namespace

using repository::BlobId;
using repository::BlobView;

OverlayBlobs::OverlayBlobs(repository::BlobReader& base, system::Path scratch_parent)
    : base_(base), scratch_parent_(std::move(scratch_parent)), key_(random_key()) {}
OverlayBlobs::~OverlayBlobs() = default;

Result<void> OverlayBlobs::spill(ByteView plaintext, Kept& kept) {
    if (!scratch_) {
        PD_TRY(auto folder, system::ScratchFolder::create(scratch_parent_));
        PD_TRY(file_, system::File::create(folder.path() / "live"));
        scratch_.emplace(std::move(folder));
    }
    kept.number = spilled_++;
    kept.offset = file_bytes_;
    Bytes sealed;
    auto const key = key_.derive({std::as_bytes(std::span(&kept.number, 1))});
    crypto::seal_once(key, {}, plaintext, sealed);
    kept.sealed = sealed.size();
    PD_CHECK(file_.write_at(sealed, kept.offset));
    file_bytes_ += sealed.size();
    return {};
}

Result<BlobId> OverlayBlobs::put(repository::DomainPtr const& domain, ByteView plaintext,
                                 Put options) {
    BlobId const id = domain->blob_id(plaintext);
    std::lock_guard lock(mutex_);
    if (options.rests_on != nullptr) options.rests_on->reset();
    if (base_.knows(id) || kept_.contains(id)) {
        ++statistics_.blobs_known;
        return id;
    }
    ++statistics_.blobs_new;
    statistics_.bytes_new += plaintext.size();
    Kept kept;
    if (memory_bytes_ + plaintext.size() <= memory_bytes_max) {
        memory_bytes_ += plaintext.size();
        kept.bytes = std::make_shared<Bytes const>(to_bytes(plaintext));
    } else {
        PD_CHECK(spill(plaintext, kept));
    }
    kept_.emplace(id, std::move(kept));
    return id;
}

Result<void> OverlayBlobs::finish(std::stop_token) {
    return {};
}

repository::BlobStatistics OverlayBlobs::statistics() const {
    std::lock_guard lock(mutex_);
    return statistics_;
}

bool OverlayBlobs::knows(BlobId const& id) const {
    if (base_.knows(id)) return true;
    std::lock_guard lock(mutex_);
    return kept_.contains(id);
}

Result<BlobView> OverlayBlobs::read(BlobId const& id, repository::DomainPtr const& domain,
                                    std::stop_token stop) {
    std::unique_lock lock(mutex_);
    auto const at = kept_.find(id);
    if (at == kept_.end()) {
        lock.unlock();
        return base_.read(id, domain, std::move(stop));
    }
    if (at->second.bytes) return BlobView{at->second.bytes, 0, at->second.bytes->size()};
    Bytes sealed(at->second.sealed);
    PD_TRY(std::size_t const count, file_.read_at(sealed, at->second.offset));
    if (count != sealed.size()) return fail(Fault::corrupt, "the scratch file was cut short");
    auto const key = key_.derive({std::as_bytes(std::span(&at->second.number, 1))});
    PD_TRY(Bytes plain, crypto::open_sealed(key, {}, sealed));
    auto const bytes = std::make_shared<Bytes const>(std::move(plain));
    return BlobView{bytes, 0, bytes->size()};
}

std::optional<repository::BlobPlace> OverlayBlobs::place(BlobId const& id) const {
    return base_.place(id);
}

Result<std::optional<BlobId>> OverlayBlobs::base_of(BlobId const& id, std::stop_token stop) {
    if (base_.knows(id)) return base_.base_of(id, std::move(stop));
    return std::optional<BlobId>();
}

}  // namespace perdure::job
