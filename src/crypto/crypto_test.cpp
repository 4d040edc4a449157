#include <gtest/gtest.h>

#include <thread>

#include "crypto/blake2b.h"
#include "crypto/chacha.h"
#include "crypto/checksum.h"
#include "crypto/derive.h"
#include "crypto/exchange.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "crypto/sign.h"
#include "crypto/uuid.h"

namespace perdure::crypto {
namespace {

Bytes hex(std::string_view text) {
    return from_hex(text).value();
}

Secret32 key_of(std::string_view text) {
    Bytes const bytes = hex(text);
    return Secret32(std::span<std::byte const, 32>(bytes.data(), 32));
}

class CountingRandom : public system::Random {
public:
    void fill(ByteSpan into) override {
        for (auto& byte : into) byte = std::byte{next_++};
    }

private:
    std::uint8_t next_ = 0;
};

TEST(Sha256, GivesTheExamplesOfFips180) {
    EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(sha256({})),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, GivesTheSameForAStreamAndStartsAfreshAfterFinish) {
    Sha256 stream;
    for (int round = 0; round < 2; ++round) {
        stream.update(as_bytes("a"));
        stream.update({});
        stream.update(as_bytes("bc"));
        EXPECT_EQ(stream.finish(), sha256(as_bytes("abc")));
    }
}

// RFC 4231 §4.2 and §4.3, their keys padded with zeros to 32 bytes, which HMAC does anyway.
TEST(HmacKey, GivesTheExamplesOfRfc4231) {
    HmacKey const first(key_of("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b000000000000000000000000"));
    EXPECT_EQ(to_hex(first.mac(as_bytes("Hi There"))),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    HmacKey const second(
        key_of("4a65666500000000000000000000000000000000000000000000000000000000"));
    EXPECT_EQ(to_hex(second.mac(as_bytes("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(HmacKey, JoinsPartsAsTheyAreAndServesManyThreads) {
    HmacKey const key(key_of("4a65666500000000000000000000000000000000000000000000000000000000"));
    Digest const whole = key.mac(as_bytes("what do ya want for nothing?"));
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 1000; ++n) {
                EXPECT_EQ(key.mac({as_bytes("what do ya "), {}, as_bytes("want for nothing?")}),
                          whole);
            }
        });
    }
    threads.clear();
    Secret32 const derived = key.derive({as_bytes("what do ya want for nothing?")});
    EXPECT_TRUE(equal_constant_time(derived.view(), whole.view()));
}

// RFC 5869 A.1 (test case 1), its first 32 bytes of output.
TEST(Hkdf, GivesTheExampleOfRfc5869) {
    Secret32 const key = hkdf(hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
                              hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"));
    EXPECT_EQ(to_hex(key.view()),
              "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

// RFC 5869 A.2: secret and salt longer than a block.
TEST(Hkdf, HashesASaltLongerThanABlock) {
    Bytes secret, salt, info;
    for (int i = 0; i < 0x50; ++i) {
        secret.push_back(std::byte(i));
        salt.push_back(std::byte(0x60 + i));
        info.push_back(std::byte(0xb0 + i));
    }
    EXPECT_EQ(to_hex(hkdf(secret, salt, info).view()),
              "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c");
}

// The GCM specification of McGrew and Viega, test cases 13 and 14: zero key, zero nonce.
TEST(Seal, GivesTheExamplesOfGcm) {
    Secret32 const zero;
    Bytes sealed;
    seal_once(zero, {}, {}, sealed);
    EXPECT_EQ(to_hex(sealed), "530f8afbc74536b9a963b4f1c4cb738b");
    sealed.clear();
    seal_once(zero, {}, Bytes(16), sealed);
    EXPECT_EQ(to_hex(sealed), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

TEST(Seal, AppendsAndOpensAgainOnEveryThread) {
    Secret32 const key = key_of(std::string(64, '7'));
    Bytes const plain(100'003, std::byte{0x5a});
    for (int i = 0; i < 2; ++i) {
        std::jthread([&] {
            Bytes out = to_bytes("head");
            seal_once(key, as_bytes("associated"), plain, out);
            ASSERT_EQ(out.size(), 4 + plain.size() + seal_overhead_bytes);
            auto const opened = open_sealed(key, as_bytes("associated"), ByteView(out).subspan(4));
            ASSERT_TRUE(opened);
            EXPECT_EQ(*opened, plain);
        });
    }
}

TEST(Seal, RefusesEveryFlippedBitOtherKeysAndOtherContexts) {
    Secret32 const key = key_of(std::string(64, '7'));
    Bytes sealed;
    seal_once(key, as_bytes("here"), as_bytes("secret"), sealed);
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        Bytes changed = sealed;
        changed[bit / 8] ^= std::byte{static_cast<std::uint8_t>(1U << (bit % 8))};
        EXPECT_FALSE(open_sealed(key, as_bytes("here"), changed)) << bit;
    }
    EXPECT_EQ(open_sealed(key, as_bytes("there"), sealed).error().fault(), Fault::corrupt);
    EXPECT_FALSE(open_sealed(Secret32(), as_bytes("here"), sealed));
    EXPECT_FALSE(open_sealed(key, as_bytes("here"), ByteView(sealed).first(15)));
    EXPECT_TRUE(open_sealed(key, as_bytes("here"), sealed));
}

// Thirty checks, "multi-key ciphertext → one key opens": GCM alone does not commit to its key, so
// the format recomputes an HMAC of the plaintext under the same domain. Here: two keys never open
// one ciphertext by accident.
TEST(Seal, OpensUnderOneKeyOnly) {
    Bytes sealed;
    Secret32 key;
    seal_once(key, {}, as_bytes("text"), sealed);
    for (int i = 0; i < 256; ++i) {
        Secret32 other = key;
        other.span()[static_cast<std::size_t>(i % 32)] ^= std::byte(1 + i / 32);
        EXPECT_FALSE(open_sealed(other, {}, sealed));
    }
}

// RFC 8032 §7.1, tests 1 to 3.
TEST(Sign, GivesTheExamplesOfRfc8032) {
    struct Example {
        std::string_view seed, open, message, signature;
    };
    Example const examples[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
         "cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d"
         "0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7609"
         "84dc6594a7c15e9716ed28dc027beceea1ec40a"},
    };
    for (Example const& example : examples) {
        SignPair const pair = sign_pair_from_seed(key_of(example.seed));
        EXPECT_EQ(to_hex(pair.open), example.open);
        Bytes const message = hex(example.message);
        Signature const signature = sign(pair, message);
        EXPECT_EQ(to_hex(signature), example.signature);
        EXPECT_TRUE(verify(pair.open, message, signature));
        EXPECT_FALSE(verify(pair.open, as_bytes("other"), signature));
        Signature changed = signature;
        changed.bytes[40] ^= std::byte{1};
        EXPECT_FALSE(verify(pair.open, message, changed));
    }
}

TEST(SealedBox, OpensForItsPairOnly) {
    CountingRandom random;
    SealPair const pair = make_seal_pair(random);
    SealPair const other = make_seal_pair(random);
    // RFC 7748: the public key of 00 01 … 1f.
    EXPECT_EQ(to_hex(pair.open),
              "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f");
    Bytes const sealed = seal_to(pair.open, as_bytes("root"));
    EXPECT_EQ(open_from(pair, sealed).value(), to_bytes("root"));
    EXPECT_EQ(open_from(other, sealed).error().fault(), Fault::denied);
    EXPECT_FALSE(open_from(pair, ByteView(sealed).first(20)));
    Bytes changed = sealed;
    changed.back() ^= std::byte{1};
    EXPECT_FALSE(open_from(pair, changed));
    EXPECT_NE(seal_to(pair.open, as_bytes("root")), sealed);
}

TEST(Passphrase, RefusesWeakenedAndExhaustingCosts) {
    constexpr std::uint32_t mib = 1024;
    EXPECT_TRUE(check_cost({}));
    EXPECT_TRUE(check_cost({64 * mib, 3}));
    EXPECT_TRUE(check_cost({1024 * mib, 16}));
    for (PassphraseCost const cost : {PassphraseCost{64 * mib - 1, 3},
                                      {1024 * mib + 1, 3},
                                      {64 * mib, 2},
                                      {64 * mib, 17},
                                      {0, 0},
                                      {0xffffffff, 0xffffffff}}) {
        EXPECT_EQ(check_cost(cost).error().fault(), Fault::denied);
        EXPECT_EQ(key_from_passphrase({}, {}, cost).error().fault(), Fault::denied);
    }
}

// Computed with the reference program of the authors (argon2 -id -v 13 -t 3 -k 65536 -p 1 -l 32).
TEST(Passphrase, IsArgon2idVersion13WithOneLane) {
    Salt16 salt;
    std::memcpy(salt.bytes.data(), "somesaltsomesalt", 16);
    auto const key = key_from_passphrase(as_bytes("password"), salt, {64 * 1024, 3});
    ASSERT_TRUE(key);
    EXPECT_EQ(to_hex(key->view()),
              "7664ad4ba1a3c999fcdd0991ffc2270f78302d2383233db5e7befc85d1bb1819");
}

TEST(Wipe, LeavesZeros) {
    Bytes bytes(40, std::byte{7});
    wipe(bytes);
    EXPECT_EQ(bytes, Bytes(40));
    wipe({});
}

TEST(ConstantTime, ComparesLengthAndContent) {
    EXPECT_TRUE(equal_constant_time(as_bytes("ab"), as_bytes("ab")));
    EXPECT_FALSE(equal_constant_time(as_bytes("ab"), as_bytes("ac")));
    EXPECT_FALSE(equal_constant_time(as_bytes("ab"), as_bytes("abc")));
    EXPECT_TRUE(equal_constant_time({}, {}));
}

TEST(Hashing, AStreamGoesOnWhereItWasMovedTo) {
    Sha256 first;
    first.update(as_bytes("ab"));
    Sha256 moved(std::move(first));
    moved.update(as_bytes("c"));
    Sha256 assigned;
    assigned.update(as_bytes("forgotten"));
    assigned = std::move(moved);
    EXPECT_EQ(assigned.finish(), sha256(as_bytes("abc")));
    EXPECT_EQ(assigned.finish(), sha256({})) << "ready for a new stream";

    Blake2b long_first, long_whole;
    long_whole.update(as_bytes("abc"));
    long_first.update(as_bytes("ab"));
    Blake2b long_moved(std::move(long_first));
    long_moved.update(as_bytes("c"));
    Blake2b long_assigned;
    long_assigned = std::move(long_moved);
    EXPECT_EQ(long_assigned.finish(), long_whole.finish());

    auto named = Checksum::open("sha256");
    auto other = Checksum::open("md5");
    ASSERT_TRUE(named && other);
    named->update(as_bytes("abc"));
    *other = std::move(*named);
    EXPECT_EQ(other->finish(), to_hex(sha256(as_bytes("abc"))));
}

TEST(Hashing, AKeyedCodeIsTheSameWhereverItsKeyIsMoved) {
    Secret32 const secret = key_of(std::string(64, '7'));
    HmacKey const kept(secret);
    HmacKey first(secret);
    HmacKey moved(std::move(first));
    HmacKey assigned(Secret32{});
    assigned = std::move(moved);
    EXPECT_EQ(assigned.mac(as_bytes("abc")), kept.mac(as_bytes("abc")));
    EXPECT_NE(assigned.mac(as_bytes("abc")), HmacKey(Secret32{}).mac(as_bytes("abc")));
}

}  // namespace
TEST(Refusals, OfWhatWouldWeakenAKeyOrCostTooMuchNameTheirReason) {
    Secret32 secret;
    secret.span()[0] = std::byte{8};
    auto const low_order = x25519_shared(secret, PublicKey{});
    ASSERT_FALSE(low_order);
    EXPECT_EQ(low_order.error().fault(), Fault::denied);
    auto const costly = scrypt_stream(as_bytes("p"), {}, std::uint64_t{1} << 27, 1 << 20, 32);
    ASSERT_FALSE(costly);
    EXPECT_EQ(costly.error().fault(), Fault::denied);
    auto const unknown = Checksum::open("crc32");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().fault(), Fault::unsupported);
    Bytes const sealed(chacha_overhead_bytes - 1);
    auto const cut = chacha_open_into(secret, Nonce12{}, sealed, {});
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().fault(), Fault::corrupt);
}

// RFC 9562, appendix A.4: the DNS space and "www.example.com".
TEST(Uuid, IsTheOneOfTheStandardAndTheSameForTheSameNames) {
    EXPECT_EQ(uuid_v5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com"),
              "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    EXPECT_EQ(uuid_v5("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "www.example.com"),
              "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    // What is no UUID is turned into one, and never mistaken for one.
    EXPECT_EQ(uuid_v5("my books", "a"), uuid_v5("my books", "a"));
    EXPECT_NE(uuid_v5("my books", "a"), uuid_v5("my books", "b"));
    EXPECT_NE(uuid_v5("6ba7b810-9dad-11d1-80b4-00c04fd430cx", "a"),
              uuid_v5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "a"));
    EXPECT_EQ(uuid_v5("x", "y").size(), 36U);
    EXPECT_EQ(uuid_v5("x", "y")[14], '5');
}

}  // namespace perdure::crypto
