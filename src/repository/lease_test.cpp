#include "repository/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "repository/triple.h"
#include "repository/upkeep/collect/collection.h"
#include "store/memory/memory_store.h"
#include "store/wrap/fault.h"

namespace perdure::repository {
namespace {

using store::PutMode;

class ManualClock : public system::Clock {
public:
    Timestamp now() const override { return {seconds.load(), 0}; }
    std::atomic<std::int64_t> seconds{1'000'000'000};
};

SessionId session_number(unsigned char number) {
    SessionId session;
    session.bytes.fill(std::byte{number});
    return session;
}

PackName pack_number(unsigned char number) {
    PackName name;
    name.session = session_number(1);
    name.hash.bytes.fill(std::byte{number});
    return name;
}

class LeaseTest : public testing::Test {
protected:
    Result<std::unique_ptr<Lease>> take(unsigned char number) {
        LeaseOptions options{.store = store_, .session = session_number(number), .clock = clock_};
        options.avoid = [this](std::set<crypto::Digest> packs) { avoided_ = std::move(packs); };
        options.refresh = [this](std::stop_token) -> Result<std::uint64_t> {
            return epoch_.load();
        };
        return Lease::take(std::move(options), {});
    }
    Result<void> commit(unsigned char number) {
        return put_triple(store_, snapshot_name(session_number(number)), as_bytes("a snapshot"),
                          PutMode::if_absent, {});
    }
    Result<void> condemn(std::uint64_t number, unsigned char pack) {
        CollectionRecord record;
        record.number = number;
        record.packs.push_back({pack_number(pack), number, clock_.now()});
        return put_collection(store_, record, {});
    }
    SessionState state(unsigned char number) {
        return session_state(store_, session_number(number), {}).value();
    }
    ManualClock clock_;
    store::MemoryStore store_{{.clock = &clock_}};
    std::set<crypto::Digest> avoided_;
    std::atomic<std::uint64_t> epoch_{3};
};

TEST_F(LeaseTest, ALeaseTellsWhoWritesAndIsGoneAfterRelease) {
    auto lease = take(1);
    ASSERT_TRUE(lease);
    auto leases = read_leases(store_, {});
    ASSERT_TRUE(leases);
    ASSERT_EQ(leases->size(), 1u);
    EXPECT_EQ(leases->front().session, session_number(1));
    EXPECT_EQ(leases->front().renewed, clock_.now());
    EXPECT_EQ(leases->front().epoch, 3u);
    EXPECT_EQ(take(1).error().fault(), Fault::conflict);
    ASSERT_TRUE((*lease)->release({}));
    EXPECT_TRUE(read_leases(store_, {})->empty());
}

TEST_F(LeaseTest, ASessionAvoidsWhatWasCondemnedBeforeItBegan) {
    ASSERT_TRUE(condemn(1, 7));
    auto lease = take(2);
    ASSERT_TRUE(lease);
    EXPECT_THAT(avoided_, testing::ElementsAre(pack_number(7).hash));
    EXPECT_EQ((*lease)->collection(), 1u);
    EXPECT_EQ(read_leases(store_, {})->front().collection, 1u);
}

TEST_F(LeaseTest, ASessionThatBeganBeforeACollectionNeverAcknowledgesIt) {
    auto lease = take(2);
    ASSERT_TRUE(lease);
    ASSERT_TRUE(condemn(1, 7));
    ASSERT_TRUE((*lease)->renew({}));
    EXPECT_EQ(read_leases(store_, {})->front().collection, 0u);
}

TEST_F(LeaseTest, TheLeaseIsSeenBeforeTheCondemnedAreRead) {
    // the order on which the whole protocol stands: PUT lease, then LIST collect/
    std::vector<std::string> calls;
    store::FaultStore watched(
        std::shared_ptr<store::ObjectStore>(std::shared_ptr<void>(), &store_),
        [&](store::Operation operation, std::string const& name, std::uint64_t) {
            if (operation == store::Operation::put) calls.push_back("put " + name.substr(0, 6));
            if (operation == store::Operation::list) calls.push_back("list " + name);
            return store::Mishap{};
        });
    ASSERT_TRUE(condemn(1, 7));
    calls.clear();
    auto lease = Lease::take({.store = watched, .session = session_number(2), .clock = clock_}, {});
    ASSERT_TRUE(lease);
    EXPECT_THAT(calls, testing::ElementsAre("put lease/", "list collect/", "put lease/"));
}

TEST_F(LeaseTest, RenewalShowsInTheStoresClockAndTellsTheEpoch) {
    auto lease = take(1);
    ASSERT_TRUE(lease);
    clock_.seconds += 600;
    epoch_ = 4;
    ASSERT_TRUE((*lease)->renew({}));
    auto const leases = read_leases(store_, {});
    EXPECT_EQ(leases->front().renewed, clock_.now());
    EXPECT_EQ(leases->front().epoch, 4u);
    EXPECT_EQ(leases->front().renewals, 1u);
}

TEST_F(LeaseTest, TheThreadRenewsByItself) {
    LeaseOptions options{.store = store_, .session = session_number(1), .clock = clock_};
    options.interval = std::chrono::milliseconds(5);
    auto lease = Lease::take(std::move(options), {});
    ASSERT_TRUE(lease);
    for (int i = 0; i < 400; ++i) {
        if (read_leases(store_, {})->front().renewals >= 2) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_GE(read_leases(store_, {})->front().renewals, 2u);
}

TEST_F(LeaseTest, AFencedSessionCannotCommitAndLearnsItAtItsNextRenewal) {
    // restic #2452: the lock of a suspended machine was taken for stale; here the commit decides
    auto lease = take(1);
    ASSERT_TRUE(lease);
    EXPECT_EQ(fence(store_, session_number(1), clock_.now(), {}).value(), SessionState::gone);
    EXPECT_EQ((*lease)->renew({}).error().fault(), Fault::conflict);
    EXPECT_EQ(commit(1).error().fault(), Fault::conflict);
    EXPECT_EQ(state(1), SessionState::gone);
}

TEST_F(LeaseTest, ACommittedSessionCannotBeFenced) {
    ASSERT_TRUE(commit(1));
    EXPECT_EQ(fence(store_, session_number(1), clock_.now(), {}).value(), SessionState::committed);
    EXPECT_EQ(state(1), SessionState::committed);
    EXPECT_FALSE(store_.head("fence/" + to_hex(session_number(1)), {}));
}

TEST_F(LeaseTest, FencingTwiceIsFencingOnce) {
    EXPECT_EQ(fence(store_, session_number(1), clock_.now(), {}).value(), SessionState::gone);
    EXPECT_EQ(fence(store_, session_number(1), clock_.now(), {}).value(), SessionState::gone);
    EXPECT_TRUE(store_.head("fence/" + to_hex(session_number(1)), {}));
}

TEST_F(LeaseTest, AnEpochIsSettledOnceEveryLivingSessionKnowsItOrIsFenced) {
    auto lease = take(1);
    ASSERT_TRUE(lease);
    EXPECT_TRUE(sessions_know_epoch(store_, 3, clock_.now(), {}).value());
    EXPECT_FALSE(sessions_know_epoch(store_, 4, clock_.now(), {}).value());
    clock_.seconds += 25 * 3600;
    EXPECT_TRUE(sessions_know_epoch(store_, 4, clock_.now(), {}).value());
    EXPECT_EQ(state(1), SessionState::gone);
    EXPECT_EQ((*lease)->renew({}).error().fault(), Fault::conflict);
}

TEST_F(LeaseTest, AnUnreadableLeaseCountsAsLivingAndUnacknowledged) {
    ASSERT_TRUE(condemn(1, 7));
    auto lease = take(2);
    ASSERT_TRUE(lease);
    store_.tamper(lease_name(session_number(2)), [](Bytes& body) { body.assign(9, std::byte{1}); });
    auto const leases = read_leases(store_, {});
    ASSERT_EQ(leases->size(), 1u);
    EXPECT_EQ(leases->front().session, session_number(2));
    EXPECT_EQ(leases->front().collection, 0u);
}

TEST_F(LeaseTest, OnlyOneOfTwoCollectorsTakesTheNextStep) {
    // kopia #1087: two maintenances at once
    ASSERT_TRUE(condemn(1, 7));
    EXPECT_EQ(condemn(1, 8).error().fault(), Fault::conflict);
    auto const newest = newest_collection(store_, {});
    ASSERT_EQ(newest->record.packs.size(), 1u);
    EXPECT_EQ(newest->record.packs[0].name, pack_number(7));
}

TEST_F(LeaseTest, ACollectorThatFellBehindLosesEvenWhereItsNumberIsFree) {
    for (std::uint64_t number = 1; number <= 7; ++number) ASSERT_TRUE(condemn(number, 7));
    ASSERT_TRUE(store_.remove(collection_name(2), {}));
    EXPECT_EQ(condemn(2, 8).error().fault(), Fault::conflict);
    EXPECT_EQ(condemn(3, 8).error().fault(), Fault::conflict);
    auto const newest = newest_collection(store_, {});
    EXPECT_EQ(newest->seen, 7u);
    EXPECT_EQ(newest->record.number, 7u);
}

TEST_F(LeaseTest, ADamagedNewestCollectionIsSeenButNotAcknowledged) {
    ASSERT_TRUE(condemn(1, 7));
    ASSERT_TRUE(condemn(2, 8));
    store_.tamper(collection_name(2), [](Bytes& body) { body.assign(400, std::byte{1}); });
    auto const newest = newest_collection(store_, {});
    ASSERT_TRUE(newest);
    EXPECT_EQ(newest->seen, 2u);
    EXPECT_EQ(newest->record.number, 1u);
    auto lease = take(2);
    ASSERT_TRUE(lease);
    EXPECT_EQ((*lease)->collection(), 1u);
}

TEST(CollectionRecordTest, WhatWasEncodedDecodes) {
    CollectionRecord record;
    record.number = 5;
    for (unsigned char i = 1; i < 50; ++i)
        record.packs.push_back({pack_number(i), i, {1'700'000'000 + i, i}});
    auto const decoded = CollectionRecord::decode(record.encode());
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->number, 5u);
    ASSERT_EQ(decoded->packs.size(), 49u);
    EXPECT_EQ(decoded->packs[48].name, pack_number(49));
    EXPECT_EQ(decoded->packs[48].since, 49u);
    EXPECT_EQ(decoded->packs[48].when, (Timestamp{1'700'000'049, 49}));
}

TEST(CollectionRecordTest, DisorderTruncationAndSurplusAreCorrupt) {
    CollectionRecord record;
    record.number = 5;
    record.packs = {{pack_number(2), 1, {}}, {pack_number(1), 1, {}}};
    EXPECT_FALSE(CollectionRecord::decode(record.encode()));
    std::swap(record.packs[0], record.packs[1]);
    Bytes bytes = record.encode();
    ASSERT_TRUE(CollectionRecord::decode(bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(CollectionRecord::decode(ByteView(bytes).first(size)));
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(CollectionRecord::decode(bytes));
}

}  // namespace
}  // namespace perdure::repository
