// A place that was a key home and shall be none: nothing it alone holds may be lost, whatever step
// the world stops at, and in the end nothing of the keyring is left there.
#include "repository/keyring/retire/retire.h"

#include <gtest/gtest.h>

#include "repository/config_object.h"
#include "repository/keyring/keyring_test_world.h"
#include "repository/triple.h"
#include "store/wrap/fault.h"
#include "store/wrap/keyless.h"
#include "store/wrap/mirror.h"

namespace perdure::repository {
namespace {

using MemoryPtr = std::shared_ptr<store::MemoryStore>;

MemoryPtr twin_of(store::MemoryStore& original, store::MemoryOptions options = {}) {
    auto twin = std::make_shared<store::MemoryStore>(std::move(options));
    EXPECT_TRUE(original.list("",
                              [&](store::ObjectInfo const& info) -> Result<void> {
                                  PD_TRY(Bytes const body,
                                         store::read_all(original, info.name, 1 << 24, {}));
                                  return twin->put(info.name, body, store::PutMode::if_absent, {});
                              },
                              {}));
    return twin;
}

std::size_t keys_at(store::ObjectStore& place) {
    std::size_t count = 0;
    EXPECT_TRUE(place.list("keyring/",
                           [&](store::ObjectInfo const&) -> Result<void> {
                               ++count;
                               return {};
                           },
                           {}));
    return count;
}

class RetireTest : public testing::Test {
protected:
    static constexpr int everybody = 30;

    void SetUp() override {
        RepositoryConfig config;
        config.repository = world_.place.repository;
        Bytes const body = config.encode();
        world_.place.config_hash = crypto::sha256(body);
        home_ = world_.store;
        former_ = std::make_shared<store::MemoryStore>();
        for (auto const& place : {home_, former_}) {
            ASSERT_TRUE(put_triple(*place, "config", body, store::PutMode::if_absent, {}));
        }
        world_.place.homes = {home_, former_};
        auto const keyring = world_.create();
        world_.add_people(*keyring, 10);
    }
    /// The home is away while the other one meets people and takes part in a rotation.
    void leave_the_home_behind() {
        world_.place.homes = {former_};
        auto const alone = world_.open();
        world_.add_people(*alone, 20);
        ASSERT_TRUE(alone->rotate(world_.settled, {}));
        world_.add_people(*alone, everybody);
    }
    Result<std::vector<RetiredPlace>> retire(std::shared_ptr<store::ObjectStore> home,
                                             std::shared_ptr<store::ObjectStore> former) {
        auto mirror = store::MirrorStore::create(
            {{"home", std::move(home), std::nullopt, store::LegRole::whole},
             {"former", std::move(former), std::nullopt, store::LegRole::no_keys}});
        return retire_key_homes({.store = *mirror,
                                 .secret = world_.secret,
                                 .cache_folder = {},
                                 .outside = world_.outside,
                                 .log =
                                     [this](std::string_view what) {
                                         told_.emplace_back(what);
                                         return Result<void>();
                                     }},
                                {});
    }
    int people_at(std::vector<std::shared_ptr<store::ObjectStore>> homes) {
        auto place = world_.place;
        place.homes = std::move(homes);
        auto const keyring = Keyring::open(place, world_.secret, world_.outside, {});
        if (!keyring) return -1;
        int known = 0;
        for (int i = 0; i < everybody; ++i) {
            known += (*keyring)->handles_of("app", person(i)).empty() ? 0 : 1;
        }
        return known;
    }

    KeyringTestWorld world_;
    MemoryPtr home_, former_;
    std::vector<std::string> told_;
};

TEST_F(RetireTest, WhatOnlyTheFormerHomeHeldIsAtTheHomeBeforeItGoes) {
    leave_the_home_behind();
    EXPECT_EQ(people_at({home_}), 10);
    auto const done = retire(home_, former_);
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_EQ(done->size(), 1u);
    EXPECT_TRUE(done->front().removed);
    EXPECT_FALSE(done->front().revivable);
    EXPECT_EQ(keys_at(*former_), 0u);
    EXPECT_EQ(people_at({home_}), everybody);
    ASSERT_EQ(told_.size(), 2u);
    EXPECT_TRUE(told_.front().starts_with("removing "));
    auto const again = retire(home_, former_);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->empty());
}

TEST_F(RetireTest, ACrashAtAnyStepLosesNobodyAndTheNextCallFinishes) {
    leave_the_home_behind();
    for (bool const happens : {false, true}) {
        for (bool const home_dies : {false, true}) {
            int steps = 0;
            for (bool finished = false; !finished; ++steps) {
                auto const home = twin_of(*home_), former = twin_of(*former_);
                auto const mortal = std::make_shared<MortalStore>(home_dies ? home : former);
                mortal->changes_left = steps;
                mortal->last_change_happens = happens;
                std::shared_ptr<store::ObjectStore> a = home, b = former;
                (home_dies ? a : b) = mortal;
                finished = retire(a, b).has_value() && !mortal->is_dead();
                auto const left = keys_at(*former), before = keys_at(*former_);
                EXPECT_EQ(people_at({home, former}), everybody) << "step " << steps;
                if (left < before) {
                    EXPECT_EQ(people_at({home}), everybody) << "step " << steps;
                }
                ASSERT_TRUE(retire(home, former)) << "step " << steps;
                EXPECT_EQ(keys_at(*former), 0u);
                EXPECT_EQ(people_at({home}), everybody) << "step " << steps;
            }
            EXPECT_GT(steps, 3);
        }
    }
}

TEST_F(RetireTest, NothingGoesWhileTheHomeCannotTakeIt) {
    leave_the_home_behind();
    auto const full = std::make_shared<store::FaultStore>(
        home_, store::always(store::Operation::put, "keyring/",
                             {.kind = store::Mishap::Kind::refuse, .fault = Fault::exhausted}));
    auto const before = keys_at(*former_);
    auto const done = retire(full, former_);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_FALSE(done->front().removed);
    EXPECT_NE(done->front().pending.find("does not hold all of it yet"), std::string::npos);
    EXPECT_EQ(keys_at(*former_), before);
    EXPECT_EQ(people_at({former_}), everybody);
}

TEST_F(RetireTest, ADamagedAdditionThatLiesNowhereElseStaysWhereItIs) {
    leave_the_home_behind();
    std::string name;
    ASSERT_TRUE(former_->list("keyring/a/",
                              [&](store::ObjectInfo const& info) -> Result<void> {
                                  if (info.size_bytes != tombstone_object_bytes) name = info.name;
                                  return {};
                              },
                              {}));
    ASSERT_FALSE(name.empty());
    former_->tamper(name, [](Bytes& bytes) { std::ranges::fill(bytes, std::byte{0}); });
    auto const done = retire(home_, former_);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_NE(done->front().pending.find("repo repair"), std::string::npos);
    EXPECT_GT(keys_at(*former_), 0u);
}

TEST_F(RetireTest, APlaceThatKeepsHistoryIsToldAsRevivable) {
    auto const keeps = twin_of(*former_, {.capabilities = {.history = true}});
    auto const done = retire(home_, keeps);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_TRUE(done->front().removed && done->front().revivable);
    EXPECT_NE(told_.back().find("history keeps them"), std::string::npos);
}

TEST_F(RetireTest, AForkIsRefusedAndNothingGoes) {
    leave_the_home_behind();
    world_.place.homes = {home_};
    ASSERT_TRUE(world_.open()->rotate(world_.settled, {}));
    auto const before = keys_at(*former_);
    auto const done = retire(home_, former_);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), 14);
    EXPECT_EQ(keys_at(*former_), before);
}

TEST_F(RetireTest, AChangeIsNotCompleteWhileOldKeysLieAtAFormerHome) {
    std::shared_ptr<store::MirrorStore> const mirror =
        *store::MirrorStore::create({{"home", home_, std::nullopt, store::LegRole::whole},
                                     {"former", former_, std::nullopt, store::LegRole::no_keys}});
    world_.place.homes = {mirror};
    auto const keyring = world_.open();
    auto const pending = keyring->rotate(world_.settled, {});
    ASSERT_TRUE(pending) << pending.error().message();
    EXPECT_FALSE(pending->complete);
    ASSERT_TRUE(retire(home_, former_));
    auto const whole = keyring->rotate(world_.settled, {});
    ASSERT_TRUE(whole) << whole.error().message();
    EXPECT_TRUE(whole->complete);
    EXPECT_EQ(whole->homes.size(), 1u);
    EXPECT_EQ(keys_at(*former_), 0u);
}

}  // namespace
}  // namespace perdure::repository
