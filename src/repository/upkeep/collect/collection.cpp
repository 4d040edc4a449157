#include "repository/upkeep/collect/collection.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/codec.h"
#include "base/time_codec.h"
#include "repository/preamble.h"
#include "repository/triple.h"

namespace perdure::repository {

namespace {

constexpr std::string_view magic = "PDCO";
constexpr std::string_view folder = "collect/";
constexpr std::size_t pack_bytes = 1 + SessionId::size + crypto::Digest::size + 1 + 8 + 4;
constexpr std::uint64_t record_bytes_max = 64 + condemned_packs_max * (pack_bytes + 9);
constexpr std::uint64_t kept_as_records = 4;  // older ones become tombstones

/// 0 for what is no number.
std::uint64_t number_of(store::ObjectName const& name) {
    std::string_view const text = std::string_view(name).substr(folder.size());
    std::uint64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool const whole = error == std::errc() && end == text.data() + text.size();
    return whole && collection_name(number) == name ? number : 0;
}

Result<CondemnedPack> decode_pack(Decoder& in) {
    CondemnedPack pack;
    PD_TRY(std::uint8_t const kind, in.u8());
    pack.name.kind = static_cast<ObjectKind>(kind);
    if (pack.name.kind != ObjectKind::data_pack && pack.name.kind != ObjectKind::meta_pack)
        return fail(Fault::corrupt, "a condemned object that is no pack");
    PD_TRY(pack.name.session, in.id<SessionId>());
    PD_TRY(pack.name.hash, in.id<crypto::Digest>());
    PD_TRY(pack.since, in.varint());
    PD_TRY(pack.when, decode_time(in));
    return pack;
}

Result<std::vector<std::uint64_t>> numbers(store::ObjectStore& store, std::stop_token stop) {
    std::vector<std::uint64_t> found;
    PD_CHECK(store.list(
        std::string(folder),
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (auto const number = number_of(info.name)) found.push_back(number);
            return {};
        },
        stop));
    std::ranges::sort(found, std::greater());
    return found;
}

/// Old records only take space, but their names must stay taken: a delayed retry of an old put
/// would otherwise look like a step of the chain.
Result<void> bury_old(store::ObjectStore& store, std::uint64_t newest, std::stop_token stop) {
    if (newest <= kept_as_records) return {};
    auto const name = collection_name(newest - kept_as_records);
    auto const info = store.head(name, stop);
    if (!info || info->size_bytes == tombstone_object_bytes) return {};
    PD_TRY(Timestamp const now, store.now(stop));
    return put_triple(store, name, tombstone_body(now), store::PutMode::replace, stop);
}

}  // namespace

store::ObjectName collection_name(std::uint64_t number) {
    return fmt::format("{}{}", folder, number);
}

Bytes CollectionRecord::encode() const {
    Encoder out;
    out.reserve(64 + packs.size() * (pack_bytes + 2));
    Preamble{}.encode(out, magic);
    out.u64(number);
    out.varint(packs.size());
    for (auto const& pack : packs) {
        out.u8(static_cast<std::uint8_t>(pack.name.kind));
        out.raw(pack.name.session.view());
        out.raw(pack.name.hash.view());
        out.varint(pack.since);
        encode_time(out, pack.when);
    }
    return out.take();
}

Result<CollectionRecord> CollectionRecord::decode(ByteView bytes) {
    Decoder in(bytes);
    PD_TRY(Preamble const preamble, Preamble::decode(in, magic));
    (void)preamble;
    CollectionRecord record;
    PD_TRY(record.number, in.u64());
    PD_TRY(std::uint64_t const count, in.varint());
    if (count > condemned_packs_max || count > in.left() / pack_bytes)
        return fail(Fault::corrupt, "a collection with more packs than it has room for");
    record.packs.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        PD_TRY(CondemnedPack pack, decode_pack(in));
        if (!record.packs.empty() && !(record.packs.back().name < pack.name))
            return fail(Fault::corrupt, "a collection whose packs are not ascending");
        record.packs.push_back(pack);
    }
    PD_CHECK(in.expect_end());
    return record;
}

Result<NewestCollection> newest_collection(store::ObjectStore& store, std::stop_token stop) {
    NewestCollection newest;
    PD_TRY(auto const listed, numbers(store, stop));
    for (std::uint64_t const number : listed) {
        newest.seen = std::max(newest.seen, number);
        auto const stored = get_triple(store, collection_name(number), record_bytes_max, stop);
        if (!stored) {
            Fault const fault = stored.error().fault();
            if (fault == Fault::corrupt || fault == Fault::not_found) continue;
            return stored.error();
        }
        if (is_tombstone(stored->body)) continue;
        auto record = CollectionRecord::decode(stored->body);
        if (!record || record->number != number) continue;
        newest.record = std::move(*record);
        break;
    }
    return newest;
}

Result<std::vector<std::set<PackName>>> packs_condemned_by_leg(store::ObjectStore& store,
                                                               std::stop_token stop) {
    std::vector<std::set<PackName>> all;
    for (store::ObjectStore* leg : store.legs()) {
        auto const newest = newest_collection(*leg, stop);
        if (!newest && newest.error().fault() == Fault::cancelled) return newest.error();
        auto& packs = all.emplace_back();
        if (!newest) continue;
        for (CondemnedPack const& each : newest->record.packs) packs.insert(each.name);
    }
    return all;
}

namespace {

Result<std::vector<NewestCollection>> newest_of_legs(store::ObjectStore& store,
                                                     JoinedCollection& joined,
                                                     std::stop_token const& stop) {
    std::vector<NewestCollection> all;
    for (store::ObjectStore* leg : store.legs()) {
        auto newest = newest_collection(*leg, stop);
        if (!newest) {
            if (newest.error().fault() == Fault::cancelled) return newest.error();
            joined.silent = newest.error();
            continue;
        }
        if (newest->seen != newest->record.number)
            joined.unreadable = collection_name(newest->seen);
        joined.seen = std::max(joined.seen, newest->seen);
        all.push_back(std::move(*newest));
    }
    if (all.empty()) return *joined.silent;
    return all;
}

bool same(CondemnedPack const& a, CondemnedPack const& b) {
    return a.name == b.name && a.since == b.since && a.when == b.when;
}

}  // namespace

Result<JoinedCollection> joined_collection(store::ObjectStore& store, std::stop_token stop) {
    JoinedCollection joined;
    PD_TRY(auto const all, newest_of_legs(store, joined, stop));
    struct Known {
        CondemnedPack pack;
        Timestamp first;
        std::size_t legs = 0;  ///< that say the same of it
    };
    std::map<PackName, Known> packs;
    joined.avoided = all.front().record.number;
    for (NewestCollection const& each : all) {
        joined.avoided = std::min(joined.avoided, each.record.number);
        joined.differs = joined.differs || each.record.number != all.front().record.number;
        for (CondemnedPack const& pack : each.record.packs) {
            auto const [known, fresh] = packs.try_emplace(pack.name, Known{pack, pack.when});
            if (fresh || same(known->second.pack, pack)) ++known->second.legs;
            known->second.first = std::min(known->second.first, pack.when);
        }
    }
    if (joined.silent) joined.avoided = 0;
    for (auto& [name, known] : packs) {
        if (known.legs < all.size()) {
            joined.differs = true;
            known.pack.since = joined.seen + 1;
            known.pack.when = known.first;
        }
        joined.packs.push_back(known.pack);
    }
    return joined;
}

namespace {

Error overtaken() {
    return fail(Fault::conflict, "another collection got ahead of this one")
        .with_fix("none is needed: that one does the same; or repeat it once it has ended");
}

}  // namespace

Result<void> put_collection(store::ObjectStore& store, CollectionRecord const& record,
                            std::stop_token stop) {
    if (record.packs.size() > condemned_packs_max)
        return fail(Fault::exhausted, "too many condemned packs for one collection");
    auto const put = put_triple(store, collection_name(record.number), record.encode(),
                                store::PutMode::if_absent, stop);
    if (!put && put.error().fault() == Fault::conflict) return overtaken();
    PD_CHECK(put);
    PD_TRY(auto const listed, numbers(store, stop));
    if (!listed.empty() && listed.front() > record.number) return overtaken();
    return bury_old(store, record.number, stop);
}

}  // namespace perdure::repository
