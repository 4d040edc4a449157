#include "repository/pack/pack.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include "content/parity.h"
#include "crypto/seal.h"
#include "repository/blob/blob_test_world.h"
#include "repository/pack/pack_writer.h"
#include "store/wrap/fault.h"

namespace perdure::repository {
namespace {

using store::FaultStore;
using store::Mishap;
using store::Operation;

std::shared_ptr<store::ObjectStore> borrowed(store::ObjectStore& store) {
    return {&store, [](store::ObjectStore*) {}};
}

TEST(ObjectSeal, AbortsWhenASlotIsSealedTwice) {
    World world;
    // The death tests run in a forked child, so each makes its seal there.
    auto const twice = [&](auto const& once) {
        ObjectSeal seal(world.repository, ObjectKind::data_pack, world.random);
        once(seal);
        once(seal);
    };
    auto const frame = [&](ObjectSeal& seal) {
        Bytes into(4 + crypto::seal_overhead_bytes);
        seal.seal_frame(*world.common, seal.facts(3, content::Codec::stored, 4), as_bytes("abcd"),
                        into);
    };
    auto const directory = [&](ObjectSeal& seal) {
        Bytes out;
        seal.seal_directory(*world.common, as_bytes("x"), out);
    };
    EXPECT_DEATH(twice(frame), "used_");
    EXPECT_DEATH(twice(directory), "directory_used_");
}

TEST(ObjectSeal, AbortsInAForkedChild) {
    World world;
    ObjectSeal seal(world.repository, ObjectKind::data_pack, world.random);
    pid_t const child = fork();
    if (child == 0) {
        close(2);
        Bytes into(crypto::seal_overhead_bytes);
        seal.seal_frame(*world.common, seal.facts(0, content::Codec::stored, 0), {}, into);
        _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

TEST(ObjectSeal, BindsEveryFactOfAFrame) {
    World world;
    ObjectSeal seal(world.repository, ObjectKind::data_pack, world.random);
    auto const facts = seal.facts(1, content::Codec::stored, 4);
    Bytes sealed(4 + crypto::seal_overhead_bytes);
    seal.seal_frame(*world.common, facts, as_bytes("abcd"), sealed);
    ASSERT_TRUE(open_frame(*world.common, facts, sealed));
    auto const refuses = [&](FrameFacts other) {
        return !open_frame(*world.common, other, sealed);
    };
    FrameFacts other = facts;
    other.slot = 2;
    EXPECT_TRUE(refuses(other));
    other = facts;
    other.kind = ObjectKind::meta_pack;
    EXPECT_TRUE(refuses(other));
    other = facts;
    other.codec = content::Codec::zstd;
    EXPECT_TRUE(refuses(other));
    other = facts;
    other.raw_bytes = 5;
    EXPECT_TRUE(refuses(other));
    other = facts;
    other.salt.bytes[0] ^= std::byte{1};
    EXPECT_TRUE(refuses(other));
    other = facts;
    other.repository.bytes[0] ^= std::byte{1};
    EXPECT_TRUE(refuses(other));
    EXPECT_FALSE(open_frame(*make_domain(world.repository, 0, 2), facts, sealed));
    EXPECT_FALSE(open_frame(*make_domain(world.repository, 1), facts, sealed));
}

TEST(ObjectHeader, NamesANewerFormatAndDistrustsDamage) {
    ObjectHeader header{.kind = ObjectKind::index};
    header.compatible = 0xff;  // may be ignored
    Bytes const good = header.encode();
    ASSERT_TRUE(ObjectHeader::parse(good, ObjectKind::index));
    EXPECT_EQ(ObjectHeader::parse(good, ObjectKind::data_pack).error().fault(), Fault::corrupt);
    for (std::size_t i = 0; i < good.size(); ++i) {
        Bytes bad = good;
        bad[i] ^= std::byte{4};
        EXPECT_EQ(ObjectHeader::parse(bad, ObjectKind::index).error().fault(), Fault::corrupt);
    }
    header.incompatible = 2;
    auto const newer = ObjectHeader::parse(header.encode(), ObjectKind::index);
    EXPECT_EQ(newer.error().fault(), Fault::unsupported);
    EXPECT_EQ(ObjectHeader::parse({}, ObjectKind::index).error().fault(), Fault::corrupt);
}

/// Salt 00 01 … 1f.
class CountingRandom final : public system::Random {
public:
    void fill(ByteSpan into) override {
        for (std::size_t i = 0; i < into.size(); ++i) into[i] = std::byte(i & 255U);
    }
};

TEST(Pack, HasTheWorkedBytesOfTheFormat) {  // docs/FORMAT.md; checked there by a second program
    RepositoryId repository;
    repository.bytes.fill(std::byte{0x11});
    Handle handle;
    handle.bytes.fill(std::byte{0x22});
    crypto::Secret32 secret;
    std::ranges::fill(secret.span(), std::byte{0x33});
    Domain const domain(repository, handle, 7, secret);
    CountingRandom random;
    ObjectSeal seal(repository, ObjectKind::data_pack, random);
    Bytes body = ObjectHeader{.kind = ObjectKind::data_pack, .salt = seal.salt()}.encode();
    BlobId const id = domain.blob_id(as_bytes("hello"));
    EXPECT_EQ(to_hex(id), "d84b009c4ff9bc81cd4657ebeba42d434d00e3ca5c05854da5d2613198efefb4");
    Bytes frame(5 + crypto::seal_overhead_bytes);
    seal.seal_frame(domain, seal.facts(0, content::Codec::stored, 5), as_bytes("hello"), frame);
    EXPECT_EQ(to_hex(frame), "4a5914092930bc7fa81ba6665b208b1ce27450e17a");
    append(body, frame);
    PackDirectory directory;
    directory.frames = {{.offset = 64,
                         .stored_bytes = 21,
                         .raw_bytes = 5,
                         .handle = handle,
                         .generation = 7,
                         .blobs = {{id, 5}}}};
    append_directory(seal, domain, directory, body);
    EXPECT_EQ(body.size(), 4096U);
    EXPECT_EQ(to_hex(crypto::sha256(body)),
              "3797653ca3a4a21911d3548ac5232a2ea40ae565c8dc416adb39b0a5bb001fac");
    EXPECT_EQ(to_hex(crypto::sha256(content::make_parity(body))),
              "abff6d7fb4fb60276d42d002e9c98dd93eff20a121703832037d3cdd96efbc9f");
    auto const back = parse_pack(body, ObjectKind::data_pack, repository, domain);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->frames.at(0).blobs.at(0).id, id);
}

TEST(PackName, AcceptsOnlyItsOwnForm) {
    PackName name;
    name.kind = ObjectKind::meta_pack;
    name.hash.bytes.fill(std::byte{0xab});
    EXPECT_EQ(*PackName::parse(name.text()), name);
    std::string upper = name.text();
    std::ranges::replace(upper, 'a', 'A');
    for (std::string const& bad : {std::string(), std::string("pack/m/"), upper, name.text() + "0",
                                   "pack/x/" + name.text().substr(7)}) {
        EXPECT_EQ(PackName::parse(bad).error().fault(), Fault::invalid) << bad;
    }
}

TEST(PackWriter, FindsAFrameThatDoesNotDecode) {  // restic #4523
    World world;
    PackWriter* back = nullptr;
    PackWriter writer({.repository = world.repository,
                       .random = &world.random,
                       .on_filled = [&](FilledPack pack) { back->recycle(std::move(pack.body)); }});
    back = &writer;
    Bytes const raw = prose(1000, 1);
    Bytes packed;
    ASSERT_EQ(content::compress(raw, {}, packed), content::Codec::zstd);
    FrameJob job{
        .domain = world.common, .codec = content::Codec::zstd, .packed = packed, .raw = raw};
    job.compare = true;
    EXPECT_TRUE(writer.append(job));
    Bytes const other = prose(1000, 2);
    job.raw = other;
    EXPECT_EQ(writer.append(job).error().fault(), Fault::internal);
    packed[packed.size() / 2] ^= std::byte{0x40};
    job.raw = raw;
    EXPECT_EQ(writer.append(job).error().fault(), Fault::internal);
    writer.close();
}

TEST(PackWriter, ClosesPacksAtAJitteredSizeAndNeverStretchesThem) {
    World world;
    std::vector<std::size_t> sizes;
    PackWriter* back = nullptr;
    PackWriter writer({.repository = world.repository,
                       .random = &world.random,
                       .close_min_bytes = 300'000,
                       .close_max_bytes = 400'000,
                       .on_filled = [&](FilledPack pack) {
                           sizes.push_back(pack.body.size());
                           back->recycle(std::move(pack.body));
                       }});
    back = &writer;
    Bytes const raw = noise(17'000, 1);
    for (int i = 0; i < 300; ++i) {
        ASSERT_TRUE(writer.append({.domain = world.common, .packed = raw, .raw = raw}));
    }
    writer.close();
    ASSERT_GT(sizes.size(), 10U);
    EXPECT_LE(*std::ranges::max_element(sizes), 400'000U);
    sizes.pop_back();
    EXPECT_GE(*std::ranges::min_element(sizes), 300'000U);
    EXPECT_GT(std::set(sizes.begin(), sizes.end()).size(), 2U);
}

TEST(Upload, EveryFailureIsToldByFinishAndByLaterPuts) {  // rustic #249
    for (auto const kind : {Mishap::Kind::refuse, Mishap::Kind::lie, Mishap::Kind::truncate}) {
        for (std::string const prefix : {"pack/d/", "pack/m/", "index/"}) {
            store::MemoryStore memory;
            FaultStore faulty(borrowed(memory),
                              store::always(Operation::put, prefix, {kind, Fault::exhausted, 100}));
            World world(faulty);
            auto index = world.index();
            auto writer = world.writer(index);
            ASSERT_TRUE(writer->put(world.common, noise(1000, 1), {}));
            ASSERT_TRUE(writer->put(world.common, noise(1000, 2), {BlobClass::meta, true, {}, {}}));
            EXPECT_FALSE(writer->finish({})) << prefix << static_cast<int>(kind);
            EXPECT_FALSE(writer->put(world.common, noise(1000, 3), {}));
            EXPECT_FALSE(writer->finish({}));
        }
    }
}

TEST(Upload, ALaterPutHearsOfAnEarlierFailedPack) {
    store::MemoryStore memory;
    FaultStore faulty(borrowed(memory),
                      store::nth(Operation::put, 1, {Mishap::Kind::refuse, Fault::denied, 0}));
    World world(faulty);
    auto writer = world.writer(world.index());
    Bytes const big = noise(8 << 20, 1);
    std::optional<Fault> heard;
    for (int i = 0; i < 200 && !heard; ++i) {
        Bytes varied = big;
        varied[0] = std::byte(static_cast<std::uint8_t>(i));
        auto const put = writer->put(world.common, varied, {BlobClass::large, false, {}, {}});
        if (!put) heard = put.error().fault();
    }
    EXPECT_EQ(heard, Fault::denied);
    EXPECT_EQ(writer->finish({}).error().fault(), Fault::denied);
}

TEST(Upload, RightLengthWrongBytesIsFoundAndRepaired) {  // bupstash #357
    World world;
    Bytes const bytes = noise(20'000, 1);
    auto const id = [&] {
        FaultStore faulty(
            borrowed(world.memory),
            store::always(Operation::put, "pack/", {Mishap::Kind::flip, Fault::internal, 50'003}));
        World other(faulty);
        auto writer = other.writer(other.index());
        BlobId const put = *writer->put(other.common, bytes, {});
        EXPECT_TRUE(writer->finish({}));
        return put;
    }();
    auto const blob = world.reader(world.index())->read(id, world.common, {});
    ASSERT_TRUE(blob) << blob.error().message();
    EXPECT_TRUE(std::ranges::equal(blob->view(), bytes));
    ASSERT_EQ(world.damage.size(), 1U);
    EXPECT_TRUE(world.damage[0].repairable);
}

TEST(Upload, AStoppedSessionStopsAndSaysSo) {
    World world;
    std::stop_source stop;
    auto writer = make_blob_writer({.index = world.index(),
                                    .session = world.session,
                                    .random = &world.random,
                                    .stop = stop.get_token()});
    ASSERT_TRUE(writer->put(world.common, noise(1000, 1), {}));
    stop.request_stop();
    EXPECT_EQ(writer->put(world.common, noise(1000, 2), {}).error().fault(), Fault::cancelled);
    EXPECT_EQ(writer->finish({}).error().fault(), Fault::cancelled);
    EXPECT_TRUE(world.names("").empty());
}

TEST(Download, AStoreThatLiesOnceIsReadAgain) {
    World world;
    auto writer = world.writer(world.index());
    auto const id = writer->put(world.common, noise(5000, 1), {});
    ASSERT_TRUE(id && writer->finish({}));
    for (auto const kind : {Mishap::Kind::truncate, Mishap::Kind::flip}) {
        FaultStore faulty(borrowed(world.memory));
        World other(faulty);
        auto const reader = other.reader(other.index());
        faulty.set_script(
            store::nth(Operation::read, faulty.calls() + 1, {kind, Fault::internal, 77}));
        EXPECT_TRUE(reader->read(*id, other.common, {})) << static_cast<int>(kind);
    }
    FaultStore faulty(borrowed(world.memory));
    World other(faulty);
    auto const reader = other.reader(other.index());
    faulty.set_script(
        store::always(Operation::read, "pack/", {Mishap::Kind::truncate, Fault::internal, 10}));
    EXPECT_EQ(reader->read(*id, other.common, {}).error().fault(), Fault::corrupt);
    faulty.set_script(
        store::always(Operation::read, "pack/", {Mishap::Kind::refuse, Fault::unavailable, 0}));
    EXPECT_EQ(reader->read(*id, other.common, {}).error().fault(), Fault::unavailable);
    faulty.set_script(nullptr);
    EXPECT_TRUE(reader->read(*id, other.common, {}));  // an error is never remembered as the blob
}

TEST(Download, ManyThreadsThatWantOneFrameDecodeItOnce) {
    World world;
    std::vector<BlobId> ids;
    {
        auto writer = world.writer(world.index());
        for (std::uint64_t i = 0; i < 40; ++i) {
            ids.push_back(*writer->put(world.common, prose(2000, i), {}));
        }
        ASSERT_TRUE(writer->finish({}));
    }
    FaultStore counting(borrowed(world.memory));
    World other(counting);
    auto const reader = other.reader(other.index());
    std::uint64_t const before = counting.calls();
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (BlobId const& id : ids) EXPECT_TRUE(reader->read(id, other.common, {}));
        });
    }
    threads.clear();
    EXPECT_EQ(counting.calls() - before, 1U);
}

}  // namespace
}  // namespace perdure::repository
