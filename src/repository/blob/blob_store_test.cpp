#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "repository/blob/blob_test_world.h"

namespace perdure::repository {
namespace {

using Put = BlobWriter::Put;

TEST(BlobStore, GivesBackEveryBlobOfEveryClassAndSize) {
    World world;
    auto index = world.index();
    auto writer = world.writer(index);
    std::vector<std::pair<BlobId, Bytes>> put;
    std::uint64_t seed = 0;
    for (BlobClass const kind :
         {BlobClass::small, BlobClass::large, BlobClass::rows, BlobClass::meta}) {
        for (std::size_t const size : {0, 1, 100, 5000, 300'000, 3'000'000}) {
            for (bool const compressible : {true, false}) {
                Bytes bytes = compressible ? prose(size, ++seed) : noise(size, ++seed);
                auto const id = writer->put(world.common, bytes, {kind, compressible, {}, {}});
                ASSERT_TRUE(id) << id.error().message();
                put.emplace_back(*id, std::move(bytes));
            }
        }
    }
    ASSERT_TRUE(writer->finish({}));
    // A new process, too, finds everything.
    for (auto const& seen : {index, world.index()}) {
        auto const reader = world.reader(seen);
        for (auto const& [id, bytes] : put) {
            auto const blob = reader->read(id, world.common, {});
            ASSERT_TRUE(blob) << blob.error().message();
            EXPECT_TRUE(std::ranges::equal(blob->view(), bytes));
        }
    }
    EXPECT_TRUE(world.damage.empty());
}

TEST(BlobStore, EachGenerationOfAPersonOpensItsOwnBlobsAndNoOthers) {
    World world;
    auto index = world.index();
    auto writer = world.writer(index);
    std::vector<DomainPtr> generations;
    std::vector<BlobId> ids;
    Bytes const text = prose(5000, 1);
    for (std::uint32_t const number : {1U, 2U, 0xffff'ffffU}) {
        generations.push_back(make_domain(world.repository, 4, number));
        ids.push_back(*writer->put(generations.back(), text, {.blob_class = BlobClass::rows}));
    }
    ASSERT_TRUE(writer->finish({}));
    EXPECT_EQ(writer->statistics().blobs_new, 3U) << "equal texts of two generations met";
    auto const reader = world.reader(world.index());
    for (std::size_t mine = 0; mine < ids.size(); ++mine) {
        for (std::size_t other = 0; other < generations.size(); ++other) {
            auto const blob = reader->read(ids[mine], generations[other], {});
            EXPECT_EQ(blob.has_value(), mine == other) << mine << " by " << other;
            EXPECT_TRUE(!blob || std::ranges::equal(blob->view(), text));
        }
    }
}

TEST(BlobStore, StoresEqualBlobsOnceAcrossThreadsAndSessions) {
    World world;
    auto index = world.index();
    auto writer = world.writer(index);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (std::uint64_t i = 0; i < 300; ++i) {
                EXPECT_TRUE(writer->put(world.common, prose(500, i), {}));
            }
        });
    }
    threads.clear();
    ASSERT_TRUE(writer->finish({}));
    EXPECT_EQ(writer->statistics().blobs_new, 300U);
    EXPECT_EQ(writer->statistics().blobs_known, 900U);
    EXPECT_EQ(index->entry_count(), 300U);
    auto again = world.writer(world.index());
    for (std::uint64_t i = 0; i < 300; ++i) {
        EXPECT_TRUE(again->put(world.common, prose(500, i), {}));
    }
    ASSERT_TRUE(again->finish({}));
    EXPECT_EQ(again->statistics().blobs_new, 0U);
    EXPECT_EQ(again->statistics().packs, 0U);
    EXPECT_EQ(again->put(world.common, prose(500, 999), {}).error().fault(), Fault::internal);
}

TEST(BlobStore, KeepsDomainsApart) {
    World world;
    DomainPtr const alice = make_domain(world.repository, 1),
                    bob = make_domain(world.repository, 2);
    auto index = world.index();
    auto writer = world.writer(index);
    Bytes const bytes = prose(1000, 1);
    auto const of_alice = writer->put(alice, bytes, {});
    auto const of_bob = writer->put(bob, bytes, {});
    ASSERT_TRUE(of_alice && of_bob);
    EXPECT_NE(*of_alice, *of_bob);
    ASSERT_TRUE(writer->finish({}));
    auto const reader = world.reader(index);
    EXPECT_TRUE(reader->read(*of_alice, alice, {}));
    EXPECT_TRUE(reader->read(*of_bob, bob, {}));
    EXPECT_EQ(world.reader(index)->read(*of_alice, bob, {}).error().fault(), Fault::corrupt);
    EXPECT_EQ(reader->read(*of_alice, bob, {}).error().fault(), Fault::corrupt);
    EXPECT_EQ(reader->read(*of_alice, nullptr, {}).error().fault(), Fault::denied);
    // Each lies in a frame of its own: destroying one key leaves nothing of it in another's frame.
    auto const packs = world.names("pack/d/");
    ASSERT_EQ(packs.size(), 1U);
    auto const directory = read_pack_directory(world.source(), *PackName::parse(packs[0]), {});
    ASSERT_TRUE(directory);
    ASSERT_EQ(directory->frames.size(), 2U);
    EXPECT_EQ(directory->frames[0].handle, alice->handle());
    EXPECT_EQ(directory->frames[1].handle, bob->handle());
}

TEST(BlobStore, StoresAChangeAsADeltaOfDepthOne) {
    World world;
    auto index = world.index();
    Bytes const before = noise(60'000, 1);
    Bytes after = before;
    after[30'000] ^= std::byte{1};
    Bytes later = after;
    later[100] ^= std::byte{1};
    auto writer = world.writer(index);
    auto const base = writer->put(world.common, before, {BlobClass::rows, true, {}, {}});
    ASSERT_TRUE(base && writer->finish({}));
    auto second = world.writer(index);
    auto const delta = second->put(world.common, after, {BlobClass::rows, true, *base, before});
    ASSERT_TRUE(delta && second->finish({}));
    EXPECT_LT(second->statistics().bytes_stored, 22'000U);
    auto third = world.writer(index);
    auto const deeper = third->put(world.common, later, {BlobClass::rows, true, *delta, after});
    ASSERT_TRUE(deeper && third->finish({}));
    auto const reader = world.reader(world.index());
    EXPECT_TRUE(std::ranges::equal(reader->read(*delta, world.common, {})->view(), after));
    EXPECT_TRUE(std::ranges::equal(reader->read(*deeper, world.common, {})->view(), later));
    EXPECT_EQ(*reader->base_of(*delta, {}), *base);
    EXPECT_EQ(*reader->base_of(*deeper, {}), std::nullopt);  // a delta of a delta is never written
    EXPECT_EQ(*reader->base_of(*base, {}), std::nullopt);
}

TEST(BlobStore, EveryFlippedByteOfASmallPackIsRepaired) {
    World world;
    auto index = world.index();
    auto writer = world.writer(index);
    Bytes const bytes = noise(700, 1);
    auto const id = writer->put(world.common, bytes, {});
    ASSERT_TRUE(id && writer->finish({}));
    auto const name = world.names("pack/d/").at(0);
    std::size_t const size = world.memory.head(name, {})->size_bytes;
    for (std::size_t i = 0; i < size; i += (i < 100 ? 1 : 67)) {
        world.memory.tamper(name, [&](Bytes& object) { object[i] ^= std::byte{0x10}; });
        auto const blob = world.reader(index)->read(*id, world.common, {});
        ASSERT_TRUE(blob) << i << ": " << blob.error().message();
        EXPECT_TRUE(std::ranges::equal(blob->view(), bytes));
        auto const directory = read_pack_directory(world.source(), *PackName::parse(name), {});
        EXPECT_TRUE(directory) << i;
        auto const body = read_pack(world.source(), *PackName::parse(name), {});
        ASSERT_TRUE(body) << i;
        world.memory.tamper(name, [&](Bytes& object) { object[i] ^= std::byte{0x10}; });
    }
    EXPECT_FALSE(world.damage.empty());
    EXPECT_TRUE(std::ranges::all_of(world.damage, &PackDamage::repairable));
}

TEST(BlobStore, NamesWhatIsBeyondRepairAndSalvagesTheRest) {
    World world;
    auto index = world.index();
    auto writer = world.writer(index);
    Bytes const first = noise(400'000, 1), second = noise(400'000, 2);
    auto const a = writer->put(world.common, first, {BlobClass::small, false, {}, {}});
    auto const b = writer->put(world.common, second, {BlobClass::small, false, {}, {}});
    ASSERT_TRUE(a && b && writer->finish({}));
    auto const name = world.names("pack/d/").at(0);
    world.memory.tamper(name, [](Bytes& object) {
        std::fill(object.begin() + 100'000, object.begin() + 300'000, std::byte{0});
    });
    auto const reader = world.reader(index);
    auto const lost = reader->read(*a, world.common, {});
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().fault(), Fault::corrupt);
    EXPECT_NE(lost.error().message().find(name), std::string::npos) << lost.error().message();
    auto const kept = reader->read(*b, world.common, {});
    ASSERT_TRUE(kept) << kept.error().message();
    EXPECT_TRUE(std::ranges::equal(kept->view(), second));
    ASSERT_EQ(world.damage.size(), 1U);
    EXPECT_FALSE(world.damage[0].repairable);
}

TEST(BlobStore, RefusesTruncatedMissingAndSwappedPacks) {
    World world;
    auto index = world.index();
    auto writer = world.writer(index);
    auto const data = writer->put(world.common, noise(5000, 1), {});
    auto const meta = writer->put(world.common, noise(5000, 2), {BlobClass::meta, true, {}, {}});
    ASSERT_TRUE(data && meta && writer->finish({}));
    auto const d = world.names("pack/d/").at(0), m = world.names("pack/m/").at(0);
    Bytes const good = *store::read_all(world.memory, d, 1 << 20, {});
    Bytes const other = *store::read_all(world.memory, m, 1 << 20, {});
    world.memory.tamper(d, [&](Bytes& object) { object = other; });
    EXPECT_EQ(world.reader(index)->read(*data, world.common, {}).error().fault(), Fault::corrupt);
    EXPECT_FALSE(read_pack_directory(world.source(), *PackName::parse(d), {}));
    for (std::size_t const left :
         {std::size_t{0}, std::size_t{10}, std::size_t{64}, std::size_t{3000}}) {
        world.memory.tamper(d, [&](Bytes& object) {
            object.assign(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(left));
        });
        EXPECT_EQ(world.reader(index)->read(*data, world.common, {}).error().fault(),
                  Fault::corrupt);
        EXPECT_EQ(read_pack_directory(world.source(), *PackName::parse(d), {}).error().fault(),
                  Fault::corrupt);
    }
    ASSERT_TRUE(world.memory.remove(d, {}));
    EXPECT_EQ(world.reader(index)->read(*data, world.common, {}).error().fault(), Fault::not_found);
    // An index whose pack is no longer listed promises nothing.
    auto const later = world.index();
    EXPECT_FALSE(later->knows(*data));
    EXPECT_TRUE(later->knows(*meta));
}

TEST(BlobStore, ManySessionsLeaveFewIndexSegments) {
    World world;
    std::vector<BlobId> ids;
    for (std::uint64_t session = 0; session < 40; ++session) {
        auto writer = world.writer(world.index());
        ids.push_back(*writer->put(world.common, noise(50, session), {}));
        ASSERT_TRUE(writer->finish({}));
    }
    EXPECT_LE(world.names("index/").size(), Index::segments_max);
    auto const reader = world.reader(world.index());
    for (BlobId const& id : ids) EXPECT_TRUE(reader->read(id, world.common, {}));
}

TEST(BlobStore, StoresAgainWhatOnlyACondemnedPackHolds) {
    World world;
    auto index = world.index();
    auto writer = world.writer(index);
    auto const id = writer->put(world.common, noise(5000, 1), {});
    ASSERT_TRUE(id && writer->finish({}));
    crypto::Digest const condemned = PackName::parse(world.names("pack/d/").at(0))->hash;
    auto const later = world.index();
    later->avoid({condemned});
    auto again = world.writer(later);
    ASSERT_TRUE(again->put(world.common, noise(5000, 1), {}));
    ASSERT_TRUE(again->finish({}));
    EXPECT_EQ(again->statistics().blobs_new, 1U);
    ASSERT_EQ(later->find(*id).size(), 2U);
    EXPECT_NE(later->find(*id).front().pack.hash, condemned);
}

}  // namespace
}  // namespace perdure::repository
