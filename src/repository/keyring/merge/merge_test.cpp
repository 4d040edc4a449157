// Two key homes that were changed apart from each other, and joined again.
#include "repository/keyring/merge/merge.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "repository/keyring/keyring_test_world.h"
#include "repository/keyring/merge/lineage.h"
#include "repository/triple.h"

namespace perdure::repository {
namespace {

/// Six people at both homes; then each home misses what is done at the other.
struct Forked : KeyringTestWorld {
    std::shared_ptr<store::MemoryStore> other = std::make_shared<store::MemoryStore>();
    std::vector<Handle> shared, of_one, of_other;
    BlobId known_id;

    Forked() {
        place.homes = {store, other};
        {
            auto both = create();
            shared = add_people(*both, 6);
            EXPECT_TRUE(both->settle(settled, {}));
        }
        auto one = open_at({store});
        EXPECT_TRUE(one->erase({{"app", person(1)}}, settled, {})->complete);
        of_one = add(*open_at({store}), 20, 3);
        auto two = open_at({other});
        EXPECT_TRUE(two->erase({{"app", person(2)}}, settled, {})->complete);
        of_other = add(*open_at({other}), 30, 4);
        known_id = open_at({other})->find(of_other[0]).value()->blob_id(as_bytes("x"));
    }
    std::unique_ptr<Keyring> open_at(std::vector<std::shared_ptr<store::ObjectStore>> homes) {
        KeyringPlace there = place;
        there.homes = std::move(homes);
        auto opened = Keyring::open(there, secret, outside, {});
        if (!opened) ADD_FAILURE() << opened.error().message();
        return *std::move(opened);
    }
    std::vector<Handle> add(Keyring& keyring, int first, int count) {
        std::vector<Handle> handles;
        for (int i = first; i < first + count; ++i) {
            handles.push_back(keyring.of_subject("app", person(i)).value()->handle());
        }
        EXPECT_TRUE(keyring.flush_additions(session(), {}));
        return handles;
    }
    Result<MergeReport> merge(bool dry_run = false) {
        return merge_keyrings({place, secret, outside, dry_run}, settled, {});
    }
    struct DyingMerge {
        Result<MergeReport> report;
        bool dead = false;  ///< before it was done
    };
    /// Both homes die under it after so many changes in all.
    DyingMerge merge_dying_after(int step) {
        auto const one = std::make_shared<MortalStore>(store);
        auto const two = std::make_shared<MortalStore>(other);
        one->changes_left = step / 2;
        two->changes_left = step - step / 2;
        one->last_change_happens = step % 3 == 0;
        KeyringPlace dying = place;
        dying.homes = {one, two};
        auto report = merge_keyrings({dying, secret, outside}, settled, {});
        return {std::move(report), one->is_dead() || two->is_dead()};
    }
    static std::size_t living_manifests(store::ObjectStore& home) {
        std::size_t count = 0;
        EXPECT_TRUE(home.list("keyring/m/",
                              [&](store::ObjectInfo const& info) -> Result<void> {
                                  count += info.size_bytes != tombstone_object_bytes ? 1 : 0;
                                  return {};
                              },
                              {}));
        return count;
    }
    /// Each home by itself holds the whole of both histories, and nothing of the erased.
    void expect_joined(bool buried = true) {
        auto const one = open_at({store}), two = open_at({other});
        EXPECT_EQ(one->epoch(), two->epoch());
        EXPECT_EQ(one->manifest_hash(), two->manifest_hash());
        for (auto const* keyring : {one.get(), two.get()}) {
            EXPECT_EQ(keyring->subjects(), 4U + 3 + 4);
            for (auto const& handle : of_one) EXPECT_TRUE(keyring->find(handle));
            for (auto const& handle : of_other) EXPECT_TRUE(keyring->find(handle));
            EXPECT_EQ(keyring->state(shared[1]), HandleState::erased);
            EXPECT_EQ(keyring->state(shared[2]), HandleState::erased);
            EXPECT_EQ(keyring->find(of_other[0]).value()->blob_id(as_bytes("x")), known_id);
        }
        EXPECT_EQ(living_manifests(*store), 1U);
        EXPECT_EQ(living_manifests(*other), 1U);
        for (auto const& home : {store, other}) {
            if (!buried) break;
            EXPECT_TRUE(home->list("keyring/a/",
                                   [&](store::ObjectInfo const& info) -> Result<void> {
                                       EXPECT_EQ(info.size_bytes, tombstone_object_bytes)
                                           << info.name;
                                       return {};
                                   },
                                   {}));
        }
    }
};

TEST(KeyringMerge, AForkIsRefusedUntilSomebodyJoinsItAndThenNothingIsLost) {
    Forked world;
    EXPECT_NE(world.refused(world.secret).message().find("fork"), std::string::npos);
    auto const seen = world.merge(true);
    ASSERT_TRUE(seen) << seen.error().message();
    EXPECT_TRUE(seen->forked);
    EXPECT_NE(world.refused(world.secret).message().find("fork"), std::string::npos)
        << "a look has changed something";
    auto const merged = world.merge();
    ASSERT_TRUE(merged) << merged.error().message();
    EXPECT_TRUE(merged->forked);
    EXPECT_TRUE(merged->change.complete);
    EXPECT_EQ(merged->people, 11U);
    EXPECT_EQ(merged->joined, 4U);
    EXPECT_EQ(merged->erased, 2U);
    EXPECT_TRUE(merged->left_out.empty());
    world.expect_joined();
    auto const again = world.merge();
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->forked);
    EXPECT_EQ(again->epoch, merged->epoch);
}

TEST(KeyringMerge, WhoWasErasedAtOneSideDoesNotLiveOnUnderANewHandleOfTheOther) {
    Forked world;
    // The other home meets person 1 once more, by a second writer who did not know the first.
    auto const again = [&] {
        auto two = world.open_at({world.other});
        EXPECT_TRUE(two->erase({{"app", person(1)}}, world.settled, {})->complete);
        return world.add(*world.open_at({world.other}), 1, 1);
    }();
    // Erased at both sides, and came back afterwards at one: that is a new beginning.
    auto const merged = world.merge();
    ASSERT_TRUE(merged) << merged.error().message();
    EXPECT_TRUE(world.open()->find(again[0]));

    Forked late;
    auto two = late.open_at({late.other});
    auto const token_handle = two->handles_of("app", person(1));
    ASSERT_EQ(token_handle.size(), 1U) << "the other home still knows person 1";
    ASSERT_TRUE(late.merge());
    EXPECT_TRUE(late.open()->handles_of("app", person(1)).empty());
}

TEST(KeyringMerge, KeysThatOnlyOneSideHasAreLeftOutAndNamed) {
    Forked world;
    auto const second = key_file("another key file of many bytes");
    ASSERT_TRUE(world.open_at({world.other})->add_slot({second, "second"}, world.settled, {}));
    auto const merged = world.merge();
    ASSERT_TRUE(merged) << merged.error().message();
    ASSERT_EQ(merged->left_out.size(), 1U);
    EXPECT_EQ(merged->left_out[0].label, "second");
    EXPECT_EQ(world.refused(second).code(), 12);
    world.expect_joined();
    // Who cannot open every side may not join them.
    Forked locked;
    auto const only = key_file("a key that one side alone has");
    ASSERT_TRUE(locked.open_at({locked.store})->add_slot({only, "only"}, locked.settled, {}));
    auto const refused = merge_keyrings({locked.place, only, locked.outside}, locked.settled, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), 12);
}

TEST(KeyringMerge, ASessionThatStillRunsHoldsTheOldKeysUntilItEnds) {
    Forked world;
    auto waiting = world.settled;
    waiting.sessions_settled = [](std::uint64_t, std::stop_token) { return Result<bool>(false); };
    auto const merged = merge_keyrings({world.place, world.secret, world.outside}, waiting, {});
    ASSERT_TRUE(merged) << merged.error().message();
    EXPECT_TRUE(merged->change.waits_for_sessions);
    EXPECT_FALSE(merged->change.complete);
    EXPECT_GT(Forked::living_manifests(*world.other), 1U);
    ASSERT_TRUE(world.open()->settle(world.settled, {}));
    world.expect_joined();
}

TEST(KeyringMerge, SurvivesDyingAtEveryStep) {
    for (int step = 0;; ++step) {
        Forked world;
        auto const [done, dead] = world.merge_dying_after(step);
        // What is left is a fork still, or one keyring that lies at one home so far.
        auto const again = world.merge();
        ASSERT_TRUE(again) << "after step " << step << ": " << again.error().message();
        auto const settled = world.open()->settle(world.settled, {});
        ASSERT_TRUE(settled && settled->complete) << "after step " << step;
        // What nobody can open any more may lie about when its burial broke off.
        world.expect_joined(false);
        if (!dead) {
            EXPECT_TRUE(done);
            break;
        }
        ASSERT_LT(step, 200);
    }
}

/// Three people at both homes; a fourth was met while the first home was away, then the keys were
/// rotated while the second one was.
struct Lagging : Forked {
    std::vector<Handle> met;
    explicit Lagging(int rotations = 1) {
        store = std::make_shared<store::MemoryStore>();
        other = std::make_shared<store::MemoryStore>();
        place.homes = {store, other};
        {
            auto both = create();
            shared = add_people(*both, 3);
            EXPECT_TRUE(both->settle(settled, {}));
        }
        met = add(*open_at({other}), 30, 1);
        known_id = open_at({other})->find(met[0]).value()->blob_id(as_bytes("x"));
        for (int i = 0; i < rotations; ++i) {
            EXPECT_TRUE(open_at({store})->rotate(settled, {})->complete);
        }
    }
    Lineage lineage() {
        auto seen = lineage_of({store.get(), other.get()}, {});
        EXPECT_TRUE(seen);
        return *std::move(seen);
    }
};

TEST(KeyringMerge, WhatAHomeHoldsThatMissedAChangeIsFoldedInAndNoForkIsCalled) {
    for (int rotations : {1, 5}) {
        Lagging world(rotations);
        auto const second = key_file("another key file of many bytes");
        ASSERT_TRUE(world.open_at({world.store})->add_slot({second, "second"}, world.settled, {}));
        ASSERT_FALSE(world.open_at({world.store})->find(world.met[0]));
        auto const before = world.lineage();
        EXPECT_FALSE(before.forked);
        EXPECT_EQ(before.unfolded, std::vector<std::size_t>{1});
        auto const folded = world.merge();
        ASSERT_TRUE(folded) << folded.error().message();
        EXPECT_FALSE(folded->forked);
        EXPECT_TRUE(folded->folded && folded->change.complete);
        EXPECT_EQ(folded->joined, 1U);
        EXPECT_TRUE(folded->left_out.empty()) << "a key that is new is no disputed one";
        for (auto const& home : {world.store, world.other}) {
            auto const alone = world.open_at({home});
            EXPECT_EQ(alone->find(world.met[0]).value()->blob_id(as_bytes("x")), world.known_id);
            EXPECT_EQ(alone->slots().size(), 2U);
            EXPECT_EQ(Forked::living_manifests(*home), 1U);
        }
        EXPECT_TRUE(world.lineage().is_one());
        auto const again = world.merge();
        ASSERT_TRUE(again);
        EXPECT_FALSE(again->folded);
        EXPECT_EQ(again->epoch, folded->epoch);
    }
}

TEST(KeyringMerge, WhoWasErasedWhileAHomeWasAwayDoesNotComeBackFromIt) {
    Lagging world;
    ASSERT_TRUE(world.open_at({world.store})->erase({{"app", person(1)}}, world.settled, {}));
    auto const folded = world.merge();
    ASSERT_TRUE(folded) << folded.error().message();
    EXPECT_FALSE(folded->forked);
    for (auto const& home : {world.store, world.other}) {
        EXPECT_EQ(world.open_at({home})->state(world.shared[1]), HandleState::erased);
        EXPECT_TRUE(world.open_at({home})->find(world.met[0]));
    }
}

TEST(KeyringMerge, FoldingSurvivesDyingAtEveryStep) {
    for (int step = 0;; ++step) {
        Lagging world;
        auto const [done, dead] = world.merge_dying_after(step);
        auto const again = world.merge();
        ASSERT_TRUE(again) << "after step " << step << ": " << again.error().message();
        ASSERT_TRUE(world.open()->settle(world.settled, {})) << "after step " << step;
        for (auto const& home : {world.store, world.other}) {
            EXPECT_TRUE(world.open_at({home})->find(world.met[0])) << "after step " << step;
        }
        EXPECT_TRUE(world.lineage().is_one()) << "after step " << step;
        if (!dead) {
            EXPECT_TRUE(done);
            break;
        }
        ASSERT_LT(step, 200);
    }
}

TEST(KeyringMerge, AForkIsSeenThoughOneSideWasChangedMoreOften) {
    Lagging world(2);
    ASSERT_TRUE(world.open_at({world.other})->rotate(world.settled, {})->complete);
    auto const more = world.add(*world.open_at({world.other}), 40, 2);
    EXPECT_TRUE(world.lineage().forked);
    auto const merged = world.merge();
    ASSERT_TRUE(merged) << merged.error().message();
    EXPECT_TRUE(merged->forked);
    for (auto const& home : {world.store, world.other}) {
        auto const alone = world.open_at({home});
        for (auto const& handle : more) EXPECT_TRUE(alone->find(handle));
        EXPECT_TRUE(alone->find(world.met[0]));
    }
    EXPECT_TRUE(world.lineage().is_one());
    // What the joined keyring came from is no fork of it, should it return.
    ASSERT_TRUE(world.open()->rotate(world.settled, {}));
    EXPECT_TRUE(world.lineage().is_one());
}

TEST(KeyringMerge, AncestorsStandAmongFieldsOfLaterVersions) {
    Encoder later;
    later.varint(77);
    later.bytes(as_bytes("of a later version"));
    Bytes const optional = with_ancestors(later.view(), {3, 2});
    EXPECT_EQ(read_ancestors(optional), (std::vector<Ancestor>{3, 2}));
    Bytes const next = with_ancestors(optional, {4, 3, 2});
    EXPECT_EQ(read_ancestors(next), (std::vector<Ancestor>{4, 3, 2}));
    EXPECT_NE(std::ranges::search(next, later.view()).begin(), next.end());
    std::vector<Ancestor> const many(ancestors_max + 9, 1);
    EXPECT_EQ(read_ancestors(with_ancestors({}, many)).size(), ancestors_max);
    Bytes const strange = to_bytes(as_bytes("\xff\xff no fields"));
    EXPECT_TRUE(read_ancestors(strange).empty());
    EXPECT_EQ(with_ancestors(strange, {1}), strange);
}

}  // namespace
}  // namespace perdure::repository
