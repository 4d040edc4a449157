#include "repository/upkeep/repair/repair.h"
#include "repository/upkeep/upkeep_world.h"
#include "repository/upkeep/verify/verify.h"

namespace perdure::repository {
namespace {

using store::Mishap;
using store::Operation;
using testing::UpkeepWorld;

/// A pack that the destination lists but lets nobody read.
struct UnreadableTest : ::testing::Test {
    UpkeepWorld world;
    std::string name;
    std::shared_ptr<store::FaultStore> store;

    void SetUp() override {
        auto model = testing::make_tree(1);
        world.backup(model);
        name = *world.names("pack/d/").begin();
        store = std::make_shared<store::FaultStore>(
            world.memory, store::always(Operation::read, name,
                                        {.kind = Mishap::Kind::refuse, .fault = Fault::denied}));
    }
};

TEST_F(UnreadableTest, AnObjectThatMayNotBeReadIsLeftAndNamedUnreadable) {
    auto const before = world.names("");
    auto const report = UpkeepWorld::must(repair(*world.open(store), {}, {}));
    ASSERT_FALSE(report.left.empty());
    EXPECT_EQ(report.left.front().object, name);
    EXPECT_EQ(report.left.front().kind, Finding::Kind::unreadable);
    EXPECT_EQ(world.names(""), before) << "what cannot be read is not taken for garbage";
}

TEST_F(UnreadableTest, ACheckFindsItAndDoesNotPass) {
    auto const report =
        UpkeepWorld::must(verify(*world.open(store), {.level = VerifyLevel::read_data}, {}));
    EXPECT_FALSE(report.passed());
}

}  // namespace
}  // namespace perdure::repository
