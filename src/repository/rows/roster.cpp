// An entry is u8 flags ‖ [handle ‖ varint generation] ‖ [u64 tag] ‖ id ‖ [base id]. The handle is
// written where it differs from the entry before and at the beginning of every blob, so a person
// with one block costs 50 bytes and a common domain with many blocks 41 each.
#include "repository/rows/roster.h"

namespace perdure::repository {

namespace {

enum : std::uint8_t {
    kind_mask = 3,
    flag_handle = 4,
    flag_tag = 8,
    flag_base = 16,
    flag_media = 32,
    flags_known = 63,
};

Error bad(char const* what) {
    return fail(Fault::corrupt, what);
}

void encode(Encoder& out, RosterEntry const& entry, bool with_handle) {
    out.u8(static_cast<std::uint8_t>(
        static_cast<std::uint8_t>(entry.kind) | (with_handle ? flag_handle : 0) |
        (entry.tag != 0 ? flag_tag : 0) | (entry.base ? flag_base : 0) |
        (entry.holds_media ? flag_media : 0)));
    if (with_handle) {
        out.raw(entry.handle.view());
        out.varint(entry.generation);
    }
    if (entry.tag != 0) out.u64(entry.tag);
    out.raw(entry.id.view());
    if (entry.base) out.raw(entry.base->view());
}

/// Cuts depend on what an entry stands for, not on the id, which changes with the rows.
std::uint64_t hash_of(RosterEntry const& entry, std::uint64_t seed) {
    std::array<std::byte, 24> name;
    std::memcpy(name.data(), entry.handle.bytes.data(), 16);
    bool const by_id = entry.kind == RosterEntry::Kind::content;
    std::memcpy(name.data() + 16,
                by_id ? static_cast<void const*>(entry.id.bytes.data())
                      : static_cast<void const*>(&entry.tag),
                8);
    return cut_hash(name, seed);
}

}  // namespace

std::uint64_t boundary_tag(Domain const& domain, std::uint32_t table, ByteView key) {
    auto const code =
        domain.meta().mac({as_bytes("tag"), std::as_bytes(std::span(&table, 1)), key});
    std::uint64_t tag = 0;
    std::memcpy(&tag, code.bytes.data(), sizeof tag);
    return tag == 0 ? 1 : tag;
}

RosterWriter::RosterWriter(BlobWriter& blobs, DomainPtr common, std::uint64_t seed)
    : records_(blobs, std::move(common), roster_cuts), seed_(seed) {}

Result<void> RosterWriter::add(RosterEntry const& entry) {
    PD_ASSERT(!last_ || *last_ <= entry.handle);
    std::uint64_t const hash = hash_of(entry, seed_);
    bool with_handle = !last_ || *last_ != entry.handle;
    scratch_.clear();
    encode(scratch_, entry, with_handle);
    if (!with_handle && records_.would_cut(scratch_.size(), hash)) {
        scratch_.clear();
        encode(scratch_, entry, true);
    }
    last_ = entry.handle;
    return records_.add(hash, scratch_.view());
}

Result<RosterEntry> decode_roster_entry(ByteView record, RosterEntry const* last) {
    Decoder in(record);
    RosterEntry entry;
    PD_TRY(std::uint8_t const flags, in.u8());
    std::uint8_t const kind = flags & kind_mask;
    if ((flags & ~flags_known) != 0 || (kind != 1 && kind != 2)) {
        return bad("an unknown kind of entry in a roster");
    }
    entry.kind = static_cast<RosterEntry::Kind>(kind);
    entry.holds_media = (flags & flag_media) != 0;
    if ((flags & flag_handle) != 0) {
        PD_TRY(entry.handle, in.id<Handle>());
        PD_TRY(std::uint64_t const generation, in.varint());
        if (generation > 0xffff'ffff) return bad("a generation out of range in a roster");
        entry.generation = static_cast<std::uint32_t>(generation);
    } else {
        if (last == nullptr) return bad("a roster entry without a handle");
        entry.handle = last->handle;
        entry.generation = last->generation;
    }
    if ((flags & flag_tag) != 0) {
        PD_TRY(entry.tag, in.u64());
    }
    PD_TRY(entry.id, in.id<BlobId>());
    if ((flags & flag_base) != 0) {
        PD_TRY(entry.base, in.id<BlobId>());
    }
    PD_CHECK(in.expect_end());
    return entry;
}

Result<std::optional<RosterEntry>> RosterReader::next(std::stop_token stop) {
    PD_TRY(std::optional<ByteView> const record, records_.next(stop));
    if (!record) return std::optional<RosterEntry>();
    bool const first = !last_ || records_.began_blob();
    PD_TRY(RosterEntry entry, decode_roster_entry(*record, first ? nullptr : &*last_));
    if (last_ && last_->handle > entry.handle) return bad("a roster that is not sorted");
    last_ = entry;
    return std::optional<RosterEntry>(entry);
}

}  // namespace perdure::repository
