// Golden bytes of docs/FORMAT.md "Keyring" and hostile inputs. The expected values were computed by
// an independent program (Python's hmac, hashlib and cryptography).
#include <gtest/gtest.h>

#include "crypto/derive.h"
#include "repository/keyring/keyring_test_world.h"
#include "repository/keyring/manifest.h"
#include "repository/triple.h"

namespace perdure::repository {
namespace {

Bytes counting(std::size_t from, std::size_t count) {
    Bytes bytes;
    for (std::size_t i = 0; i < count; ++i) bytes.push_back(std::byte(from + i));
    return bytes;
}

crypto::Secret32 secret_from(std::size_t from) {
    Bytes const bytes = counting(from, 32);
    return crypto::Secret32(ByteView(bytes).first<32>());
}

RepositoryId repository() {
    return RepositoryId::from(counting(0xa0, 16)).value();
}
Handle handle() {
    return Handle::from(counting(0xb0, 16)).value();
}

TEST(KeyringFormat, DerivesDomainKeysAsTheFormatSays) {
    Domain const domain(repository(), handle(), 1, secret_from(0));
    EXPECT_EQ(to_hex(domain.blob_id(as_bytes("perdure"))),
              "033d2e0f86b73bbb9678b3206d129f76d815de819f75892c3b05f4a8bb37bc67");
    EXPECT_EQ(to_hex(domain.frame_key(counting(0x40, 32), 7).view()),
              "7df0a9c7cddf04421a006aa4f402ab0f5a5deb4400db1ce420cff724940a0329");
    EXPECT_EQ(to_hex(crypto::hkdf(as_bytes("a key file of more than 16 bytes"), counting(0x60, 16),
                                  as_bytes("perdure1/slot/key-file"))
                         .view()),
              "63bff64c2ab3117c9cbd4af70227e4db0a59c925ceb4acc4111e168c7c93d8ae");
}

class FixedRandom : public system::Random {
public:
    explicit FixedRandom(std::size_t from) : from_(from) {}
    void fill(ByteSpan into) override {
        Bytes const bytes = counting(from_, into.size());
        std::copy(bytes.begin(), bytes.end(), into.begin());
    }

private:
    std::size_t from_;
};

EntrySet example_set() {
    EntrySet set;
    Entry entry{handle(), 1, secret_from(0), {}};
    entry.token =
        Token::from(
            from_hex("d388ccc74c3ebebd39ccaccf6f6fe5b5253785620c09ccd6f764ba449ec523e1").value())
            .value();
    set.entries.push_back(entry);
    set.tombstones.push_back({Handle::from(counting(0xd0, 16)).value(), 2, 1'800'000'000});
    return set;
}

TEST(KeyringFormat, SealsAShardToTheBytesOfTheFormat) {
    FixedRandom random(0x40);
    Bytes const bytes = seal_shard(example_set(), repository(), secret_from(0xc0), random);
    EXPECT_EQ(bytes.size(), 234U);
    EXPECT_EQ(to_hex(crypto::sha256(bytes)),
              "70518dcf4c0902ec17978a3a4b1443b68cb87e949fd19b7d373cf3f2c4c8d87f");
    ShardRef const ref{crypto::sha256(bytes), secret_from(0xc0)};
    auto const opened = open_shard(bytes, repository(), ref);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->entries.at(0).handle, handle());
    EXPECT_EQ(opened->tombstones.at(0).epoch, 2U);
}

TEST(KeyringFormat, OpensAShardUnderItsOwnKeyAlone) {
    FixedRandom random(0x40);
    Bytes const bytes = seal_shard(example_set(), repository(), secret_from(0xc0), random);
    for (std::size_t i = 0; i < 64; ++i) {
        ShardRef const other{crypto::sha256(bytes), secret_from(i)};
        EXPECT_FALSE(open_shard(bytes, repository(), other));
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        Bytes changed = bytes;
        changed[at] ^= std::byte{1};
        // Even with a name that fits, as a malicious store would give it.
        ShardRef const ref{crypto::sha256(changed), secret_from(0xc0)};
        EXPECT_FALSE(open_shard(changed, repository(), ref)) << at;
    }
}

TEST(KeyringFormat, RefusesUnsortedDoubleAndTooManyHandles) {
    Encoder out;
    out.varint(2);
    for (int i = 0; i < 2; ++i) {
        out.raw(handle().view());
        out.u32(generation_only);
        out.raw(Bytes(32 + 32));
    }
    out.varint(0);
    Decoder doubled(out.view());
    EXPECT_EQ(EntrySet::decode(doubled).error().fault(), Fault::corrupt);
    Encoder huge;
    huge.varint(~std::uint64_t{0});
    Decoder many(huge.view());
    EXPECT_EQ(EntrySet::decode(many).error().fault(), Fault::corrupt);
}

Bytes newest_manifest(KeyringTestWorld& world) {
    return get_triple(*world.store, manifest_name(world.open()->epoch()), 1 << 20, {})->body;
}

void replace_manifest(KeyringTestWorld& world, ByteView body) {
    EXPECT_TRUE(put_triple(*world.store, manifest_name(1), body, store::PutMode::replace, {}));
}

TEST(KeyringFormat, RefusesAnyGenerationButTheFirst) {
    EntrySet set;
    set.entries.resize(1);
    for (std::uint32_t const generation : {0U, 1U, 2U, 0xffffffffU}) {
        set.entries.front().generation = generation;
        Encoder out;
        set.encode(out);
        Bytes const bytes = out.take();
        Decoder in(bytes);
        auto const back = EntrySet::decode(in);
        EXPECT_EQ(back.has_value(), generation == 1);
        EXPECT_TRUE(back || back.error().fault() == Fault::unsupported);

        ManifestBody body;
        body.common.generation = generation;
        body.inboxes.resize(1);
        Encoder manifest;
        body.encode(manifest);
        Bytes const sealed = manifest.take();
        Decoder from(sealed);
        auto const common = ManifestBody::decode(from);
        EXPECT_EQ(!common && common.error().fault() == Fault::unsupported, generation != 1);
    }
}

TEST(KeyringFormat, NoticesEveryFlippedByteOfAManifest) {
    KeyringTestWorld world;
    world.create();
    Bytes const good = newest_manifest(world);
    for (std::size_t at = 0; at < good.size(); ++at) {
        Bytes changed = good;
        changed[at] ^= std::byte{1};
        replace_manifest(world, changed);
        EXPECT_FALSE(Keyring::open(world.place, world.secret, world.outside, {})) << at;
    }
    replace_manifest(world, good);
    EXPECT_TRUE(Keyring::open(world.place, world.secret, world.outside, {}));
}

TEST(KeyringFormat, RefusesAnEpochForgedByOneWhoKnowsNoKey) {
    KeyringTestWorld world;
    world.create();
    auto header = read_manifest_header(newest_manifest(world)).value();
    header.epoch = 2;
    ManifestBody body;  // a root and keys of the forger's own, sealed to the real slots
    body.inboxes.push_back({2, crypto::make_seal_pair(world.random)});
    Bytes const forged = seal_manifest(header, body, world.random);
    ASSERT_TRUE(put_triple(*world.store, manifest_name(2), forged, store::PutMode::if_absent, {}));
    auto opened = world.open();
    EXPECT_EQ(opened->epoch(), 1U);
    EXPECT_EQ(opened->damaged(), std::vector<std::string>{"keyring/m/2"});
    EXPECT_EQ(opened->rotate(world.settled, {}).error().code(), 14);
}

TEST(KeyringFormat, RefusesPassphraseCostsThatWereRaisedOrLowered) {
    KeyringTestWorld world;
    world.secret = passphrase("correct horse");
    auto made = Keyring::create(world.place, {world.secret, "", {64 * 1024, 3}}, world.outside, {});
    ASSERT_TRUE(made);
    auto header = read_manifest_header(newest_manifest(world)).value();
    for (crypto::PassphraseCost const cost :
         {crypto::PassphraseCost{1024, 3}, {0xffffffff, 3}, {64 * 1024, 1}, {64 * 1024, 1000000}}) {
        header.slots.at(0).info.cost = cost;
        auto const refused = open_slot(header.slots, world.secret, world.place.repository);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code(), 12);
    }
    header.slots.at(0).info.cost = {64 * 1024, 4};
    EXPECT_EQ(open_slot(header.slots, world.secret, world.place.repository).error().code(), 12);
}

TEST(RecoveryPhrase, HasTheCharactersOfTheFormat) {
    FixedRandom random(0);
    EXPECT_EQ(make_recovery_phrase(random), "000GG-40R4G-0M30H-E209W-185GC-R38EX-1W812-24GKD");
    auto const bits =
        parse_recovery_phrase("ooogg 40r4g 0m30h e209w L85gc r38ex Iw812 24gkd\n").value();
    EXPECT_EQ(to_bytes(bits.view()), counting(0, 20));
}

TEST(RecoveryPhrase, NamesTheGroupThatIsWrong) {
    std::string const good = "000GG-40R4G-0M30H-E209W-185GC-R38EX-1W812-24GKD";
    std::string wrong = good;
    wrong[13] = '4';
    auto const error = parse_recovery_phrase(wrong).error();
    EXPECT_NE(error.message().find("group 3"), std::string::npos) << error.message();
    EXPECT_FALSE(parse_recovery_phrase(good.substr(6)));
    EXPECT_FALSE(parse_recovery_phrase(""));
    EXPECT_FALSE(parse_recovery_phrase("U" + good.substr(1)));
    std::string const swapped = good.substr(6, 6) + good.substr(0, 6) + good.substr(12);
    EXPECT_FALSE(parse_recovery_phrase(swapped));
}

}  // namespace
}  // namespace perdure::repository
