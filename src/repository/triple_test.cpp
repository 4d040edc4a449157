#include "repository/triple.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "store/memory/memory_store.h"

namespace perdure::repository {
namespace {

TEST(Triple, HasTheBytesOfTheFormat) {
    Bytes const object = make_triple(as_bytes("perdure"));
    std::string const copy =
        "5044334307000000"
        "e5e3a6af2266aa7cfc43288f98c1ccd35fb4429857293ffe1f5d1dba5c64339e"
        "70657264757265";
    EXPECT_EQ(to_hex(object), copy + copy + copy);
    EXPECT_EQ(make_triple(tombstone_body({1'800'000'000, 5})).size(), tombstone_object_bytes);
    EXPECT_EQ(to_hex(tombstone_body({1'800'000'000, 5})), "5044545300d2496b00000000");
}

TEST(Triple, HealsEverySingleFlip) {
    Bytes const body = to_bytes("few and precious");
    Bytes const object = make_triple(body);
    for (std::size_t at = 0; at < object.size(); ++at) {
        Bytes changed = object;
        changed[at] ^= std::byte{0x40};
        auto const healed = read_triple(changed, 1000);
        ASSERT_TRUE(healed) << at;
        EXPECT_EQ(healed->body, body);
        EXPECT_TRUE(healed->damaged);
    }
    EXPECT_FALSE(read_triple(object, 1000)->damaged);
}

TEST(Triple, HealsBurstsInTwoOfTheCopiesAndTruncation) {
    Bytes const body(5000, std::byte{7});
    Bytes const object = make_triple(body);
    auto const third = object.size() / 3;
    for (std::size_t spared = 0; spared < 3; ++spared) {
        Bytes changed = object;
        for (std::size_t i = 0; i < 3; ++i) {
            if (i != spared)
                std::fill_n(changed.begin() + static_cast<long>(i * third), third, std::byte{0});
        }
        EXPECT_EQ(read_triple(changed, 10'000)->body, body);
    }
    for (std::size_t const left : {third, third + 1, object.size() - 1}) {
        EXPECT_EQ(read_triple(ByteView(object).first(left), 10'000)->body, body);
    }
}

TEST(Triple, HoldsALargeBodyOnceAndHealsItByParity) {
    Bytes body(100'000);
    for (std::size_t i = 0; i < body.size(); ++i) {
        body[i] = static_cast<std::byte>((i * 2'654'435'761U) >> 13);
    }
    Bytes const object = make_triple(body);
    EXPECT_LT(object.size(), body.size() * 5 / 4);
    EXPECT_EQ(read_triple(object, 100'000)->body, body);
    EXPECT_FALSE(read_triple(object, 100'000)->damaged);
    for (std::size_t at = 0; at < object.size(); at += at < 200 ? 1 : 311) {
        Bytes changed = object;
        changed[at] ^= std::byte{0x40};
        auto const healed = read_triple(changed, 100'000);
        ASSERT_TRUE(healed) << at;
        EXPECT_EQ(healed->body, body);
        EXPECT_TRUE(healed->damaged) << at;
    }
    Bytes burst = object;
    std::fill_n(burst.begin() + 40'000, 8'192, std::byte{0});
    EXPECT_EQ(read_triple(burst, 100'000)->body, body);
    std::fill_n(burst.begin(), 60'000, std::byte{0});
    EXPECT_EQ(read_triple(burst, 100'000).error().fault(), Fault::corrupt);
    EXPECT_EQ(read_triple(object, 99'999).error().fault(), Fault::corrupt);
    for (std::size_t const left : {body.size() + 40, object.size() - 1}) {
        auto const cut = read_triple(ByteView(object).first(left), 100'000);
        EXPECT_EQ(cut->body, body);
        EXPECT_TRUE(cut->damaged);
    }
}

TEST(Triple, ReadsLargeBodiesThatWereWrittenThreeTimes) {
    Bytes const body(50'000, std::byte{3});
    Bytes copy;
    append(copy, as_bytes("PD3C"));
    std::uint32_t const length = 50'000;
    append(copy, std::as_bytes(std::span(&length, 1)));
    append(copy, crypto::sha256(body).view());
    append(copy, body);
    Bytes object;
    for (int i = 0; i < 3; ++i) append(object, copy);
    EXPECT_EQ(read_triple(object, 50'000)->body, body);
    EXPECT_FALSE(read_triple(object, 50'000)->damaged);
    object[7'000] ^= std::byte{1};
    EXPECT_EQ(read_triple(object, 50'000)->body, body);
}

TEST(Triple, TakesTheMajorityWhenAllCopiesAreHurtElsewhere) {
    Bytes const body(300, std::byte{9});
    Bytes object = make_triple(body);
    auto const third = object.size() / 3;
    object[100] ^= std::byte{1};
    object[third + 150] ^= std::byte{1};
    object[2 * third + 200] ^= std::byte{1};
    EXPECT_EQ(read_triple(object, 1000)->body, body);
    object[third + 100] ^= std::byte{2};
    EXPECT_EQ(read_triple(object, 1000).error().fault(), Fault::corrupt);
}

TEST(Triple, RefusesHugeLengthsAndRubbish) {
    Bytes object = make_triple(as_bytes("x"));
    EXPECT_EQ(read_triple(object, 0).error().fault(), Fault::exhausted);
    EXPECT_EQ(read_triple(Bytes(10'000), 10).error().fault(), Fault::exhausted);
    EXPECT_FALSE(read_triple({}, 1000));
    for (std::size_t copy = 0; copy < 3; ++copy) {
        std::fill_n(object.begin() + static_cast<long>(copy * object.size() / 3) + 4, 4,
                    std::byte{0xff});
    }
    EXPECT_EQ(read_triple(object, ~0U).error().fault(), Fault::corrupt);
}

TEST(Triple, TellsTombstonesApart) {
    store::MemoryStore store;
    ASSERT_TRUE(put_triple(store, "a", tombstone_body({}), store::PutMode::if_absent, {}));
    EXPECT_TRUE(is_tombstone(get_triple(store, "a", 1000, {})->body));
    EXPECT_FALSE(is_tombstone(as_bytes("twelve bytes")));
    EXPECT_EQ(get_triple(store, "b", 1000, {}).error().fault(), Fault::not_found);
}

}  // namespace
}  // namespace perdure::repository
