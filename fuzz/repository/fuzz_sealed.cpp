// Sealed objects that a damaged disk or a hostile store changed: what still opens is, byte for
// byte, what was sealed.
#include "fuzz/input.h"
#include "repository/keyring/manifest.h"
#include "repository/lease.h"
#include "repository/pins.h"
#include "repository/snapshot_object.h"
#include "repository/triple.h"
#include "store/memory/memory_store.h"
#include "system/random.h"

namespace {

using namespace perdure;
using namespace perdure::repository;

template <typename Id>
Id id_of(unsigned char byte) {
    Id id;
    id.bytes.fill(std::byte{byte});
    return id;
}

/// One good object of each kind, and the keys to them.
struct Good {
    RepositoryId repository = id_of<RepositoryId>(0xa0);
    SessionId session = id_of<SessionId>(0x55);
    system::Random& random = system::real_random();
    DomainPtr common =
        std::make_shared<Domain const>(repository, id_of<Handle>(0xb0), 1, crypto::Secret32());
    crypto::SignPair writer = crypto::make_sign_pair(random);
    Opener opener;
    ManifestBody body;
    ShardRef ref;
    Bytes manifest, shard, addition, snapshot, pin;

    Good() {
        opener = {.slot = id_of<SlotId>(1), .pair = crypto::make_seal_pair(random)};
        Manifest header{.repository = repository, .epoch = 3};
        header.slots.push_back(Slot{.info = {.id = opener.slot, .label = "host/user"},
                                    .open = opener.pair.open,
                                    .wrapped = Bytes(80),
                                    .sealed_root = Bytes(80)});
        body.inboxes.push_back({3, crypto::make_seal_pair(random)});
        body.writers.push_back({"host/user", writer});
        manifest = seal_manifest(header, body, random);
        EntrySet set;
        set.entries.push_back({id_of<Handle>(2), 1, crypto::Secret32(), id_of<Token>(3)});
        set.tombstones.push_back({id_of<Handle>(4), 2, 1'800'000'000});
        shard = seal_shard(set, repository, ref.key, random);
        addition = seal_addition(
            {.session = session, .number = 1, .inbox_epoch = 3, .set = set, .writers = {}},
            repository, body);
        Snapshot plain{.session = session, .host = "host", .tags = {"a"}};
        plain.writer = crypto::sha256(writer.open.view());
        snapshot = seal_snapshot(plain, {repository, common}, writer, random);
        store::MemoryStore store;  // a pin stays only on a snapshot that is there
        PD_ASSERT(
            put_triple(store, snapshot_name(session), snapshot, store::PutMode::if_absent, {}));
        PD_ASSERT(repository::pin(store, {repository, common}, session, "audit", random, {}));
        pin = *store::read_all(store, "pin/" + to_hex(session), 4096, {});
    }

    bool opens_manifest(ByteView bytes) const { return open_manifest(bytes, opener).has_value(); }
    bool opens_shard(ByteView bytes) const {
        // The name is no secret: a hostile store may give any bytes their right one.
        ShardRef const named{crypto::sha256(bytes), ref.key};
        return open_shard(bytes, repository, named).has_value();
    }
    bool opens_addition(ByteView bytes) const {
        return open_addition(bytes, repository, body).has_value();
    }
    bool opens_snapshot(ByteView bytes) const {
        auto const key = [&](crypto::Digest const& of) -> std::optional<crypto::VerifyKey> {
            if (of == crypto::sha256(writer.open.view())) return writer.open;
            return std::nullopt;
        };
        return open_snapshot(bytes, session, {repository, common}, key).has_value();
    }
    /// A pin holds whatever its body is; its reason is told only when it was sealed by us, or is
    /// plain text as early versions wrote it.
    bool opens_pin(ByteView bytes) const {
        store::MemoryStore store;
        PD_ASSERT(store.put("pin/" + to_hex(session), bytes, store::PutMode::replace, {}));
        auto const reason = pinned(store, {repository, common}, session, {});
        PD_ASSERT(reason && *reason && (*reason)->size() <= 1024);
        return as_text(bytes).starts_with("PDPN") && **reason == "audit";
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static Good const good;
    struct Kind {
        Bytes const& object;
        bool (Good::*opens)(ByteView) const;
    };
    static Kind const kinds[] = {{good.manifest, &Good::opens_manifest},
                                 {good.shard, &Good::opens_shard},
                                 {good.addition, &Good::opens_addition},
                                 {good.snapshot, &Good::opens_snapshot},
                                 {good.pin, &Good::opens_pin}};
    fuzz::Input input(data, size);
    auto const& kind = kinds[input.byte() % std::size(kinds)];
    PD_ASSERT((good.*kind.opens)(kind.object));
    auto const bytes = fuzz::damaged(kind.object, input);
    bool const same = std::ranges::equal(bytes, kind.object);
    PD_ASSERT((good.*kind.opens)(bytes) == same);
    static_cast<void>((good.*kind.opens)(input.rest()));
    return 0;
}
