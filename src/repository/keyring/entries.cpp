#include "repository/keyring/entries.h"

#include <algorithm>

namespace perdure::repository {

namespace {

constexpr std::size_t entry_bytes = 16 + 4 + 32 + 32;
constexpr std::size_t tombstone_bytes = 16 + 8 + 8;

/// Reads a count whose items need at least item_bytes each: no allocation beyond the input.
Result<std::size_t> decode_count(Decoder& in, std::size_t count_max, std::size_t item_bytes) {
    PD_TRY(auto const count, in.varint());
    if (count > count_max || count > in.left() / item_bytes) {
        return fail(Fault::corrupt, "a count in the keyring exceeds its limit").with_code(14);
    }
    return static_cast<std::size_t>(count);
}

template <typename Items>
bool strictly_sorted(Items const& items) {
    return std::ranges::adjacent_find(items, [](auto const& a, auto const& b) {
               return !(a.handle < b.handle);
           }) == items.end();
}

}  // namespace

Result<crypto::Secret32> decode_secret(Decoder& in) {
    PD_TRY(ByteView const view, in.raw(crypto::Secret32::size));
    return crypto::Secret32(view.first<crypto::Secret32::size>());
}

Result<void> check_generation(std::uint32_t generation) {
    if (generation == generation_only) return {};
    return fail(Fault::unsupported, "the keyring holds a domain of generation " +
                                        std::to_string(generation) + ", which a newer perdure made")
        .with_fix("read it with that version");
}

void EntrySet::sort() {
    std::ranges::sort(entries, {}, &Entry::handle);
    std::ranges::sort(tombstones, {}, &Tombstone::handle);
}

void EntrySet::encode(Encoder& out) const {
    PD_ASSERT(strictly_sorted(entries) && strictly_sorted(tombstones));
    PD_ASSERT(size() <= shard_entries_max);
    out.varint(entries.size());
    for (Entry const& entry : entries) {
        out.raw(entry.handle.view());
        out.u32(entry.generation);
        out.raw(entry.secret.view());
        out.raw(entry.token.view());
    }
    out.varint(tombstones.size());
    for (Tombstone const& tombstone : tombstones) {
        out.raw(tombstone.handle.view());
        out.u64(tombstone.epoch);
        out.i64(tombstone.erased_at);
    }
}

Result<EntrySet> EntrySet::decode(Decoder& in) {
    EntrySet set;
    PD_TRY(auto const entries, decode_count(in, shard_entries_max, entry_bytes));
    set.entries.resize(entries);
    for (Entry& entry : set.entries) {
        PD_TRY(entry.handle, in.id<Handle>());
        PD_TRY(entry.generation, in.u32());
        PD_CHECK(check_generation(entry.generation));
        PD_TRY(entry.secret, decode_secret(in));
        PD_TRY(entry.token, in.id<Token>());
    }
    PD_TRY(auto const tombstones, decode_count(in, shard_entries_max - entries, tombstone_bytes));
    set.tombstones.resize(tombstones);
    for (Tombstone& tombstone : set.tombstones) {
        PD_TRY(tombstone.handle, in.id<Handle>());
        PD_TRY(tombstone.epoch, in.u64());
        PD_TRY(tombstone.erased_at, in.i64());
    }
    if (!strictly_sorted(set.entries) || !strictly_sorted(set.tombstones)) {
        return fail(Fault::corrupt, "handles in the keyring are not in order").with_code(14);
    }
    return set;
}

void Writer::encode(Encoder& out) const {
    out.text(label);
    out.raw(pair.seed.view());
}

Result<Writer> Writer::decode(Decoder& in) {
    Writer writer;
    PD_TRY(writer.label, in.text(label_bytes_max));
    PD_TRY(auto const seed, decode_secret(in));
    writer.pair = crypto::sign_pair_from_seed(seed);
    return writer;
}

void encode_writers(Encoder& out, std::vector<Writer> const& writers) {
    out.varint(writers.size());
    for (Writer const& writer : writers) writer.encode(out);
}

Result<std::vector<Writer>> decode_writers(Decoder& in) {
    PD_TRY(auto const count, decode_count(in, writers_max, 1 + 32));
    std::vector<Writer> writers;
    writers.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        PD_TRY(Writer writer, Writer::decode(in));
        writers.push_back(std::move(writer));
    }
    return writers;
}

}  // namespace perdure::repository
