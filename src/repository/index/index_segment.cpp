// The local form of an index segment:
//   magic(8) ‖ u64 counts of supersedes, packs, frames, entries ‖ the four tables ‖ HMAC(32).
// A filter of 24 to 48 bits an entry stands in front: one unknown id in ten thousand or fewer
// passes it, so that looking ids up in vain keeps no pages of the file in memory. Ids are uniformly
// distributed, so a table of the first entry for each value of their leading bits (about sixteen
// entries each) finds an id with two cache misses.
#include "repository/index/index_segment.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "base/codec.h"

namespace perdure::repository {
namespace {

constexpr std::string_view magic = "PDINDEX1";
constexpr std::size_t head_bytes = 40, mac_bytes = 32;
constexpr int filter_bits = 7;

/// The other half of the id: decides about bits within a block of the filter.
std::uint64_t trailing(BlobPrefix const& id) {
    std::uint64_t value = 0;
    std::memcpy(&value, id.bytes.data() + 8, sizeof value);
    return value;
}

std::uint64_t leading(BlobPrefix const& id) {
    std::uint64_t value = 0;
    std::memcpy(&value, id.bytes.data(), sizeof value);
    return __builtin_bswap64(value);
}

template <typename Row>
ByteView rows_as_bytes(std::vector<Row> const& rows) {
    return std::as_bytes(std::span(rows));
}

Bytes local_form(IndexTables& tables, crypto::Digest const& name, crypto::HmacKey const& key) {
    std::ranges::sort(tables.entries);
    Encoder out;
    out.reserve(head_bytes + mac_bytes + tables.entries.size() * sizeof(IndexEntry) +
                tables.frames.size() * sizeof(FrameRow) + tables.packs.size() * sizeof(PackRow) +
                tables.supersedes.size() * sizeof(crypto::Digest));
    out.raw(as_bytes(magic));
    out.u64(tables.supersedes.size());
    out.u64(tables.packs.size());
    out.u64(tables.frames.size());
    out.u64(tables.entries.size());
    out.raw(rows_as_bytes(tables.supersedes));
    out.raw(rows_as_bytes(tables.packs));
    out.raw(rows_as_bytes(tables.frames));
    out.raw(rows_as_bytes(tables.entries));
    out.raw(key.mac({as_bytes("index-cache"), name.view(), out.view()}).view());
    return out.take();
}

/// Takes `count` rows off the front of `bytes`, in place. Fails: corrupt.
template <typename Row>
Result<std::span<Row const>> take_rows(ByteView& bytes, std::uint64_t count) {
    if (count > bytes.size() / sizeof(Row)) {
        return fail(Fault::corrupt, "a cached index segment is too short");
    }
    auto const* rows = reinterpret_cast<Row const*>(bytes.data());
    bytes = bytes.subspan(count * sizeof(Row));
    return std::span<Row const>(rows, count);
}

}  // namespace

std::shared_ptr<IndexSegment const> IndexSegment::make(IndexTables tables,
                                                       crypto::Digest const& name,
                                                       crypto::HmacKey const& key,
                                                       system::Path const& cache_file) {
    Bytes form = local_form(tables, name, key);
    if (!cache_file.empty()) {
        auto const written = system::write_file(cache_file, form, {.durable = false});
        if (written) {
            if (auto mapped = open(cache_file, name, key)) return *mapped;
        }
    }
    std::shared_ptr<IndexSegment> segment(new IndexSegment);
    segment->name_ = name;
    segment->owned_ = std::move(form);
    PD_ASSERT(segment->adopt(ByteView(segment->owned_).first(segment->owned_.size() - mac_bytes)));
    return segment;
}

Result<std::shared_ptr<IndexSegment const>> IndexSegment::open(system::Path const& cache_file,
                                                               crypto::Digest const& name,
                                                               crypto::HmacKey const& key) {
    PD_TRY(system::File file, system::File::open_to_read(cache_file));
    PD_TRY(std::uint64_t size, file.size_bytes());
    if (size < head_bytes + mac_bytes) return fail(Fault::corrupt, "a cached segment is too short");
    void* const mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
    if (mapped == MAP_FAILED) return system::error_from_errno(errno, "mapping an index segment");
    std::shared_ptr<IndexSegment> segment(new IndexSegment);
    segment->name_ = name;
    segment->mapped_ = mapped;
    segment->mapped_bytes_ = size;
    ByteView const all(static_cast<std::byte const*>(mapped), size);
    ByteView const body = all.first(size - mac_bytes);
    crypto::Digest const mac = key.mac({as_bytes("index-cache"), name.view(), body});
    if (!same_bytes(mac.view(), all.last(mac_bytes))) {
        return fail(Fault::corrupt, "a cached index segment is damaged");
    }
    PD_CHECK(segment->adopt(body));
    return std::shared_ptr<IndexSegment const>(std::move(segment));
}

IndexSegment::~IndexSegment() {
    if (mapped_ != nullptr) munmap(mapped_, mapped_bytes_);
}

Result<void> IndexSegment::adopt(ByteView bytes) {
    if (as_text(bytes.first(magic.size())) != magic) {
        return fail(Fault::corrupt, "this is no cached index segment");
    }
    Decoder in(bytes.subspan(magic.size(), head_bytes - magic.size()));
    PD_TRY(std::uint64_t supersedes, in.u64());
    PD_TRY(std::uint64_t packs, in.u64());
    PD_TRY(std::uint64_t frames, in.u64());
    PD_TRY(std::uint64_t entries, in.u64());
    bytes = bytes.subspan(head_bytes);
    PD_TRY(supersedes_, take_rows<crypto::Digest>(bytes, supersedes));
    PD_TRY(packs_, take_rows<PackRow>(bytes, packs));
    PD_TRY(frames_, take_rows<FrameRow>(bytes, frames));
    PD_TRY(entries_, take_rows<IndexEntry>(bytes, entries));
    bucket_bits_ = std::max(0, static_cast<int>(std::bit_width(entries_.size())) - 4);
    buckets_.assign((std::size_t{1} << bucket_bits_) + 1, 0);
    if (entries_.size() > UINT32_MAX || !bytes.empty()) {
        return fail(Fault::corrupt, "a cached index segment has another length than it says");
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        IndexEntry const& entry = entries_[i];
        if ((i > 0 && entries_[i - 1] > entry) || entry.pack >= packs_.size() ||
            entry.slot >= packs_[entry.pack].frame_count ||
            packs_[entry.pack].first_frame + entry.slot >= frames_.size()) {
            return fail(Fault::corrupt, "a cached index segment is not in order");
        }
        if (bucket_bits_ > 0) ++buckets_[(leading(entry.id) >> (64 - bucket_bits_)) + 1];
    }
    if (bucket_bits_ == 0) buckets_[1] = static_cast<std::uint32_t>(entries_.size());
    for (std::size_t i = 1; i < buckets_.size(); ++i) buckets_[i] += buckets_[i - 1];
    fill_filter();
    let_go_of_pages();
    return {};
}

void IndexSegment::fill_filter() {
    constexpr std::size_t entries_a_block = 21;  // at most, 16 on average
    filter_.resize(std::bit_ceil(entries_.size() / entries_a_block + 1));
    for (IndexEntry const& entry : entries_) {
        std::uint64_t bits = trailing(entry.id);
        FilterBlock& block = filter_[leading(entry.id) & (filter_.size() - 1)];
        for (int i = 0; i < filter_bits; ++i, bits >>= 9) {
            block.words[(bits >> 6) & 7] |= std::uint64_t{1} << (bits & 63);
        }
    }
}

bool IndexSegment::may_hold(BlobPrefix const& id) const {
    std::uint64_t bits = trailing(id);
    FilterBlock const& block = filter_[leading(id) & (filter_.size() - 1)];
    for (int i = 0; i < filter_bits; ++i, bits >>= 9) {
        if ((block.words[(bits >> 6) & 7] >> (bits & 63) & 1) == 0) return false;
    }
    return true;
}

/// Checking a mapped file touches all of it; what is looked up later comes back by itself.
void IndexSegment::let_go_of_pages() const {
    if (mapped_ != nullptr) (void)madvise(mapped_, mapped_bytes_, MADV_DONTNEED);
}

std::span<IndexEntry const> IndexSegment::find(BlobPrefix const& id) const {
    if (!may_hold(id)) return {};
    std::size_t const bucket = bucket_bits_ == 0 ? 0 : leading(id) >> (64 - bucket_bits_);
    auto const within = entries_.subspan(buckets_[bucket], buckets_[bucket + 1] - buckets_[bucket]);
    auto const found = std::ranges::equal_range(within, id, {}, &IndexEntry::id);
    return {found.begin(), found.end()};
}

IndexTables IndexSegment::tables() const {
    IndexTables tables;
    tables.supersedes.assign(supersedes_.begin(), supersedes_.end());
    tables.packs.assign(packs_.begin(), packs_.end());
    tables.frames.assign(frames_.begin(), frames_.end());
    tables.entries.assign(entries_.begin(), entries_.end());
    std::ranges::sort(tables.entries, {}, [](IndexEntry const& entry) {
        return std::tuple(entry.pack, entry.slot, entry.raw_offset, entry.length);
    });
    let_go_of_pages();
    return tables;
}

}  // namespace perdure::repository
