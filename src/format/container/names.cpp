#include "format/container/names.h"

#include "base/codec.h"
#include "crypto/hash.h"

namespace perdure::format {

namespace {

/// Names are chosen by whoever made the data: only a hash that cannot be steered is safe here.
std::uint64_t short_hash(std::string_view name) {
    auto const digest = crypto::sha256(as_bytes(name));
    std::uint64_t hash = 0;
    std::memcpy(&hash, digest.bytes.data(), sizeof hash);
    return hash;
}

}  // namespace

Result<void> GivenNames::recall() {
    seen_.clear();
    Bytes piece(64 << 10);
    for (std::uint64_t at = 0; at < spool_->size_bytes();) {
        PD_TRY(auto const got, spool_->read_at(piece, at));
        if (got < sizeof(std::uint64_t)) return fail(Fault::corrupt, "a broken list of names");
        Decoder in(ByteView(piece).first(got - got % sizeof(std::uint64_t)));
        while (!in.done()) {
            PD_TRY(auto const hash, in.u64());
            seen_.insert(hash);
        }
        at += got - got % sizeof(std::uint64_t);
    }
    return {};
}

Result<bool> GivenNames::give(std::string const& name) {
    auto const hash = short_hash(name);
    if (!seen_.insert(hash).second) return false;
    Encoder out;
    out.u64(hash);
    PD_CHECK(spool_->append(out.view()));
    return true;
}

}  // namespace perdure::format
