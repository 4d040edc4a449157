// A record stream is varint(length) ‖ record, again and again, cut into blobs. Cuts normally fall
// between records, in front of one whose name hashes low enough; a record larger than the largest
// blob is cut anywhere, so a reader joins blobs and never relies on where they end.
#include "repository/stream/record_stream.h"

namespace perdure::repository {

namespace {

constexpr std::size_t record_bytes_max = 80u << 20;  // an entry with millions of extents
constexpr std::uint64_t odd_factor = 0x9e37'79b9'7f4a'7c15ULL;

std::uint64_t mix(std::uint64_t value) {
    value ^= value >> 32;
    value *= 0xd6e8'feb8'6659'fd93ULL;
    return value ^ (value >> 32);
}

std::size_t varint_bytes(std::size_t value) {
    std::size_t count = 1;
    for (; value >= 0x80; value >>= 7) ++count;
    return count;
}

}  // namespace

std::uint64_t cut_hash(ByteView bytes, std::uint64_t seed) {
    std::uint64_t hash = seed ^ (bytes.size() * odd_factor);
    while (bytes.size() >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), 8);
        hash = mix(hash ^ word) * odd_factor;
        bytes = bytes.subspan(8);
    }
    std::uint64_t word = 0;
    if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
    return mix(mix(hash ^ word) * odd_factor);
}

std::uint64_t cut_seed(crypto::Secret32 const& chunk_key) {
    crypto::Digest const code = crypto::HmacKey(chunk_key).mac(as_bytes("perdure1/cut"));
    std::uint64_t seed = 0;
    std::memcpy(&seed, code.bytes.data(), sizeof seed);
    return seed;
}

bool cuts_before(CutSizes const& sizes, std::size_t before_bytes, std::size_t record_bytes,
                 std::uint64_t hash) {
    if (before_bytes == 0) return false;
    if (before_bytes + record_bytes > sizes.max_bytes) return true;
    if (before_bytes < sizes.min_bytes) return false;
    // A record draws a cut with a chance proportional to its size; above the usual size with four
    // times that, so that few blobs run into the maximum, whose cuts would shift.
    std::uint64_t const per_byte = UINT64_MAX / sizes.usual_bytes;
    std::uint64_t const chance = before_bytes < sizes.usual_bytes ? 1 : 4;
    std::uint64_t const weight = std::min<std::uint64_t>(record_bytes, sizes.usual_bytes / 8);
    return hash < per_byte * weight * chance;
}

RecordWriter::RecordWriter(BlobWriter& blobs, DomainPtr domain, CutSizes sizes)
    : blobs_(&blobs), domain_(domain), sizes_(sizes), list_(blobs, domain) {}

bool RecordWriter::would_cut(std::size_t record_bytes, std::uint64_t hash) const {
    return cuts_before(sizes_, pending_.size(), varint_bytes(record_bytes) + record_bytes, hash);
}

Result<void> RecordWriter::add(std::uint64_t hash, ByteView head, ByteView tail) {
    std::size_t const length = head.size() + tail.size();
    PD_ASSERT(length <= record_bytes_max);
    if (would_cut(length, hash)) PD_CHECK(flush());
    pending_.varint(length);
    pending_.raw(head);
    pending_.raw(tail);
    if (pending_.size() > sizes_.max_bytes) PD_CHECK(flush());
    return {};
}

Result<void> RecordWriter::flush() {
    ByteView rest = pending_.view();
    while (!rest.empty()) {
        ByteView const part = rest.first(std::min(rest.size(), sizes_.max_bytes));
        PD_TRY(BlobId const id,
               blobs_->put(domain_, part, BlobWriter::Put{.blob_class = BlobClass::meta}));
        PD_CHECK(list_.add(id, part.size()));
        rest = rest.subspan(part.size());
    }
    pending_.clear();
    return {};
}

Result<BlobList> RecordWriter::finish() {
    PD_CHECK(flush());
    return list_.finish();
}

RecordReader::RecordReader(BlobReader& blobs, DomainPtr domain, BlobList const& list)
    : blobs_(&blobs), domain_(domain), ids_(blobs, domain, list), left_bytes_(list.length_bytes) {}

void RecordReader::watch(std::function<Result<void>(BlobId const&)> each) {
    watch_ = each;
    ids_.on_list = std::move(each);
}

Result<bool> RecordReader::load(std::stop_token stop) {
    PD_TRY(std::optional<BlobId> const id, ids_.next(stop));
    if (!id) {
        if (left_bytes_ != 0) return fail(Fault::corrupt, "a record stream ends too early");
        return false;
    }
    if (watch_) PD_CHECK(watch_(*id));
    PD_TRY(blob_, blobs_->read(*id, domain_, stop));
    rest_ = blob_.view();
    if (rest_.empty() || rest_.size() > left_bytes_) {
        return fail(Fault::corrupt, "a record stream contradicts its length");
    }
    left_bytes_ -= rest_.size();
    fresh_ = true;
    return true;
}

Result<ByteView> RecordReader::gather(std::size_t count, std::stop_token stop) {
    if (count > record_bytes_max || count > rest_.size() + left_bytes_) {
        return fail(Fault::corrupt, "a record exceeds its stream");
    }
    if (count <= rest_.size()) {
        ByteView const view = rest_.first(count);
        rest_ = rest_.subspan(count);
        return view;
    }
    joined_.clear();
    while (true) {
        std::size_t const part = std::min(count - joined_.size(), rest_.size());
        append(joined_, rest_.first(part));
        rest_ = rest_.subspan(part);
        if (joined_.size() == count) return ByteView(joined_);
        PD_TRY(bool const more, load(stop));
        if (!more) return fail(Fault::corrupt, "a record stream ends within a record");
        fresh_ = false;  // this blob begins inside a record
    }
}

Result<std::optional<ByteView>> RecordReader::next(std::stop_token stop) {
    if (rest_.empty()) {
        PD_TRY(bool const more, load(stop));
        if (!more) return std::optional<ByteView>();
    }
    began_blob_ = std::exchange(fresh_, false);
    std::size_t length = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (shift > 28) return fail(Fault::corrupt, "a record of an impossible length");
        std::size_t part = 0;
        if (!rest_.empty()) {
            part = static_cast<std::size_t>(rest_.front());
            rest_ = rest_.subspan(1);
        } else {
            PD_TRY(ByteView const one, gather(1, stop));
            part = static_cast<std::size_t>(one.front());
        }
        length |= (part & 0x7f) << shift;
        if (part < 0x80) {
            if (shift > 0 && part == 0) return fail(Fault::corrupt, "a varint is not minimal");
            break;
        }
    }
    PD_TRY(ByteView const record, gather(length, stop));
    return std::optional<ByteView>(record);
}

}  // namespace perdure::repository
