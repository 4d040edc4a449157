#include "repository/upkeep/finding.h"
#include "repository/upkeep/upkeep_world.h"

namespace perdure::repository {
namespace {

struct CreateFixture : ::testing::Test {
    testing::ManualClock clock;
    testing::SeededBytes random{3};
    std::shared_ptr<store::MemoryStore> memory =
        std::make_shared<store::MemoryStore>(store::MemoryOptions{.clock = &clock});
    KeySecret key{KeySecret::Kind::key_file,
                  crypto::SecretBytes(to_bytes("0123456789abcdef0123456789abcdef"))};

    Result<void> create(std::shared_ptr<store::ObjectStore> store) {
        return Repository::create(std::move(store), key, {}, {clock, random}, {});
    }
    std::shared_ptr<store::ObjectStore> refusing(std::shared_ptr<store::ObjectStore> store,
                                                 store::Operation operation, char const* prefix) {
        return std::make_shared<store::FaultStore>(
            std::move(store),
            store::always(operation, prefix, {.kind = store::Mishap::Kind::refuse}));
    }
    /// What a creation leaves that was killed after its config.
    void break_off() {
        auto const broken = refusing(memory, store::Operation::put, "keyring/");
        EXPECT_FALSE(create(refusing(broken, store::Operation::remove, "config")));
    }
};

TEST_F(CreateFixture, BesideACreationThatMayStillRunIsAConflict) {
    break_off();
    auto const beside = create(memory);
    ASSERT_FALSE(beside);
    EXPECT_EQ(beside.error().fault(), Fault::conflict);
    EXPECT_NE(beside.error().message().find("at this moment"), std::string::npos);
}

TEST_F(CreateFixture, LeavesNothingOfWhatItIsRefused) {
    EXPECT_FALSE(create(refusing(memory, store::Operation::put, "keyring/")));
    EXPECT_FALSE(memory->head("config", {}));
    EXPECT_TRUE(create(memory));
}

TEST_F(CreateFixture, WhatBrokeOffIsNoRepository) {
    break_off();
    auto const opened = Repository::open(memory, key, {}, {clock, random}, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), 10);
    EXPECT_NE(opened.error().fix().find("perdure init"), std::string::npos);
}

TEST_F(CreateFixture, TakesOverWhatBrokeOffLongAgo) {
    break_off();
    clock.seconds += 120;
    auto const done = create(memory);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_TRUE(Repository::open(memory, key, {}, {clock, random}, {}));
    EXPECT_EQ(create(memory).error().fault(), Fault::conflict) << "now there is one";
}

TEST(Findings, HaveANameEachThatReportsShow) {
    using Kind = Finding::Kind;
    std::set<std::string_view> names;
    for (auto const kind : {Kind::damaged, Kind::missing, Kind::unreadable, Kind::unknown_handle,
                            Kind::disagreement, Kind::gap}) {
        names.insert(finding_name(kind));
    }
    EXPECT_EQ(names.size(), 6u);
    EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace perdure::repository
