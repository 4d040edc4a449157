// Changes of the keyring: dying at every step, slots, several homes, memory of epochs.
#include <gtest/gtest.h>

#include <algorithm>

#include "repository/keyring/keyring_test_world.h"
#include "repository/keyring/pin.h"
#include "repository/triple.h"
#include "store/wrap/forward.h"
#include "system/file.h"

namespace perdure::repository {
namespace {

using World = KeyringTestWorld;
using Change = std::function<Result<ChangeReport>(Keyring&, World&)>;

/// Lets the world stop at each change of the store in turn, then opens and settles what is left.
/// Returns how many steps there were.
int die_at_every_step(bool last_change_happens, Change const& change,
                      std::function<void(Keyring&, std::vector<Handle> const&, bool done)> judge) {
    for (int step = 0;; ++step) {
        World world;
        auto keyring = world.create();
        auto const handles = world.add_people(*keyring, 6);
        auto mortal = std::make_shared<MortalStore>(world.store);
        mortal->changes_left = step;
        mortal->last_change_happens = last_change_happens;
        World dying;
        dying.place = world.place;
        dying.place.homes = {mortal};
        auto const report = [&] {
            auto opened = dying.open();
            return change(*opened, dying);
        }();
        auto survivor = world.open();
        auto const settled = survivor->settle(world.settled, {});
        EXPECT_TRUE(settled && settled->complete) << "after step " << step;
        std::size_t manifests = 0;
        for (auto const& info : world.objects("keyring/m/")) {
            if (info.size_bytes != tombstone_object_bytes) ++manifests;
        }
        EXPECT_EQ(manifests, 1U) << "after step " << step;
        auto again = world.open();
        judge(*again, handles, report.has_value());
        if (!mortal->is_dead()) {
            EXPECT_TRUE(report && report->complete);
            return step;
        }
        EXPECT_FALSE(report && report->complete) << "step " << step;
        if (step > 200) ADD_FAILURE() << "it never ends";
        if (step > 200) return step;
    }
}

TEST(KeyringChange, SurvivesDyingAtEveryStepOfAnErasure) {
    for (bool const happens : {false, true}) {
        bool gone_once = false;
        auto const steps = die_at_every_step(
            happens,
            [](Keyring& keyring, World& world) {
                return keyring.erase({{"app", person(2)}}, world.settled, {});
            },
            [&](Keyring& keyring, std::vector<Handle> const& handles, bool) {
                for (std::size_t i = 0; i < handles.size(); ++i) {
                    if (i == 2) continue;
                    EXPECT_EQ(keyring.state(handles[i]), HandleState::live);
                }
                bool const gone = keyring.state(handles[2]) == HandleState::erased;
                EXPECT_TRUE(gone || !gone_once) << "once decided, an erasure stays";
                gone_once = gone;
            });
        EXPECT_TRUE(gone_once);
        EXPECT_GE(steps, 6);
    }
}

TEST(KeyringChange, SurvivesDyingAtEveryStepOfARotation) {
    for (bool const happens : {false, true}) {
        die_at_every_step(
            happens,
            [](Keyring& keyring, World& world) { return keyring.rotate(world.settled, {}); },
            [](Keyring& keyring, std::vector<Handle> const& handles, bool) {
                for (auto const& handle : handles) {
                    EXPECT_EQ(keyring.state(handle), HandleState::live);
                }
            });
    }
}

TEST(KeyringChange, TellsItsStepsAndStopsWhereTheLogFails) {
    World world;
    auto keyring = world.create();
    auto const handles = world.add_people(*keyring, 1);
    std::vector<ChangeStep> steps;
    auto options = world.settled;
    options.log = [&](ChangeStep step, std::string_view) -> Result<void> {
        steps.push_back(step);
        return fail(Fault::exhausted, "the audit disk is full");
    };
    EXPECT_FALSE(keyring->erase({{"app", person(0)}}, options, {}));
    EXPECT_EQ(steps, std::vector{ChangeStep::intent});
    EXPECT_EQ(world.open()->state(handles[0]), HandleState::live) << "it fails closed";
    steps.clear();
    options.log = [&](ChangeStep step, std::string_view) -> Result<void> {
        steps.push_back(step);
        return {};
    };
    ASSERT_TRUE(keyring->erase({{"app", person(0)}}, options, {}));
    EXPECT_EQ(steps.front(), ChangeStep::intent);
    EXPECT_EQ(steps.back(), ChangeStep::done);
    auto const place = [&](ChangeStep step) { return std::ranges::find(steps, step); };
    EXPECT_LT(place(ChangeStep::read_back), place(ChangeStep::wait_for_sessions));
    EXPECT_LT(place(ChangeStep::fold_stragglers), place(ChangeStep::delete_old));
}

TEST(KeyringChange, TwoChangesAtOnceBothHappen) {
    World world;
    auto first = world.create();
    auto const handles = world.add_people(*first, 3);
    auto second = world.open();
    auto options = world.settled;
    bool raced = false;
    options.log = [&](ChangeStep step, std::string_view) -> Result<void> {
        if (step != ChangeStep::put_manifest || raced) return {};
        raced = true;
        EXPECT_TRUE(second->erase({{"app", person(1)}}, world.settled, {}));
        return {};
    };
    auto const report = first->erase({{"app", person(0)}}, options, {});
    ASSERT_TRUE(report) << report.error().message();
    auto const again = world.open();
    EXPECT_EQ(again->state(handles[0]), HandleState::erased);
    EXPECT_EQ(again->state(handles[1]), HandleState::erased);
    EXPECT_EQ(again->state(handles[2]), HandleState::live);
}

TEST(KeySlots, EachOpensAndAWrongOneDoesNot) {
    World world;
    auto keyring = world.create();
    auto const words = make_recovery_phrase(world.random);
    crypto::PassphraseCost const cheap{64 * 1024, 3};
    ASSERT_TRUE(keyring->add_slot({passphrase("correct horse"), "me", cheap}, world.settled, {}));
    ASSERT_TRUE(keyring->add_slot({phrase(words), "paper"}, world.settled, {}));
    EXPECT_EQ(keyring->slots().size(), 3U);
    EXPECT_EQ(world.open_with(passphrase("correct horse"))->opened_slot(), keyring->slots()[1].id);
    std::string lower = words;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    EXPECT_EQ(world.open_with(phrase(lower))->slots()[2].label, "paper");
    for (auto const& wrong : {passphrase("wrong"), key_file("another key of 16 bytes")}) {
        auto const error = world.refused(wrong);
        EXPECT_EQ(error.fault(), Fault::denied);
        EXPECT_EQ(error.code(), 12);
    }
    EXPECT_EQ(keyring->add_slot({key_file("short"), ""}, world.settled, {}).error().fault(),
              Fault::invalid);
    EXPECT_FALSE(keyring->add_slot({passphrase(""), "", cheap}, world.settled, {}));
    EXPECT_FALSE(keyring->add_slot({passphrase("x"), "", {1024, 1}}, world.settled, {}));
}

TEST(KeySlots, ARemovedOneOpensNothingAnyMore) {
    World world;
    auto keyring = world.create();
    auto const handles = world.add_people(*keyring, 3);
    auto const lost = key_file("a stolen laptop's key file");
    auto const id = keyring->add_slot({lost, "laptop"}, world.settled, {});
    ASSERT_TRUE(id);
    auto thief = world.open_with(lost);
    auto const before = world.objects("keyring/s/");
    ASSERT_TRUE(keyring->remove_slot(*id, world.settled, {}));
    EXPECT_EQ(world.refused(lost).code(), 12);
    EXPECT_EQ(thief->refresh({}).error().code(), 12) << "an opener of before is no better";
    for (auto const& after : world.objects("keyring/s/")) {
        for (auto const& each : before) EXPECT_NE(after.name, each.name) << "all shards re-keyed";
    }
    EXPECT_EQ(world.open()->state(handles[1]), HandleState::live);
    EXPECT_EQ(keyring->remove_slot(*id, world.settled, {}).error().fault(), Fault::not_found);
    EXPECT_EQ(keyring->remove_slot(keyring->opened_slot(), world.settled, {}).error().fault(),
              Fault::invalid);
}

TEST(KeySlots, KeepOpeningAfterRotationsAndErasuresByOthers) {
    World world;
    auto keyring = world.create();
    auto const words = make_recovery_phrase(world.random);
    ASSERT_TRUE(keyring->add_slot({phrase(words), "printed"}, world.settled, {}));
    world.add_people(*keyring, 2);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(keyring->rotate(world.settled, {}));
    ASSERT_TRUE(keyring->erase({{"app", person(0)}}, world.settled, {}));
    EXPECT_EQ(world.open_with(phrase(words))->subjects(), 1U);
}

struct TwoHomes : World {
    std::shared_ptr<store::MemoryStore> other = std::make_shared<store::MemoryStore>();
    std::shared_ptr<MortalStore> door = std::make_shared<MortalStore>(other);
    TwoHomes() { place.homes = {store, door}; }
    std::unique_ptr<Keyring> open_other() {
        place.homes = {other};
        auto keyring = open();
        place.homes = {store, door};
        return keyring;
    }
};

TEST(KeyHomes, AreAllErasedFrom) {
    TwoHomes world;
    auto keyring = world.create();
    auto const handles = world.add_people(*keyring, 3);
    auto const report = keyring->erase({{"app", person(1)}}, world.settled, {});
    ASSERT_TRUE(report);
    ASSERT_EQ(report->homes.size(), 2U);
    EXPECT_TRUE(report->homes[0].keys_destroyed && report->homes[1].keys_destroyed);
    auto const there = world.open_other();
    EXPECT_EQ(there->state(handles[1]), HandleState::erased);
    EXPECT_EQ(there->state(handles[2]), HandleState::live);
    EXPECT_EQ(there->manifest_hash(), keyring->manifest_hash());
}

TEST(KeyHomes, AnAbsentOneIsPendingAndSettledOnItsReturn) {
    TwoHomes world;
    auto keyring = world.create();
    auto const handles = world.add_people(*keyring, 3);
    auto const away = std::make_shared<MortalStore>(world.other);
    away->changes_left = 0;
    static_cast<void>(away->remove("x", {}).has_value());  // from now on it is not there
    world.place.homes = {world.store, away};
    auto shore = Keyring::open(world.place, world.secret, world.outside, {});
    if (!shore) {
        world.place.homes = {world.store};
        shore = Keyring::open(world.place, world.secret, world.outside, {});
    }
    ASSERT_TRUE(shore);
    ASSERT_TRUE((*shore)->erase({{"app", person(1)}}, world.settled, {}));
    EXPECT_EQ(world.open_other()->state(handles[1]), HandleState::live) << "it was away";
    world.place.homes = {world.store, world.door};
    auto again = world.open();
    EXPECT_EQ(again->state(handles[1]), HandleState::erased) << "the newest of all homes counts";
    auto const settled = again->settle(world.settled, {});
    ASSERT_TRUE(settled && settled->complete);
    EXPECT_EQ(world.open_other()->state(handles[1]), HandleState::erased);
}

TEST(KeyHomes, ThatKeepHistoryAreNeverCertifiedDestroyed) {
    World world;
    world.store = std::make_shared<store::MemoryStore>(
        store::MemoryOptions{.capabilities = {.history = true}});
    world.place.homes = {world.store};
    auto keyring = world.create();
    world.add_people(*keyring, 1);
    auto const report = keyring->erase({{"app", person(0)}}, world.settled, {});
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->homes.at(0).revivable);
    EXPECT_FALSE(report->homes.at(0).keys_destroyed);
}

/// Something happens just after the answer that the second manifest is not there yet.
class LateAnswer final : public store::ForwardingStore {
public:
    LateAnswer(std::shared_ptr<store::ObjectStore> inner, std::function<void()> meanwhile)
        : ForwardingStore(std::move(inner)), meanwhile_(std::move(meanwhile)) {}
    Result<store::ObjectInfo> head(store::ObjectName const& name, std::stop_token stop) override {
        auto answer = inner().head(name, stop);
        if (name == "keyring/m/2" && meanwhile_) std::exchange(meanwhile_, nullptr)();
        return answer;
    }
    Result<Bytes> read(store::ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override {
        auto answer = inner().read(name, offset_bytes, count_bytes, stop);
        if (name == "keyring/m/2" && meanwhile_) std::exchange(meanwhile_, nullptr)();
        return answer;
    }

private:
    std::function<void()> meanwhile_;
};

TEST(KeyringPin, AChangeByAnotherProcessWhileOneReadsIsNoRollback) {
    auto const folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    World world;
    world.place.pin_file = folder->path() / "pin";
    auto keyring = world.create();
    ChangeOptions waiting;  // a backup is running: the old manifest stays
    waiting.sessions_settled = [](std::uint64_t, std::stop_token) { return Result<bool>(false); };
    world.place.homes = {std::make_shared<LateAnswer>(
        world.store, [&] { ASSERT_TRUE(keyring->rotate(waiting, {})); })};
    auto const opened = Keyring::open(world.place, world.secret, world.outside, {});
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_EQ((*opened)->epoch(), keyring->epoch());
}

TEST(KeyringPin, NoticesAnOlderKeyringAndAFork) {
    auto const folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    World world;
    world.place.pin_file = folder->path() / "pin";
    auto keyring = world.create();
    std::map<store::ObjectName, Bytes> old;
    for (auto const& info : world.objects("keyring/")) {
        old[info.name] = store::read_all(*world.store, info.name, 1 << 20, {}).value();
    }
    ASSERT_TRUE(keyring->rotate(world.settled, {}));
    auto const newest = world.store;
    world.store = std::make_shared<store::MemoryStore>();
    world.place.homes = {world.store};
    for (auto const& [name, body] : old) {
        ASSERT_TRUE(world.store->put(name, body, store::PutMode::replace, {}));
    }
    auto const rollback = world.refused(world.secret);
    EXPECT_EQ(rollback.code(), 14);
    EXPECT_TRUE(is_rollback(rollback)) << rollback.message();
    EXPECT_TRUE(is_rollback(Error(rollback).within("the keyring of disk")));
    // The same epochs made twice, differently.
    world.place.pin_file.clear();
    ASSERT_TRUE(world.open()->rotate(world.settled, {}));
    world.place.pin_file = folder->path() / "pin";
    auto const fork = world.refused(world.secret);
    EXPECT_NE(fork.message().find("fork"), std::string::npos);
    EXPECT_FALSE(is_rollback(fork));
    world.place.homes = {newest, world.store};
    world.place.pin_file.clear();
    EXPECT_NE(world.refused(world.secret).message().find("fork"), std::string::npos);
}

}  // namespace
}  // namespace perdure::repository
