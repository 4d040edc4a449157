#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>

#include "content/chunk.h"
#include "content/codec.h"
#include "content/padding.h"
#include "content/parity.h"

namespace perdure::content {
namespace {

Bytes noise(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Bytes bytes(count);
    for (std::size_t i = 0; i < count; ++i)
        bytes[i] = std::byte(static_cast<std::uint8_t>(random()));
    return bytes;
}

Bytes text_like(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Bytes bytes;
    while (bytes.size() < count) {
        append(bytes, as_bytes("{\"id\":" + std::to_string(random() % 100000) +
                               ",\"name\":\"user of the service\",\"active\":true}\n"));
    }
    bytes.resize(count);
    return bytes;
}

crypto::Secret32 key_of(std::uint8_t fill) {
    crypto::Secret32 key;
    std::ranges::fill(key.span(), std::byte{fill});
    return key;
}

/// The definition of a cut, one byte at a time, from the words of docs/FORMAT.md.
std::size_t slow_cut(ByteView bytes, std::array<std::uint64_t, 256> const& gear, ChunkSizes sizes) {
    std::size_t const end = std::min<std::size_t>(bytes.size(), sizes.max_bytes);
    int const bits = std::bit_width(sizes.usual_bytes) - 1;
    for (std::size_t n = sizes.min_bytes; n <= end; ++n) {
        std::uint64_t hash = 0;
        for (std::size_t i = 0; i < 64; ++i) {
            hash += gear[std::to_integer<std::size_t>(bytes[n - 1 - i])] << i;
        }
        int const mask = n < sizes.usual_bytes ? bits + 2 : bits - 2;
        if (hash < std::uint64_t{1} << (64 - mask)) return n;
    }
    return end;
}

std::array<std::uint64_t, 256> slow_gear(crypto::Secret32 const& key) {
    std::array<std::uint64_t, 256> gear{};
    crypto::HmacKey const mac(key);
    for (unsigned i = 0; i < 64; ++i) {
        std::byte const number{static_cast<std::uint8_t>(i)};
        auto const digest = mac.mac({as_bytes("perdure1/gear"), ByteView(&number, 1)});
        std::memcpy(&gear[4 * i], digest.bytes.data(), 32);
    }
    return gear;
}

TEST(Chunker, CutsWhereTheDefinitionSays) {
    ChunkSizes const sizes{16 << 10, 64 << 10, 256 << 10};
    Chunker const chunker(key_of(7), sizes);
    auto const gear = slow_gear(key_of(7));
    Bytes const bytes = noise(3 << 20, 1);
    ByteView rest = bytes;
    std::size_t chunks = 0;
    while (!rest.empty()) {
        std::size_t const length = chunker.cut(rest, true);
        ASSERT_EQ(length, slow_cut(rest, gear, sizes)) << "at " << bytes.size() - rest.size();
        rest = rest.subspan(length);
        ++chunks;
    }
    EXPECT_GT(chunks, 20U);
    EXPECT_LT(chunks, 90U);
}

TEST(Chunker, HasTheVectorsOfTheFormat) {
    // x0 = 1, x = x * 6364136223846793005 + 1442695040888963407, byte = x >> 56; key 32 times 0x2a.
    Bytes bytes(8 << 20);
    std::uint64_t x = 1;
    for (std::byte& byte : bytes) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        byte = std::byte(static_cast<std::uint8_t>(x >> 56));
    }
    Chunker const chunker(key_of(0x2a), data_chunks);
    std::vector<std::size_t> cuts;
    for (ByteView rest = bytes; !rest.empty() && cuts.size() < 4;) {
        cuts.push_back(chunker.cut(rest, true));
        rest = rest.subspan(cuts.back());
    }
    EXPECT_EQ(slow_gear(key_of(0x2a))[0], 17683779064872171261ULL);
    EXPECT_EQ(cuts, (std::vector<std::size_t>{1073350, 1106896, 1122419, 1840919}));
}

TEST(Chunker, AsksForMoreUntilACutIsCertain) {
    ChunkSizes const sizes{16 << 10, 64 << 10, 256 << 10};
    Chunker const chunker(key_of(7), sizes);
    Bytes const bytes = noise(1 << 20, 2);
    std::size_t const cut = chunker.cut(bytes, true);
    EXPECT_EQ(chunker.cut(ByteView(bytes).first(cut - 1), false), 0U);
    EXPECT_EQ(chunker.cut(ByteView(bytes).first(cut), false), cut);
    EXPECT_EQ(chunker.cut(ByteView(bytes).first(100), true), 100U);
    EXPECT_EQ(chunker.cut({}, true), 0U);
    Bytes const flat(1 << 20);
    EXPECT_LE(chunker.cut(flat, false), sizes.max_bytes);
}

TEST(Chunker, CutsAlikeHoweverManyBytesItIsGiven) {  // found by fuzz_chunk
    ChunkSizes const sizes{128, 512, 2048};
    Chunker const chunker(key_of(0), sizes);
    auto const gear = slow_gear(key_of(0));
    Bytes const bytes = noise(40'000, 9);
    for (ByteView rest = bytes; rest.size() > sizes.max_bytes;) {
        std::size_t const cut = chunker.cut(rest, true);
        ASSERT_EQ(cut, slow_cut(rest, gear, sizes));
        for (std::size_t given = 0; given < cut; given += 3) {
            ASSERT_EQ(chunker.cut(rest.first(given), false), 0U) << given;
        }
        ASSERT_EQ(chunker.cut(rest.first(cut), false), cut);
        rest = rest.subspan(cut);
    }
}

TEST(Chunker, FindsTheSameCutsAfterAnInsertion) {
    ChunkSizes const sizes{16 << 10, 64 << 10, 256 << 10};
    Chunker const chunker(key_of(7), sizes);
    Bytes const before = noise(2 << 20, 3);
    Bytes after = before;
    after.insert(after.begin() + 100, std::byte{1});
    auto const ends = [&](ByteView bytes) {
        std::vector<std::size_t> from_end;
        for (ByteView rest = bytes; !rest.empty(); rest = rest.subspan(chunker.cut(rest, true))) {
            from_end.push_back(rest.size());
        }
        return from_end;
    };
    auto const a = ends(before), b = ends(after);
    std::vector<std::size_t> common;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common),
                          std::greater{});
    EXPECT_GE(common.size() + 5, a.size());
}

TEST(Chunker, CutsDifferentlyUnderAnotherKey) {
    Bytes const bytes = noise(4 << 20, 4);
    EXPECT_NE(Chunker(key_of(1), data_chunks).cut(bytes, true),
              Chunker(key_of(2), data_chunks).cut(bytes, true));
}

TEST(Codec, GivesBackWhatItTook) {
    for (std::size_t const size : {0, 1, 31, 32, 1000, 300000, 5 << 20}) {
        for (Effort const effort : {Effort::fast, Effort::balanced}) {
            Bytes const raw = text_like(size, size);
            Bytes packed;
            Codec const codec = compress(raw, {.effort = effort}, packed);
            ByteView const body = codec == Codec::stored ? ByteView(raw) : ByteView(packed);
            auto const back = decompress({codec, body, raw.size(), {}});
            ASSERT_TRUE(back) << back.error().message();
            EXPECT_EQ(*back, raw);
            if (size >= 1000) {
                EXPECT_LT(body.size(), raw.size() / 2);
            }
        }
    }
}

TEST(Codec, StoresNoiseAsItIs) {
    for (std::size_t const size : {100, 4096, 300000, 4 << 20}) {
        Bytes packed;
        EXPECT_EQ(compress(noise(size, 5), {}, packed), Codec::stored);
        EXPECT_TRUE(packed.empty());
    }
}

TEST(Codec, ADeltaCostsLittleMoreThanTheChange) {
    Bytes const before = noise(128 << 10, 6);
    Bytes after = before;
    for (std::size_t i = 0; i < 100; ++i) after[5000 + i] = std::byte{7};
    Bytes packed;
    ASSERT_EQ(compress(after, {.effort = Effort::balanced, .prefix = before}, packed),
              Codec::zstd_prefix);
    EXPECT_LT(packed.size(), 200U);
    EXPECT_EQ(*decompress({Codec::zstd_prefix, packed, after.size(), before}), after);
    auto const wrong_base = decompress({Codec::zstd_prefix, packed, after.size(), noise(9, 1)});
    if (wrong_base) {
        EXPECT_NE(*wrong_base, after);
    }
}

TEST(Codec, RefusesHostileFramesBeforeAllocating) {
    Bytes const raw = text_like(5000, 1);
    Bytes packed;
    ASSERT_EQ(compress(raw, {}, packed), Codec::zstd);
    auto const fault = [&](Codec codec, ByteView bytes, std::size_t raw_bytes) {
        return decompress({codec, bytes, raw_bytes, {}}).error().fault();
    };
    EXPECT_EQ(fault(Codec::zstd, packed, std::size_t{1} << 40), Fault::exhausted);
    EXPECT_EQ(fault(Codec::zstd, packed, raw.size() + 1), Fault::corrupt);
    EXPECT_EQ(fault(Codec::zstd, ByteView(packed).first(packed.size() - 1), raw.size()),
              Fault::corrupt);
    EXPECT_EQ(fault(Codec{9}, packed, raw.size()), Fault::unsupported);
    EXPECT_EQ(fault(Codec::stored, packed, raw.size()), Fault::corrupt);
    EXPECT_EQ(fault(Codec::zstd, {}, raw.size()), Fault::corrupt);
    Bytes trailing = packed;
    trailing.push_back(std::byte{0});
    EXPECT_EQ(fault(Codec::zstd, trailing, raw.size()), Fault::corrupt);
    Bytes window = packed;
    window[4] = std::byte{0x80};            // not a single segment,
    window[5] = std::byte{(24 - 10) << 3};  // with a window of 16 MiB
    EXPECT_EQ(fault(Codec::zstd, window, raw.size()), Fault::corrupt);
    Bytes dictionary = packed;
    dictionary[4] |= std::byte{1};
    EXPECT_EQ(fault(Codec::zstd, dictionary, raw.size()), Fault::corrupt);
}

TEST(Padding, RoundsUpInStepsAndLittle) {
    EXPECT_EQ(padded_bytes(0), 4096U);
    EXPECT_EQ(padded_bytes(1), 4096U);
    EXPECT_EQ(padded_bytes(4097), 8192U);
    for (std::uint64_t const length : {100'000ULL, 1'000'000ULL, 31'000'000ULL}) {
        std::uint64_t const padded = padded_bytes(length);
        EXPECT_GE(padded, length);
        EXPECT_LE(padded, length + length / 8);
        EXPECT_EQ(padded_bytes(padded), padded);
    }
    EXPECT_LE(padded_bytes(31'000'000) - 31'000'000, 256U << 10);
}

TEST(Parity, AppendsFiveInAHundredAndMeasuresItself) {
    Bytes const body = noise(8 << 20, 1);
    Bytes object = body;
    append(object, make_parity(body));
    EXPECT_LT(object.size(), body.size() * 105 / 100);
    EXPECT_EQ(body_bytes(object), body.size());
    EXPECT_EQ(body_bytes_from_tail(ByteView(object).last(parity_tail_bytes), object.size()),
              body.size());
    EXPECT_EQ(body_bytes(body), body.size());
}

TEST(Parity, RepairsTheLongestBurstAnywhere) {
    Bytes const body = noise(2 << 20, 2);
    crypto::Digest const name = crypto::sha256(body);
    Bytes object = body;
    append(object, make_parity(body));
    std::size_t const burst = (3 * 8 - 1) * 4096;  // 8 stripes; one sector less for the alignment
    for (std::size_t begin = 0; begin < object.size(); begin += 77'777) {
        Bytes damaged = object;
        for (std::size_t i = begin; i < std::min(begin + burst, damaged.size()); ++i) {
            damaged[i] ^= std::byte{0x5a};
        }
        auto const repaired = repair_with_parity(damaged, name);
        ASSERT_TRUE(repaired) << begin;
        EXPECT_EQ(*repaired, body);
    }
}

TEST(Parity, RepairsAnySingleByteOfASmallObject) {
    for (std::size_t const size : {0, 1, 63, 100, 5000}) {
        Bytes const body = noise(size, size);
        crypto::Digest const name = crypto::sha256(body);
        Bytes object = body;
        append(object, make_parity(body));
        std::size_t const step = object.size() > 4000 ? 13 : 1;
        for (std::size_t i = 0; i < object.size(); i += step) {
            Bytes damaged = object;
            damaged[i] ^= std::byte{1};
            auto const repaired = repair_with_parity(damaged, name);
            ASSERT_TRUE(repaired) << size << " at " << i;
            EXPECT_EQ(*repaired, body);
        }
    }
}

TEST(Parity, RepairsThreeSectorsOfAStripeAndNamesTheFourth) {
    Bytes const body = noise(1 << 20, 3);  // 256 sectors, 4 stripes
    crypto::Digest const name = crypto::sha256(body);
    Bytes object = body;
    append(object, make_parity(body));
    for (std::size_t lost = 1; lost <= 4; ++lost) {
        Bytes damaged = object;
        for (std::size_t k = 0; k < lost; ++k) damaged[(4 * 7 * k) * 4096 + 5] ^= std::byte{1};
        auto const repaired = repair_with_parity(damaged, name);
        EXPECT_EQ(repaired.has_value(), lost <= 3) << lost;
        if (!repaired) {
            EXPECT_EQ(repaired.error().fault(), Fault::corrupt);
        }
    }
}

TEST(Parity, RepairsATruncatedObjectWhenTheSuffixAloneIsLost) {
    Bytes const body = noise(300'000, 4);
    Bytes object = body;
    append(object, make_parity(body));
    for (std::size_t const cut : {1, 40, 3000, 12'000}) {
        auto const repaired =
            repair_with_parity(ByteView(object).first(object.size() - cut), crypto::sha256(body));
        ASSERT_TRUE(repaired) << cut;
        EXPECT_EQ(*repaired, body);
    }
    EXPECT_FALSE(repair_with_parity(ByteView(object).first(100'000), crypto::sha256(body)));
}

TEST(Parity, AcceptsNothingButTheExpectedBody) {
    Bytes const body = noise(10'000, 5), other = noise(10'000, 6);
    Bytes object = other;
    append(object, make_parity(other));
    EXPECT_EQ(repair_with_parity(object, crypto::sha256(body)).error().fault(), Fault::corrupt);
    EXPECT_FALSE(repair_with_parity({}, crypto::sha256(body)));
}

}  // namespace
}  // namespace perdure::content
