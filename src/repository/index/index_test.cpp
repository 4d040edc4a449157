#include "repository/index/index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/codec.h"
#include "repository/blob/blob_test_world.h"

namespace perdure::repository {
namespace {

BlobId id_of(std::uint64_t number) {
    Encoder out;
    out.u64(number);
    BlobId id;
    id.bytes = crypto::sha256(out.view()).bytes;
    return id;
}

/// A pack that never existed, of `frames` frames with `blobs` blobs each, numbered from `first`.
PackDirectory invented(std::uint64_t first, std::uint32_t frames, std::uint32_t blobs) {
    PackDirectory directory;
    std::uint32_t offset = object_header_bytes;
    for (std::uint32_t f = 0; f < frames; ++f) {
        FrameRecord frame;
        frame.offset = offset;
        frame.stored_bytes = 100 + f % 7;
        for (std::uint32_t b = 0; b < blobs; ++b) {
            frame.blobs.push_back({id_of(first++), 10 + b % 5});
            frame.raw_bytes += frame.blobs.back().length;
        }
        offset += frame.stored_bytes;
        directory.frames.push_back(std::move(frame));
    }
    directory.body_bytes = offset;
    return directory;
}

PackName pack_name(std::uint8_t number) {
    PackName name;
    name.hash.bytes.fill(std::byte{number});
    return name;
}

/// Stores something under the pack's name, so that listings show it.
void plant(World& world, PackName const& name) {
    ASSERT_TRUE(world.place->put(name.text(), as_bytes("pack"), store::PutMode::replace, {}));
}

std::map<BlobPrefix, IndexEntry> all_of(Index const& index) {
    std::map<BlobPrefix, IndexEntry> found;
    index.for_each([&](PackRow const&, FrameRow const&, IndexEntry entry) {
        entry.pack = 0;
        EXPECT_TRUE(found.emplace(entry.id, entry).second);
    });
    return found;
}

/// Forty segments of a pack each, which are enough to be merged.
void add_segments(World& world, Index& index, std::uint32_t frames) {
    for (std::uint8_t n = 1; n <= 40; ++n) {
        IndexTables tables;
        tables.add(pack_name(n), invented(n * 1000, frames, 5));
        plant(world, pack_name(n));
        ASSERT_TRUE(index.add(std::move(tables), {}));
    }
}

TEST(IndexSegment, AgreesWithAMapOverManyIds) {  // borg #4829: a hash table that lost entries
    std::mt19937_64 random(7);
    for (std::uint32_t const count : {0U, 1U, 15U, 16U, 17U, 1000U, 60'000U}) {
        IndexTables tables;
        std::map<BlobPrefix, std::vector<IndexEntry>> model;
        PackDirectory const directory = invented(random(), count / 10 + (count % 10 != 0), 10);
        tables.add(pack_name(1), directory);
        for (IndexEntry const& entry : tables.entries) model[entry.id].push_back(entry);
        // Ids with equal leading bits, neighbours and the two ends.
        for (std::uint8_t const fill : {0x00, 0xff, 0x7f, 0x80}) {
            if (count == 0) break;
            for (std::uint32_t twin = 0; twin < 3; ++twin) {
                IndexEntry entry{{}, 0, 0, 1000 + twin, 5};
                entry.id.bytes.fill(std::byte{fill});
                tables.entries.push_back(entry);
                model[entry.id].push_back(entry);
            }
        }
        auto const segment =
            IndexSegment::make(tables, {}, crypto::HmacKey(crypto::Secret32{}), {});
        for (auto const& [id, entries] : model) {
            auto const found = segment->find(id);
            ASSERT_TRUE(std::ranges::equal(found, entries)) << count;
        }
        for (std::uint64_t i = 0; i < 1000; ++i) {
            BlobPrefix const absent = prefix_of(id_of(~i));
            EXPECT_EQ(segment->find(absent).size(), model.contains(absent) ? 1U : 0U);
        }
    }
}

TEST(IndexTables, ReadBackAsWritten) {
    IndexTables tables;
    tables.supersedes = {pack_name(3).hash, pack_name(4).hash};
    tables.add(pack_name(1), invented(1, 5, 3));
    tables.add(pack_name(2), invented(100, 0, 0));
    tables.add({ObjectKind::meta_pack, {}, pack_name(5).hash}, invented(200, 2, 7));
    auto const back = IndexTables::decode(tables.encode());
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, tables);
    auto const segment = IndexSegment::make(tables, {}, crypto::HmacKey(crypto::Secret32{}), {});
    EXPECT_EQ(segment->tables(), tables);
}

TEST(IndexTables, AreInTheirOwnBytesAndInNoOthers) {
    IndexTables tables;
    tables.supersedes = {pack_name(3).hash, pack_name(4).hash};
    tables.add(pack_name(1), invented(1, 5, 3));
    tables.add(pack_name(2), invented(100, 0, 0));
    tables.add({ObjectKind::meta_pack, {}, pack_name(5).hash}, invented(200, 2, 7));
    Bytes const good = tables.encode();
    auto const same = tables.are_in(good);
    ASSERT_TRUE(same) << same.error().message();
    EXPECT_TRUE(*same);
    for (std::size_t at = 0; at < good.size(); ++at) {
        Bytes changed = good;
        changed[at] ^= std::byte{1};
        auto const other = tables.are_in(changed);
        EXPECT_FALSE(other && *other) << at;
        auto const cut = tables.are_in(ByteView(good).first(at));
        EXPECT_FALSE(cut && *cut) << at;
    }
    // What an encoder could get wrong, or leave out.
    std::vector<std::function<void(IndexTables&)>> const faults = {
        [](IndexTables& t) { t.entries.pop_back(); },
        [](IndexTables& t) { t.entries.push_back(t.entries.back()); },
        [](IndexTables& t) { t.entries[4].length ^= 1; },
        [](IndexTables& t) { t.entries[4].raw_offset ^= 1; },
        [](IndexTables& t) { std::swap(t.entries[0], t.entries[9]); },
        [](IndexTables& t) { t.frames[2].offset ^= 1; },
        [](IndexTables& t) { t.frames[2].raw_bytes ^= 1; },
        [](IndexTables& t) { t.packs[0].frame_count -= 1; },
        [](IndexTables& t) { t.packs.pop_back(); },
        [](IndexTables& t) { t.supersedes.pop_back(); },
        [](IndexTables& t) { t.packs[2].body_bytes += 1; },
    };
    for (std::size_t i = 0; i < faults.size(); ++i) {
        IndexTables other = tables;
        faults[i](other);
        auto const found = other.are_in(good);
        EXPECT_FALSE(found && *found) << "fault " << i;
    }
}

TEST(IndexTables, RefuseEveryCutAndHugePromises) {
    IndexTables tables;
    tables.add(pack_name(1), invented(1, 3, 2));
    Bytes const good = tables.encode();
    for (std::size_t length = 0; length < good.size(); ++length) {
        EXPECT_EQ(IndexTables::decode(ByteView(good).first(length)).error().fault(),
                  Fault::corrupt);
    }
    for (std::size_t position = 0; position < 4; ++position) {
        Encoder hostile;
        for (std::size_t i = 0; i < position; ++i) hostile.varint(0);
        hostile.varint(std::uint64_t{1} << 60);
        hostile.raw(Bytes(100));
        EXPECT_FALSE(IndexTables::decode(hostile.view()));
    }
}

TEST(PackDirectory, ReadsBackAndRefusesEveryCutAndHugePromises) {
    PackDirectory directory = invented(1, 4, 3);
    directory.frames[2].codec = content::Codec::zstd_prefix;
    directory.frames[2].base = id_of(77);
    directory.frames[3].handle.bytes.fill(std::byte{4});
    directory.frames[3].generation = 9;
    Bytes const good = directory.encode();
    auto const back = PackDirectory::decode(good, directory.body_bytes);
    ASSERT_TRUE(back) << back.error().message();
    ASSERT_EQ(back->frames.size(), 4U);
    EXPECT_EQ(back->frames[2].base, id_of(77));
    EXPECT_EQ(back->frames[3].generation, 9U);
    EXPECT_EQ(back->frames[3].offset, directory.frames[3].offset);
    EXPECT_EQ(back->frames[3].blobs[2].id, id_of(12));
    EXPECT_FALSE(PackDirectory::decode(good, directory.body_bytes - 1));
    EXPECT_FALSE(PackDirectory::decode(good, directory.body_bytes + 1));
    for (std::size_t length = 0; length < good.size(); ++length) {
        EXPECT_EQ(PackDirectory::decode(ByteView(good).first(length), directory.body_bytes)
                      .error()
                      .fault(),
                  Fault::corrupt);
    }
    for (std::uint64_t const huge : {std::uint64_t{1} << 20, std::uint64_t{1} << 62}) {
        Encoder domains, frames;
        domains.varint(huge);
        frames.varint(0);
        frames.varint(huge);
        EXPECT_FALSE(PackDirectory::decode(domains.view(), 100));
        EXPECT_FALSE(PackDirectory::decode(frames.view(), 100));
    }
}

TEST(Index, MergingDropsNothing) {  // restic #21820
    World world;
    auto index = world.index();
    add_segments(world, *index, 3);
    auto const before = all_of(*index);
    EXPECT_EQ(before.size(), 600U);
    ASSERT_TRUE(index->merge({}));
    EXPECT_EQ(index->segment_count(), 1U);
    EXPECT_EQ(world.names("index/").size(), 1U);
    EXPECT_EQ(all_of(*index), before);
    auto const reopened = world.index();
    EXPECT_EQ(all_of(*reopened), before);
    EXPECT_EQ(reopened->packs().size(), 40U);
    ASSERT_TRUE(reopened->merge({}));  // few segments: nothing to do
    EXPECT_EQ(world.names("index/").size(), 1U);
}

TEST(Index, AMergeThatDiesHalfwayLosesNothing) {
    for (int const puts_left : {0, 1}) {
        World world;
        auto index = world.index();
        add_segments(world, *index, 1);
        auto const before = all_of(*index);
        // Dies at the put of the new segment, or while the old ones are being removed.
        std::stop_source stop;
        if (puts_left == 0) {
            stop.request_stop();
            EXPECT_FALSE(index->merge(stop.get_token()));
        } else {
            auto const names = world.names("index/");
            Bytes const old = *store::read_all(world.memory, names[0], 1 << 20, {});
            ASSERT_TRUE(index->merge({}));
            ASSERT_TRUE(world.memory.put(names[0], old, store::PutMode::replace, {}));
        }
        EXPECT_EQ(all_of(*world.index()), before);
    }
}

TEST(Index, WhatAMergeReplacedGoesWhereAllThatStandsForItIsThere) {
    World world;
    auto index = world.index();
    add_segments(world, *index, 1);
    auto const before = all_of(*index);
    auto const names = world.names("index/");
    Bytes const old = *store::read_all(world.memory, names[0], 1 << 20, {});
    ASSERT_TRUE(index->merge({}));
    // As a sync that was killed brings it back from a destination that still had it.
    ASSERT_TRUE(world.memory.put(names[0], old, store::PutMode::replace, {}));
    auto const merged = world.names("index/");
    ASSERT_EQ(merged.size(), 2U);
    auto const next = world.index();
    auto const present = merged[0] == names[0] ? merged[1] : merged[0];
    Bytes const joined = *store::read_all(world.memory, present, 1 << 20, {});
    ASSERT_TRUE(world.memory.remove(present, {}));
    ASSERT_TRUE(next->merge({}));
    EXPECT_EQ(world.names("index/"), std::vector{names[0]}) << "nothing else is left of it";
    ASSERT_TRUE(world.memory.put(present, joined, store::PutMode::replace, {}));
    ASSERT_TRUE(world.index()->merge({}));
    EXPECT_EQ(world.names("index/"), std::vector{present});
    EXPECT_EQ(all_of(*world.index()), before);
}

TEST(Index, DropsOnlyThePacksItIsTold) {
    World world;
    auto index = world.index();
    IndexTables tables;
    for (std::uint8_t n = 1; n <= 3; ++n) {
        tables.add(pack_name(n), invented(n * 1000, 2, 5));
        plant(world, pack_name(n));
    }
    ASSERT_TRUE(index->add(std::move(tables), {}));
    ASSERT_TRUE(index->drop_packs({pack_name(2).hash}, {}));
    for (auto const& seen : {index, world.index()}) {
        EXPECT_EQ(seen->entry_count(), 20U);
        EXPECT_TRUE(seen->knows(id_of(1000)));
        EXPECT_FALSE(seen->knows(id_of(2000)));
        EXPECT_TRUE(seen->knows(id_of(3009)));
    }
}

TEST(Index, KeepsEntriesOfAPackThatAStaleListingForgot) {
    World world;
    {
        auto index = world.index();
        for (std::uint8_t n = 1; n <= 40; ++n) {
            IndexTables tables;
            tables.add(pack_name(n), invented(n * 1000, 1, 5));
            ASSERT_TRUE(index->add(std::move(tables), {}));
            if (n != 7) plant(world, pack_name(n));
        }
    }
    auto index = world.index();  // lists the packs without number 7
    EXPECT_FALSE(index->knows(id_of(7000)));
    plant(world, pack_name(7));
    ASSERT_TRUE(index->merge({}));
    EXPECT_TRUE(world.index()->knows(id_of(7000)));
}

TEST(Index, NamesDamagedSegmentsAndRebuildsFromPacks) {
    World world;
    std::vector<BlobId> ids;
    {
        auto index = world.index();
        auto writer = world.writer(index);
        for (std::uint64_t i = 0; i < 50; ++i) {
            ids.push_back(*writer->put(world.common, prose(1000, i), {}));
        }
        ids.push_back(*writer->put(world.common, prose(1000, 99), {BlobClass::meta, true, {}, {}}));
        ASSERT_TRUE(writer->finish({}));
    }
    auto const name = world.names("index/").at(0);
    for (std::size_t const at : {std::size_t{0}, std::size_t{70}, std::size_t{300}}) {
        world.memory.tamper(name, [&](Bytes& object) { object[at] ^= std::byte{1}; });
        std::vector<store::ObjectName> damaged;
        EXPECT_FALSE(world.index(&damaged)->knows(ids[0]));
        EXPECT_EQ(damaged, std::vector{name});
        world.memory.tamper(name, [&](Bytes& object) { object[at] ^= std::byte{1}; });
    }
    ASSERT_TRUE(world.memory.remove(name, {}));
    auto const index = world.index();
    std::vector<store::ObjectName> damaged;
    ASSERT_TRUE(index->rebuild(&damaged, {}));
    EXPECT_TRUE(damaged.empty());
    for (auto const& seen : {index, world.index()}) {
        auto const reader = world.reader(seen);
        for (BlobId const& id : ids) EXPECT_TRUE(reader->read(id, world.common, {}));
    }
}

TEST(Index, ARebuildKeepsWhatItKnewOfPacksBeyondRepair) {
    World world;
    auto index = world.index();
    auto writer = world.writer(index);
    Bytes const lost = noise(300'000, 1), kept = noise(300'000, 2);
    auto const a = writer->put(world.common, lost, {BlobClass::small, false, {}, {}});
    auto const b = writer->put(world.common, kept, {BlobClass::small, false, {}, {}});
    ASSERT_TRUE(a && b && writer->finish({}));
    auto const pack = world.names("pack/d/").at(0);
    world.memory.tamper(pack, [](Bytes& object) {
        std::fill(object.begin(), object.begin() + 250'000, std::byte{0});  // the header, too
        std::fill(object.begin() + 600'100, object.end(), std::byte{0});    // and the directory
    });
    std::vector<store::ObjectName> damaged;
    ASSERT_TRUE(index->rebuild(&damaged, {}));
    EXPECT_EQ(damaged, std::vector{pack});
    auto const reader = world.reader(world.index());
    EXPECT_FALSE(reader->read(*a, world.common, {}));
    auto const blob = reader->read(*b, world.common, {});
    ASSERT_TRUE(blob) << blob.error().message();
    EXPECT_TRUE(std::ranges::equal(blob->view(), kept));
}

TEST(Index, ARebuildLeavesTheIndexOfAnotherRepositoryAlone) {
    World world, other(2);
    other.repository.bytes.fill(std::byte{8});
    other.common = make_domain(other.repository, 1);
    other.place = world.place;  // another disk was mounted here, and both were written to
    auto const write = [](World& each) {
        auto index = each.index();
        auto writer = each.writer(index);
        ASSERT_TRUE(writer->put(each.common, prose(1000, 1), {}));
        ASSERT_TRUE(writer->finish({}));
    };
    write(other);
    auto const theirs = world.names("index/").at(0);
    write(world);
    std::vector<store::ObjectName> damaged;
    ASSERT_TRUE(world.index()->rebuild(&damaged, {}));
    EXPECT_TRUE(world.place->head(theirs, {}));
    EXPECT_EQ(world.names("index/").size(), 2u) << "its own was put anew";
}

TEST(Index, UsesItsCacheAndDistrustsADamagedOne) {
    auto const scratch = system::ScratchFolder::create();
    ASSERT_TRUE(scratch);
    World world;
    world.cache = scratch->path() / "cache";
    BlobId id;
    {
        auto index = world.index();
        auto writer = world.writer(index);
        id = *writer->put(world.common, noise(1000, 1), {});
        ASSERT_TRUE(writer->finish({}));
    }
    auto const name = world.names("index/").at(0);
    auto const file = world.cache / name;
    ASSERT_TRUE(system::exists(file));
    EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
    Bytes const good = *system::read_file(file, 1 << 20);
    for (std::size_t i = 0; i < good.size(); i += 29) {
        Bytes bad = good;
        bad[i] ^= std::byte{1};
        ASSERT_TRUE(system::write_file(file, bad));
        EXPECT_TRUE(world.index()->knows(id));  // fetched anew
        EXPECT_EQ(*system::read_file(file, 1 << 20), good);
    }
    ASSERT_TRUE(system::write_file(file, ByteView(good).first(10)));
    EXPECT_TRUE(world.index()->knows(id));
    // The cache stands in for reading the object, never for its being listed.
    ASSERT_TRUE(world.memory.remove(name, {}));
    EXPECT_FALSE(world.index()->knows(id));
}

}  // namespace
}  // namespace perdure::repository
