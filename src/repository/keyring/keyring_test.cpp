#include "repository/keyring/keyring.h"

#include <gtest/gtest.h>

#include <thread>

#include "repository/keyring/keyring_test_world.h"
#include "repository/triple.h"

namespace perdure::repository {
namespace {

using World = KeyringTestWorld;

TEST(Keyring, GivesTheSameDomainsAfterOpeningAgain) {
    World world;
    auto keyring = world.create();
    auto const common = keyring->common()->blob_id(as_bytes("x"));
    auto const anna = keyring->of_subject("app", as_bytes("anna")).value();
    EXPECT_EQ(keyring->of_subject("app", as_bytes("anna")).value()->handle(), anna->handle());
    EXPECT_NE(keyring->of_subject("ap", as_bytes("panna")).value()->handle(), anna->handle());
    ASSERT_TRUE(keyring->flush_additions(world.session(), {}));
    auto const again = world.open();
    EXPECT_EQ(again->common()->blob_id(as_bytes("x")), common);
    EXPECT_EQ(again->find(anna->handle()).value()->blob_id(as_bytes("x")),
              anna->blob_id(as_bytes("x")));
    EXPECT_EQ(again->of_subject("app", as_bytes("anna")).value()->handle(), anna->handle());
    EXPECT_EQ(again->state(world.random.draw<Handle>()), HandleState::unknown);
    EXPECT_EQ(again->find(world.random.draw<Handle>()).error().fault(), Fault::not_found);
}

TEST(Keyring, RefusesASecondCreationAndAMissingKeyring) {
    World world;
    EXPECT_EQ(world.refused(world.secret).code(), 10);
    world.create();
    auto const twice = Keyring::create(world.place, {world.secret, "disk"}, world.outside, {});
    EXPECT_EQ(twice.error().fault(), Fault::conflict);
}

TEST(Keyring, ForgetsWhatWasNeverFlushed) {
    World world;
    auto keyring = world.create();
    auto const handle = keyring->of_subject("app", person(1)).value()->handle();
    EXPECT_EQ(keyring->state(handle), HandleState::live);
    EXPECT_EQ(world.open()->state(handle), HandleState::unknown);
}

TEST(Keyring, ErasesOnePersonAndNobodyElse) {
    World world;
    auto keyring = world.create();
    auto const handles = world.add_people(*keyring, 50);
    auto const report = keyring->erase({{"app", person(7)}}, world.settled, {});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_TRUE(report->complete);
    EXPECT_TRUE(report->homes.at(0).keys_destroyed);
    EXPECT_EQ(report->erased, std::vector{handles[7]});
    auto const again = world.open();
    for (std::size_t i = 0; i < handles.size(); ++i) {
        auto const expected = i == 7 ? HandleState::erased : HandleState::live;
        EXPECT_EQ(again->state(handles[i]), expected);
        EXPECT_EQ(keyring->state(handles[i]), expected);
    }
    EXPECT_EQ(again->find(handles[7]).error().fault(), Fault::denied);
    EXPECT_EQ(again->tombstones(), std::vector{handles[7]});
    EXPECT_EQ(again->subjects(), 49U);
    EXPECT_TRUE(again->handles_of("app", person(7)).empty());
}

TEST(Keyring, ReportsNoErasureThatDidNothing) {
    World world;
    auto keyring = world.create();
    world.add_people(*keyring, 3);
    auto const epoch = keyring->epoch();
    auto const nobody = keyring->erase({{"app", person(9)}}, world.settled, {});
    EXPECT_EQ(nobody.error().fault(), Fault::not_found);
    EXPECT_EQ(keyring->erase({}, world.settled, {}).error().fault(), Fault::not_found);
    EXPECT_EQ(keyring->erase_handles({}, world.settled, {}).error().fault(), Fault::not_found);
    EXPECT_EQ(world.open()->epoch(), epoch);
}

TEST(Keyring, ErasesBothHandlesThatTwoWritersMade) {
    World world;
    world.create();
    auto first = world.open();
    auto second = world.open();
    auto const a = first->of_subject("app", person(1)).value()->handle();
    auto const b = second->of_subject("app", person(1)).value()->handle();
    ASSERT_NE(a, b);
    ASSERT_TRUE(first->flush_additions(world.session(), {}));
    ASSERT_TRUE(second->flush_additions(world.session(), {}));
    auto third = world.open();
    EXPECT_EQ(third->handles_of("app", person(1)), (std::vector{std::min(a, b), std::max(a, b)}));
    EXPECT_EQ(third->of_subject("app", person(1)).value()->handle(), std::min(a, b));
    auto const report = third->erase_handles({a}, world.settled, {});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->erased.size(), 2U);
    EXPECT_EQ(world.open()->state(b), HandleState::erased);
}

TEST(Keyring, DoesNotBringBackWhomASessionSawLeave) {
    World world;
    auto writer = world.create();
    auto const handles = world.add_people(*writer, 2);
    ASSERT_TRUE(world.open()->erase({{"app", person(0)}}, world.settled, {}));
    EXPECT_EQ(writer->state(handles[0]), HandleState::live) << "it has not looked yet";
    auto const erased = writer->refresh({});
    ASSERT_TRUE(erased);
    EXPECT_EQ(*erased, std::vector{handles[0]});
    EXPECT_EQ(writer->of_subject("app", person(0)).error().fault(), Fault::denied);
    EXPECT_TRUE(writer->of_subject("app", person(1)));
    auto next = world.open();
    auto const anew = next->of_subject("app", person(0));
    ASSERT_TRUE(anew) << "the next session may meet them anew";
    EXPECT_NE((*anew)->handle(), handles[0]);
}

TEST(Keyring, WaitsForSessionsAndFoldsWhatTheyAddMeanwhile) {
    World world;
    auto eraser = world.create();
    auto const handles = world.add_people(*eraser, 1);
    auto writer = world.open();
    auto const session = world.session();
    auto const late = writer->of_subject("app", person(5)).value()->handle();
    ASSERT_TRUE(writer->flush_additions(session, {}));
    ChangeOptions waiting;
    std::uint64_t asked = 0;
    waiting.sessions_settled = [&](std::uint64_t epoch, std::stop_token) {
        asked = epoch;
        return Result<bool>(false);
    };
    auto pending = eraser->erase({{"app", person(0)}}, waiting, {});
    ASSERT_TRUE(pending);
    EXPECT_FALSE(pending->complete);
    EXPECT_TRUE(pending->waits_for_sessions);
    EXPECT_FALSE(pending->homes.at(0).keys_destroyed);
    EXPECT_EQ(asked, eraser->epoch());
    EXPECT_EQ(writer->acknowledge(session, {}).value(), asked);
    auto const done = eraser->settle(world.settled, {});
    ASSERT_TRUE(done);
    EXPECT_TRUE(done->complete);
    auto const again = world.open();
    EXPECT_EQ(again->state(late), HandleState::live);
    EXPECT_EQ(again->state(handles[0]), HandleState::erased);
}

TEST(Keyring, ErasesStragglersOfTheErased) {
    World world;
    auto eraser = world.create();
    world.add_people(*eraser, 1);
    auto writer = world.open();
    ChangeOptions waiting;
    waiting.sessions_settled = [](std::uint64_t, std::stop_token) { return Result<bool>(false); };
    ASSERT_TRUE(eraser->erase({{"app", person(0)}}, waiting, {}));
    // A writer of before, which does not know the first handle, makes another.
    auto blind = writer->of_subject("app", to_bytes("person-0x")).value();
    ASSERT_TRUE(writer->flush_additions(world.session(), {}));
    auto const known = writer->of_subject("app", person(0)).value()->handle();
    auto const done = eraser->settle(world.settled, {});
    ASSERT_TRUE(done && done->complete);
    EXPECT_EQ(world.open()->state(known), HandleState::erased);
    EXPECT_EQ(world.open()->state(blind->handle()), HandleState::live);
}

TEST(Keyring, GivesUpASessionThatAnErasureWentOnWithout) {
    World world;
    auto eraser = world.create();
    world.add_people(*eraser, 1);
    auto writer = world.open();
    auto const session = world.session();
    auto const made = writer->of_subject("app", person(3)).value()->handle();
    ASSERT_TRUE(writer->flush_additions(session, {}));
    auto const unflushed = writer->of_subject("app", person(4)).value()->handle();
    ASSERT_TRUE(eraser->erase({{"app", person(0)}}, world.settled, {}));
    EXPECT_EQ(writer->acknowledge(session, {}).error().fault(), Fault::conflict);
    EXPECT_EQ(writer->state(unflushed), HandleState::erased);
    EXPECT_EQ(world.open()->state(unflushed), HandleState::unknown);
    EXPECT_EQ(world.open()->state(made), HandleState::live) << "it was there to be folded";
}

TEST(Keyring, FoldsManyAdditionsAndBuriesThem) {
    World world;
    auto keyring = world.create();
    std::vector<Handle> handles;
    for (int i = 0; i < 70; ++i) {
        handles.push_back(keyring->of_subject("app", person(i)).value()->handle());
        ASSERT_TRUE(keyring->flush_additions(world.session(), {}));
    }
    auto const report = keyring->settle(world.settled, {});
    ASSERT_TRUE(report && report->complete);
    for (auto const& info : world.objects("keyring/a/")) {
        EXPECT_EQ(info.size_bytes, tombstone_object_bytes);
    }
    auto const again = world.open();
    for (auto const& handle : handles) EXPECT_EQ(again->state(handle), HandleState::live);
    auto const epoch = again->epoch();
    ASSERT_TRUE(again->settle(world.settled, {}));
    EXPECT_EQ(again->epoch(), epoch) << "nothing to do, nothing done";
}

TEST(Keyring, KeepsWritersByLabel) {
    World world;
    auto keyring = world.create();
    auto const pair = keyring->writer("host/user");
    EXPECT_EQ(keyring->writer("host/user").open, pair.open);
    EXPECT_NE(keyring->writer("other").open, pair.open);
    ASSERT_TRUE(keyring->flush_additions(world.session(), {}));
    auto const name = crypto::sha256(pair.open.view());
    EXPECT_EQ(world.open()->writer_key(name), pair.open);
    ASSERT_TRUE(world.open()->rotate(world.settled, {}));
    EXPECT_EQ(world.open()->writer("host/user").open, pair.open);
    EXPECT_FALSE(keyring->writer_key(crypto::sha256({})));
}

TEST(Keyring, SpreadsManySubjectsOverShards) {
    World world;
    auto keyring = world.create();
    constexpr int count = 9000;
    auto const handles = world.add_people(*keyring, count);
    ASSERT_TRUE(keyring->rotate(world.settled, {}));
    EXPECT_EQ(world.objects("keyring/s/").size(), 3U);
    auto again = world.open();
    EXPECT_EQ(again->subjects(), static_cast<std::uint64_t>(count));
    ASSERT_TRUE(again->erase({{"app", person(4321)}}, world.settled, {}));
    EXPECT_EQ(world.objects("keyring/s/").size(), 3U);
    EXPECT_EQ(world.open()->state(handles[4321]), HandleState::erased);
    EXPECT_EQ(world.open()->state(handles[8999]), HandleState::live);
}

TEST(Keyring, ServesManyThreads) {
    World world;
    auto keyring = world.create();
    std::vector<std::jthread> threads;
    std::array<std::vector<Handle>, 4> handles;
    for (std::size_t t = 0; t < handles.size(); ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 300; ++i) {
                auto const domain = keyring->of_subject("app", person(i)).value();
                EXPECT_EQ(keyring->find(domain->handle()).value()->handle(), domain->handle());
                handles[t].push_back(domain->handle());
            }
        });
    }
    threads.emplace_back([&] {
        for (int i = 0; i < 5; ++i) EXPECT_TRUE(keyring->acknowledge(SessionId{}, {}));
    });
    threads.clear();
    EXPECT_EQ(handles[0], handles[1]);
    EXPECT_EQ(handles[0], handles[3]);
    EXPECT_EQ(keyring->subjects(), 300U);
}

TEST(Keyring, RequiresTheEpochThatASnapshotDemands) {
    World world;
    auto keyring = world.create();
    EXPECT_TRUE(keyring->require_epoch(1));
    EXPECT_EQ(keyring->require_epoch(2).error().code(), 14);
}

}  // namespace
}  // namespace perdure::repository
