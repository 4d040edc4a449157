#include "repository/own_sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "repository/lease.h"
#include "store/memory/memory_store.h"

namespace perdure::repository {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OwnSessionsTest : public ::testing::Test {
protected:
    static SessionId number(unsigned char n) {
        SessionId session;
        session.bytes.fill(std::byte{n});
        return session;
    }
    std::unique_ptr<Lease> take(unsigned char n) {
        auto lease = Lease::take({.store = store_,
                                  .session = number(n),
                                  .clock = system::real_clock(),
                                  .avoid = {},
                                  .refresh = {},
                                  .marks = marks_},
                                 {});
        EXPECT_TRUE(lease);
        return *std::move(lease);
    }
    bool has_lease(unsigned char n) { return store_.head(lease_name(number(n)), {}).has_value(); }
    SessionState state(unsigned char n) { return session_state(store_, number(n), {}).value(); }

    system::ScratchFolder scratch_ = system::ScratchFolder::create().value();
    system::Path marks_ = scratch_.path() / "sessions";
    store::MemoryStore store_;
};

TEST_F(OwnSessionsTest, WhoLivesOrEndedInOrderIsNotAmongThem) {
    EXPECT_THAT(ended_here(marks_), IsEmpty());
    auto living = take(1), ended = take(2), dead = take(3);
    EXPECT_THAT(ended_here(marks_), IsEmpty());
    ASSERT_TRUE(ended->release({}));
    dead.reset();
    EXPECT_THAT(ended_here(marks_), ElementsAre(number(3)));
    EXPECT_THAT(ended_here({}), IsEmpty());
}

TEST_F(OwnSessionsTest, WhoIsGoneIsFencedAndOthersAreLeftAlone) {
    auto living = take(1), dead = take(3);
    dead.reset();
    EXPECT_FALSE(sessions_know_epoch(store_, 5, system::real_clock().now(), {}).value());
    EXPECT_TRUE(give_up_ended(store_, ended_here(marks_), {}).value());
    EXPECT_EQ(state(3), SessionState::gone);
    EXPECT_TRUE(has_lease(3)) << "it keeps what was stored for the next one";
    EXPECT_TRUE(sessions_know_epoch(store_, 5, system::real_clock().now(), {}).value() == false)
        << "of the living one";
    EXPECT_EQ(state(1), SessionState::absent);
    EXPECT_TRUE(has_lease(1));
    EXPECT_FALSE(give_up_ended(store_, ended_here(marks_), {}).value()) << "nothing is left";
}

/// Killed between its commit and the end of its lease; in the place of that, who deletes its
/// snapshot has just said so, and somebody who pins will look for it.
TEST_F(OwnSessionsTest, WhoCommittedLosesItsLeaseAndNotWhatADeletionSays) {
    auto dead = take(3), deleted = take(4);
    for (unsigned char n : {3, 4}) {
        ASSERT_TRUE(
            store_.put(snapshot_name(number(n)), Bytes(1000), store::PutMode::if_absent, {}));
    }
    dead.reset();
    deleted.reset();
    ASSERT_TRUE(announce_deletion(store_, number(4), system::real_clock().now(), {}));
    EXPECT_TRUE(give_up_ended(store_, ended_here(marks_), {}).value());
    EXPECT_FALSE(has_lease(3));
    EXPECT_TRUE(is_being_deleted(store_, number(4), {}).value());
}

TEST_F(OwnSessionsTest, AMarkThatNobodyWroteToOrThatIsAnotherMachinesSaysNothing) {
    ASSERT_TRUE(system::make_folders(marks_));
    ASSERT_TRUE(system::write_file(marks_ / to_hex(number(1)), {}));
    ASSERT_TRUE(system::write_file(marks_ / to_hex(number(2)), as_bytes("another-host\n")));
    ASSERT_TRUE(system::write_file(marks_ / "notes.txt", as_bytes("mine\n")));
    EXPECT_THAT(ended_here(marks_), IsEmpty());
}

TEST_F(OwnSessionsTest, WithoutAFolderToMarkInOnlyTheLeaseTells) {
    ASSERT_TRUE(system::write_file(marks_, as_bytes("a file in its place")));
    auto lease = take(1);
    EXPECT_TRUE(has_lease(1));
    lease.reset();
    EXPECT_THAT(ended_here(marks_), IsEmpty());
    EXPECT_TRUE(has_lease(1));
}

}  // namespace
}  // namespace perdure::repository
