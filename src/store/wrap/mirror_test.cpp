#include "store/wrap/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/memory/memory_store.h"
#include "store/wrap/fault.h"
#include "store/wrap/keyless.h"

namespace perdure::store {
namespace {

using Kind = Mishap::Kind;

class MirrorTest : public testing::Test {
protected:
    void SetUp() override {
        std::vector<MirrorLeg> legs;
        for (int i = 0; i < 3; ++i) {
            memory_.push_back(std::make_shared<MemoryStore>());
            faulty_.push_back(std::make_shared<FaultStore>(memory_.back()));
            legs.push_back({"leg" + std::to_string(i), faulty_.back(), std::nullopt});
        }
        auto made = MirrorStore::create(std::move(legs));
        ASSERT_TRUE(made);
        mirror_ = *made;
    }
    Result<void> put(ObjectName const& name, std::string_view body,
                     PutMode mode = PutMode::if_absent) {
        return mirror_->put(name, as_bytes(body), mode, {});
    }
    void break_leg(std::size_t leg, Operation operation, Fault fault = Fault::unavailable) {
        faulty_[leg]->set_script(always(operation, "", {.kind = Kind::refuse, .fault = fault}));
    }
    bool has(std::size_t leg, ObjectName const& name) {
        return memory_[leg]->head(name, {}).has_value();
    }
    std::vector<bool> degraded() {
        std::vector<bool> all;
        for (auto const& leg : mirror_->health()) all.push_back(leg.degraded);
        return all;
    }
    std::vector<std::shared_ptr<MemoryStore>> memory_;
    std::vector<std::shared_ptr<FaultStore>> faulty_;
    std::shared_ptr<MirrorStore> mirror_;
};

using testing::ElementsAre;

TEST_F(MirrorTest, EveryHealthyLegGetsEveryObject) {
    ASSERT_TRUE(put("a", "x"));
    EXPECT_TRUE(has(0, "a") && has(1, "a") && has(2, "a"));
    EXPECT_THAT(degraded(), ElementsAre(false, false, false));
}

TEST_F(MirrorTest, ALegThatMissedAPackNeverGetsASnapshot) {
    break_leg(1, Operation::put, Fault::exhausted);
    ASSERT_TRUE(put("pack/d/1", "pack"));
    faulty_[1]->set_script(nullptr);  // it has recovered, but it lacks the pack
    ASSERT_TRUE(put("snapshot/1", "snapshot"));
    EXPECT_FALSE(has(1, "snapshot/1"));
    EXPECT_TRUE(has(2, "snapshot/1"));
    EXPECT_THAT(degraded(), ElementsAre(false, true, false));
    EXPECT_EQ(mirror_->health()[1].error.value().fault(), Fault::exhausted);
}

TEST_F(MirrorTest, ALegThatOnlySaysThatItKeepsAPackNeverGetsASnapshot) {
    faulty_[1]->set_script(always(Operation::put, "pack/", {.kind = Kind::lie}));
    faulty_[2]->set_script(always(Operation::put, "pack/", {.kind = Kind::truncate, .amount = 2}));
    ASSERT_TRUE(put("pack/d/1", "pack"));
    ASSERT_TRUE(put("snapshot/1", "snapshot"));
    EXPECT_TRUE(has(0, "snapshot/1"));
    EXPECT_FALSE(has(1, "snapshot/1") || has(2, "snapshot/1"));
    EXPECT_THAT(degraded(), ElementsAre(false, true, true));
    EXPECT_EQ(mirror_->health()[1].error.value().fault(), Fault::corrupt);
}

TEST_F(MirrorTest, TheAuthorityDecidesWhoWins) {
    ASSERT_TRUE(memory_[0]->put("snapshot/1", as_bytes("tomb"), PutMode::if_absent, {}));
    auto const lost = put("snapshot/1", "ours");
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().fault(), Fault::conflict);
    EXPECT_FALSE(has(1, "snapshot/1"));
    EXPECT_THAT(degraded(), ElementsAre(false, false, false));
}

TEST_F(MirrorTest, ALegWithAnotherBodyIsDegradedAndKeepsItsOwn) {
    ASSERT_TRUE(memory_[1]->put("snapshot/1", as_bytes("tomb"), PutMode::if_absent, {}));
    ASSERT_TRUE(memory_[2]->put("snapshot/1", as_bytes("ours"), PutMode::if_absent, {}));
    ASSERT_TRUE(put("snapshot/1", "ours"));
    EXPECT_THAT(degraded(), ElementsAre(false, true, false));
    EXPECT_EQ(mirror_->health()[1].error.value().fault(), Fault::conflict);
    EXPECT_EQ(to_string(read_all(*memory_[1], "snapshot/1", 9, {}).value()), "tomb");
}

TEST_F(MirrorTest, TheNextLegTakesOverFromADeadAuthority) {
    break_leg(0, Operation::put);
    ASSERT_TRUE(put("a", "x"));
    EXPECT_TRUE(has(1, "a") && has(2, "a"));
    EXPECT_THAT(degraded(), ElementsAre(true, false, false));
    faulty_[0]->set_script(nullptr);
    std::vector<std::string> names;
    ASSERT_TRUE(mirror_->list("",
                              [&](ObjectInfo const& info) {
                                  names.push_back(info.name);
                                  return Result<void>();
                              },
                              {}));
    EXPECT_THAT(names, ElementsAre("a"));
}

TEST_F(MirrorTest, ItFailsOnlyWhenEveryLegFails) {
    for (std::size_t leg = 0; leg < 3; ++leg) break_leg(leg, Operation::put, Fault::exhausted);
    auto const done = put("a", "x");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault(), Fault::exhausted);
    EXPECT_FALSE(put("b", "x"));
}

TEST_F(MirrorTest, ReadsFallBackToOtherLegs) {
    ASSERT_TRUE(put("a", "x"));
    ASSERT_TRUE(memory_[0]->remove("a", {}));
    break_leg(1, Operation::read, Fault::corrupt);
    EXPECT_EQ(to_string(mirror_->read("a", 0, 1, {}).value()), "x");
    EXPECT_TRUE(mirror_->head("a", {}));
}

TEST_F(MirrorTest, WhatAHealthyLegLacksIsNotFoundEvenWhenAnotherIsAway) {
    break_leg(0, Operation::read);
    EXPECT_EQ(mirror_->read("a", 0, 1, {}).error().fault(), Fault::not_found);
    EXPECT_THAT(degraded(), ElementsAre(true, false, false));
    break_leg(1, Operation::read, Fault::corrupt);
    EXPECT_EQ(mirror_->read("a", 0, 1, {}).error().fault(), Fault::corrupt);
}

TEST_F(MirrorTest, WhenNobodyAnswersNothingIsSaidToBeAbsent) {
    for (std::size_t leg = 0; leg < 3; ++leg) break_leg(leg, Operation::head);
    EXPECT_EQ(mirror_->head("a", {}).error().fault(), Fault::unavailable);
    faulty_[2]->set_script(nullptr);  // back, but it may be behind: its word is not enough
    EXPECT_EQ(mirror_->head("a", {}).error().fault(), Fault::unavailable);
}

TEST_F(MirrorTest, RemovingSparesLegsThatMissedWhatWasPutAndTellsWhereItFailed) {
    for (auto const* name : {"a", "keyring/s/1", "lease/1", "pin/1"}) ASSERT_TRUE(put(name, "x"));
    break_leg(1, Operation::put);
    ASSERT_TRUE(put("b", "x"));
    faulty_[1]->set_script(nullptr);  // back, without b: what it holds may rest on a
    for (auto const* name : {"a", "keyring/s/1", "lease/1", "pin/1"}) {
        ASSERT_TRUE(mirror_->remove(name, {}));
        EXPECT_FALSE(has(0, name) || has(2, name));
    }
    EXPECT_TRUE(has(1, "a") && has(1, "keyring/s/1"));
    EXPECT_FALSE(has(1, "lease/1") || has(1, "pin/1")) << "nothing rests on these";
    break_leg(2, Operation::remove);
    auto const removed = mirror_->remove("b", {});
    ASSERT_FALSE(removed);
    EXPECT_THAT(removed.error().message(), testing::HasSubstr("leg2"));
    EXPECT_FALSE(has(0, "b"));
}

TEST_F(MirrorTest, ALegThatIsAwayDoesNotKeepTheOthersFromRemoving) {
    auto const half = MirrorStore::create(
        {{"here", memory_[0], std::nullopt}, {"usb", nullptr, fail(Fault::not_found, "no disk")}});
    ASSERT_TRUE(half);
    ASSERT_TRUE((*half)->put("a", as_bytes("x"), PutMode::if_absent, {}));
    EXPECT_TRUE((*half)->remove("a", {}));
    EXPECT_FALSE(has(0, "a"));
}

TEST_F(MirrorTest, WhatIsShutOutIsNeitherReadNorWritten) {
    ASSERT_TRUE(memory_[1]->put("a", as_bytes("strange"), PutMode::if_absent, {}));
    std::vector<std::string> asked;
    mirror_->shut_out([&](std::string const& name, ObjectStore&) -> std::optional<Error> {
        asked.push_back(name);
        if (name != "leg1") return std::nullopt;
        return fail(Fault::conflict, "holds another repository");
    });
    EXPECT_THAT(asked, ElementsAre("leg0", "leg1", "leg2"));
    EXPECT_EQ(mirror_->read("a", 0, 7, {}).error().fault(), Fault::not_found);
    ASSERT_TRUE(mirror_->compare_legs({}));
    ASSERT_TRUE(put("a", "ours") && put("lease/1", "x"));
    ASSERT_TRUE(mirror_->remove("lease/1", {}));
    EXPECT_EQ(to_string(read_all(*memory_[1], "a", 9, {}).value()), "strange");
    EXPECT_FALSE(has(1, "lease/1"));
    EXPECT_THAT(degraded(), ElementsAre(false, true, false));
    EXPECT_TRUE(mirror_->health()[1].shut_out);
    EXPECT_THAT(mirror_->absent_legs(), ElementsAre("leg1"));
    EXPECT_EQ(mirror_->legs().size(), 2u);
    mirror_->restore_leg("leg1");
    EXPECT_THAT(degraded(), ElementsAre(false, true, false)) << "a sync heals no stranger";
}

TEST_F(MirrorTest, ALegBehindTheAuthorityIsFoundBeforeTheFirstPut) {
    ASSERT_TRUE(memory_[0]->put("pack/d/1", as_bytes("x"), PutMode::if_absent, {}));
    ASSERT_TRUE(memory_[1]->put("pack/d/1", as_bytes("x"), PutMode::if_absent, {}));
    ASSERT_TRUE(memory_[1]->put("pack/d/2", as_bytes("more"), PutMode::if_absent, {}));
    ASSERT_TRUE(mirror_->compare_legs({}));
    EXPECT_THAT(degraded(), ElementsAre(false, false, true));
    ASSERT_TRUE(put("snapshot/1", "x"));
    EXPECT_FALSE(has(2, "snapshot/1"));
    mirror_->restore_leg("leg2");
    ASSERT_TRUE(put("snapshot/2", "x"));
    EXPECT_TRUE(has(2, "snapshot/2"));
}

TEST_F(MirrorTest, ALegThatLostItsConfigOrAShardOfTheKeyringIsFound) {
    ASSERT_TRUE(put("keyring/m/1", std::string(90, 'm')));
    for (char const* name : {"config", "keyring/s/1", "snapshot/1"}) ASSERT_TRUE(put(name, "x"));
    for (char const* lost : {"config", "keyring/s/1"}) {
        for (std::size_t leg = 0; leg < 3; ++leg) {
            ASSERT_TRUE(memory_[leg]->remove(lost, {}));
            ASSERT_TRUE(mirror_->compare_legs({}));
            EXPECT_THAT(degraded(), ElementsAre(leg == 0, leg == 1, leg == 2)) << lost;
            ASSERT_TRUE(memory_[leg]->put(lost, as_bytes("x"), PutMode::if_absent, {}));
            mirror_->restore_leg("leg" + std::to_string(leg));
        }
    }
}

TEST_F(MirrorTest, AForkOfTheKeyringIsSeenWhateverItsSizeAndDamageIsNone) {
    auto const body = [](char filling, std::size_t third) {
        return std::string(3 * third, filling);
    };
    auto const put_at = [&](int leg, std::string const& object) {
        ASSERT_TRUE(memory_[leg]->put("keyring/m/2", as_bytes(object), PutMode::replace, {}));
    };
    std::string const right = body('a', 100);
    std::string damaged = right;
    damaged[5] = 'b';
    damaged[150] = 'b';
    for (int leg : {0, 1, 2}) put_at(leg, right);
    put_at(1, damaged);
    ASSERT_TRUE(mirror_->compare_legs({}));
    EXPECT_THAT(degraded(), ElementsAre(false, false, false));
    put_at(1, body('b', 100));
    put_at(2, body('c', 130));  // another number of keys, so another size
    ASSERT_TRUE(mirror_->compare_legs({}));
    EXPECT_THAT(degraded(), ElementsAre(false, true, true));
}

/// A key home, a place without keys, and one that lends its keyring.
class RolesTest : public MirrorTest {
protected:
    void SetUp() override {
        MirrorTest::SetUp();
        LegRole const roles[] = {LegRole::no_keys, LegRole::whole, LegRole::keys_only};
        std::vector<MirrorLeg> legs;
        for (std::size_t i = 0; i < 3; ++i)
            legs.push_back({"leg" + std::to_string(i), faulty_[i], std::nullopt, roles[i]});
        mirror_ = *MirrorStore::create(std::move(legs));
    }
    std::vector<std::string> listed(std::string const& prefix, ObjectStore& store) {
        std::vector<std::string> names;
        EXPECT_TRUE(store.list(prefix,
                               [&](ObjectInfo const& info) {
                                   names.push_back(info.name);
                                   return Result<void>();
                               },
                               {}));
        return names;
    }
};

TEST_F(RolesTest, EveryObjectGoesWhereItsKindBelongsAndNowhereElse) {
    ASSERT_TRUE(put("keyring/m/1", "key"));
    ASSERT_TRUE(put("pack/d/1", "pack"));
    EXPECT_TRUE(!has(0, "keyring/m/1") && has(1, "keyring/m/1") && has(2, "keyring/m/1"));
    EXPECT_TRUE(has(0, "pack/d/1") && has(1, "pack/d/1") && !has(2, "pack/d/1"));
    EXPECT_THAT(listed("", *mirror_), ElementsAre("pack/d/1", "keyring/m/1"));
    EXPECT_THAT(listed("keyring/", *mirror_), ElementsAre("keyring/m/1"));
    EXPECT_EQ(to_string(mirror_->read("keyring/m/1", 0, 3, {}).value()), "key");
    ASSERT_TRUE(mirror_->compare_legs({}));
    EXPECT_THAT(degraded(), ElementsAre(false, false));
    auto const places = key_places(*mirror_);
    EXPECT_EQ(places.homes.size(), 2u);
    EXPECT_THAT(places.keyless, ElementsAre(faulty_[0].get()));
    ASSERT_TRUE(mirror_->remove("keyring/m/1", {}));
    EXPECT_FALSE(has(1, "keyring/m/1") || has(2, "keyring/m/1"));
}

TEST_F(RolesTest, APlaceWithoutKeysTakesNoneFromAnybodyAndShowsNone) {
    ASSERT_TRUE(memory_[0]->put("keyring/m/1", as_bytes("old"), PutMode::if_absent, {}));
    ASSERT_TRUE(put("keyring/m/2", "new"));
    auto& leg = *mirror_->legs().front();
    ASSERT_NE(behind_keyless(leg), nullptr);
    EXPECT_EQ(leg.put("keyring/a/1", {}, PutMode::replace, {}).error().fault(), Fault::denied);
    EXPECT_EQ(leg.head("keyring/m/1", {}).error().fault(), Fault::not_found);
    EXPECT_EQ(mirror_->read("keyring/m/1", 0, 1, {}).error().fault(), Fault::not_found);
    EXPECT_THAT(listed("", leg), ElementsAre());
    ASSERT_TRUE(leg.remove("keyring/m/1", {}));
    EXPECT_TRUE(has(0, "keyring/m/1")) << "taking it away is a deed of its own";
}

TEST_F(RolesTest, AKeyHomeThatLagsInDataStillDecidesAboutKeys) {
    for (auto const& [leg, name] : {std::pair(0, "snapshot/1"), {1, "keyring/m/1"}})
        ASSERT_TRUE(memory_[leg]->put(name, as_bytes("x"), PutMode::if_absent, {}));
    ASSERT_TRUE(memory_[2]->put("keyring/m/1", as_bytes("x"), PutMode::if_absent, {}));
    ASSERT_TRUE(mirror_->compare_legs({}));
    EXPECT_THAT(degraded(), ElementsAre(false, true));
    EXPECT_EQ(mirror_->head("keyring/m/2", {}).error().fault(), Fault::not_found);
    ASSERT_TRUE(put("keyring/m/2", "x"));
    ASSERT_TRUE(put("snapshot/2", "x"));
    EXPECT_TRUE(has(1, "keyring/m/2") && !has(1, "snapshot/2") && has(0, "snapshot/2"));
}

TEST_F(RolesTest, WithoutAnyKeyHomeKeysAreNotSaidToBeAbsent) {
    for (std::size_t leg : {1u, 2u}) {
        break_leg(leg, Operation::head);
        faulty_[leg]->set_script([](Operation, ObjectName const&, std::uint64_t) {
            return Mishap{.kind = Kind::refuse, .fault = Fault::unavailable};
        });
    }
    EXPECT_EQ(mirror_->head("keyring/m/1", {}).error().fault(), Fault::unavailable);
    EXPECT_EQ(put("keyring/m/1", "x").error().fault(), Fault::unavailable);
    EXPECT_TRUE(put("pack/d/1", "x"));
}

TEST_F(MirrorTest, AStopDegradesNobody) {
    std::stop_source source;
    source.request_stop();
    auto const done = mirror_->put("a", {}, PutMode::if_absent, source.get_token());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault(), Fault::cancelled);
    EXPECT_THAT(degraded(), ElementsAre(false, false, false));
}

TEST_F(MirrorTest, AFailedListingMovesTheAuthority) {
    ASSERT_TRUE(put("a", "x"));
    break_leg(0, Operation::list);
    int told = 0;
    ASSERT_TRUE(mirror_->list("",
                              [&](ObjectInfo const&) {
                                  ++told;
                                  return Result<void>();
                              },
                              {}));
    EXPECT_EQ(told, 1);
    EXPECT_THAT(degraded(), ElementsAre(true, false, false));
}

TEST(MirrorCreationTest, WithoutAnyDestinationThereIsNoMirror) {
    EXPECT_EQ(MirrorStore::create({}).error().fault(), Fault::invalid);
    auto const none = MirrorStore::create({{"usb", nullptr, fail(Fault::not_found, "no disk")}});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message(), "no disk");
}

}  // namespace
}  // namespace perdure::store
