#include <gtest/gtest.h>

#include "repository/blob/blob_test_world.h"
#include "repository/pack/pack.h"
#include "repository/pack/pack_bases.h"
#include "store/wrap/forward.h"

namespace perdure::repository {
namespace {

/// Two destinations as one.
class TwoLegs final : public store::ForwardingStore {
public:
    TwoLegs(std::shared_ptr<store::ObjectStore> first, std::shared_ptr<store::ObjectStore> second)
        : ForwardingStore(first), first_(std::move(first)), second_(std::move(second)) {}
    std::vector<store::ObjectStore*> legs() override { return {first_.get(), second_.get()}; }

private:
    std::shared_ptr<store::ObjectStore> first_, second_;
};

struct MalformedPack : ::testing::Test {
    World world;
    store::ObjectName text;
    PackName name;
    Bytes good;

    void SetUp() override {
        auto writer = world.writer(world.index());
        ASSERT_TRUE(writer->put(world.common, noise(5000, 1), {}));
        ASSERT_TRUE(writer->finish({}));
        auto const names = world.names("pack/d/");
        ASSERT_EQ(names.size(), 1u);
        text = names[0];
        name = PackName::parse(text).value();
        good = store::read_all(world.memory, text, 64 << 20, {}).value();
    }
    void replace(ByteView bytes) {
        ASSERT_TRUE(world.memory.put(text, bytes, store::PutMode::replace, {}));
    }
    Error directory_error() {
        auto const read = read_pack_directory(world.source(), name, {});
        EXPECT_FALSE(read);
        return read ? fail(Fault::internal, "it was read") : read.error();
    }
};

TEST_F(MalformedPack, ShorterThanAnyPackIsCorrupt) {
    for (std::size_t const bytes :
         {std::size_t{1}, object_header_bytes, object_header_bytes + pack_footer_bytes}) {
        replace(ByteView(good).first(bytes));
        EXPECT_EQ(directory_error().fault(), Fault::corrupt) << bytes;
        auto const parsed = parse_pack(ByteView(good).first(bytes), ObjectKind::data_pack,
                                       world.repository, *world.common);
        ASSERT_FALSE(parsed) << bytes;
        EXPECT_EQ(parsed.error().fault(), Fault::corrupt);
    }
}

TEST_F(MalformedPack, BeyondRepairHereIsReadFromTheOtherDestination) {
    auto const first = std::make_shared<store::MemoryStore>();
    auto const second = std::make_shared<store::MemoryStore>();
    TwoLegs both(first, second);
    PackSource const source{both, world.repository, world.common};
    Bytes const garbage = noise(good.size(), 2);
    ASSERT_TRUE(first->put(text, garbage, store::PutMode::replace, {}));
    EXPECT_EQ(read_pack(source, name, {}).error().fault(), Fault::corrupt) << "nobody has it";
    ASSERT_TRUE(second->put(text, good, store::PutMode::replace, {}));
    auto const pack = read_pack(source, name, {});
    ASSERT_TRUE(pack) << pack.error().message();
    EXPECT_TRUE(pack->repaired) << "repair is told that something was wrong";
    EXPECT_EQ(crypto::sha256(pack->body), name.hash);
}

TEST_F(MalformedPack, AFrameLargerThanAnyMayBeIsRefusedBeforeMemoryIsTaken) {
    FrameFacts facts{world.repository, ObjectKind::data_pack, {}};
    facts.raw_bytes = 0xffff'ffff;
    auto const decoded = decode_frame(*world.common, facts, Bytes(100), {});
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().fault(), Fault::corrupt);
}

TEST_F(MalformedPack, AFrameThatIsNoDeltaHasNoBase) {
    PackBases bases(world.source());
    for (std::uint32_t const slot : {0u, 7u}) {
        auto const base = bases.base(name, slot, {});
        ASSERT_FALSE(base);
        EXPECT_EQ(base.error().fault(), Fault::corrupt);
    }
}

TEST_F(MalformedPack, ADirectoryThatIsTooShortIsCorrupt) {
    FrameFacts const facts{world.repository, ObjectKind::data_pack, {}};
    auto const opened = open_directory(*world.common, facts, Bytes(20));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault(), Fault::corrupt);
}

}  // namespace
}  // namespace perdure::repository
