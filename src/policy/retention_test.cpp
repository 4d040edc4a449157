#include "policy/retention.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace perdure::policy {
namespace {

Candidate at(std::string id, std::string_view time) {
    auto const when = *parse_time(time);
    return {.id = std::move(id), .group = "app", .claimed = when, .received = when};
}

std::set<std::string> kept(std::vector<Verdict> const& verdicts) {
    std::set<std::string> ids;
    for (auto const& verdict : verdicts) {
        if (verdict.keep) ids.insert(verdict.id);
        EXPECT_EQ(verdict.keep, !verdict.reasons.empty());
    }
    return ids;
}

Timestamp const now = *parse_time("2026-11-21T12:00:00Z");

TEST(Retention, KeepsTheNewestOfEachNonEmptyDay) {
    auto const verdicts = judge({.daily = 2},
                                {at("a", "2026-11-21T10:00:00Z"), at("b", "2026-11-21T09:00:00Z"),
                                 at("c", "2026-11-11T23:59:59Z"), at("d", "2026-11-11T00:00:00Z"),
                                 at("e", "2026-11-01T00:00:00Z")},
                                now);
    EXPECT_EQ(kept(*verdicts), (std::set<std::string>{"a", "c"}));
    EXPECT_EQ(verdicts->front().reasons, std::vector<std::string>{"daily 2026-11-21"});
}

TEST(Retention, WeeksStartOnMonday) {
    auto const verdicts =
        judge({.weekly = 2},
              {at("monday", "2026-11-16T00:00:00Z"), at("sunday", "2026-11-15T23:00:00Z"),
               at("saturday", "2026-11-14T23:00:00Z")},
              now);
    EXPECT_EQ(kept(*verdicts), (std::set<std::string>{"monday", "sunday"}));
}

TEST(Retention, AnEmptyPolicyIsRefused) {
    EXPECT_EQ(judge({}, {at("a", "2026-11-21")}, now).error().fault(), Fault::invalid);
}

TEST(Retention, ThePinnedTheHeldAndTheLastGoodStay) {
    auto damaged = at("damaged", "2026-11-21T11:00:00Z");
    damaged.good = false;
    auto pinned = at("pinned", "2020-01-01");
    pinned.pinned = true;
    auto held = at("held", "2020-02-01");
    held.held = true;
    auto const verdicts = judge({.within = std::chrono::seconds(60)},
                                {damaged, pinned, held, at("good", "2026-11-20")}, now);
    EXPECT_EQ(kept(*verdicts), (std::set<std::string>{"pinned", "held", "good"}));
}

TEST(Retention, GroupsAreJudgedApart) {
    auto other = at("other", "2020-01-01");
    other.group = "elsewhere";
    EXPECT_EQ(kept(*judge({.last = 1}, {at("a", "2026-11-21"), other}, now)),
              (std::set<std::string>{"a", "other"}));
}

TEST(Retention, CopiedSnapshotsWhoseReceiptsTellNothingAreRefused) {
    std::vector<Candidate> copied;
    for (int i = 1; i <= 5; ++i) {
        auto candidate = at(std::to_string(i), "2026-11-21T10:00:00Z");
        candidate.claimed = candidate.claimed + std::chrono::hours(-72 * i);
        copied.push_back(candidate);
    }
    EXPECT_EQ(judge({.last = 1}, copied, now).error().fault(), Fault::conflict);
}

TEST(Retention, AForgedClaimChangesNothing) {
    auto forged = at("forged", "2026-11-20");
    forged.claimed = *parse_time("2030-01-01");
    EXPECT_EQ(kept(*judge({.last = 1}, {at("a", "2026-11-21"), forged}, now)),
              (std::set<std::string>{"a"}));
}

TEST(Retention, AClockThatWasAheadOnceCostsNothingThatCameLater) {
    auto ahead = at("ahead", "2030-01-01");
    ahead.sequence = 2;
    auto before = at("before", "2026-11-19");
    before.sequence = 1;
    auto yesterday = at("yesterday", "2026-11-20T10:00:00Z");
    yesterday.sequence = 3;
    auto today = at("today", "2026-11-21T10:00:00Z");
    today.sequence = 4;
    std::vector const all{before, ahead, yesterday, today};
    EXPECT_EQ(kept(*judge({.last = 1}, all, now)), (std::set<std::string>{"today"}));
    EXPECT_EQ(kept(*judge({.daily = 2}, all, now)), (std::set<std::string>{"today", "yesterday"}));
    EXPECT_EQ(kept(*judge({.within = std::chrono::seconds(60)}, all, now)),
              (std::set<std::string>{"today"}));  // it came before yesterday's
    // Of one moment the later number is the newer one.
    auto twin = today;
    twin.id = "twin";
    twin.sequence = 5;
    EXPECT_EQ(kept(*judge({.last = 1}, {today, twin}, now)), (std::set<std::string>{"twin"}));
    EXPECT_EQ(kept(*judge({.last = 1}, {twin, today}, now)), (std::set<std::string>{"twin"}));
}

TEST(Retention, AReceiptThatIsStillToComeAgesAsWhatCameAfterIt) {
    auto const numbered = [](std::string id, std::string_view time, std::uint64_t number) {
        auto one = at(std::move(id), time);
        one.sequence = number;
        return one;
    };
    RetentionRules const days{.within = std::chrono::hours(72)};
    auto const first = numbered("first", "2026-11-01", 1),
               ahead = numbered("ahead", "2030-01-01", 2);
    auto const today = numbered("today", "2026-11-21T10:00:00Z", 4);
    // It came between the first and the next one, at the latest with that.
    EXPECT_EQ(kept(*judge(days, {first, ahead, numbered("next", "2026-11-20", 3), today}, now)),
              (std::set<std::string>{"ahead", "next", "today"}));
    EXPECT_EQ(kept(*judge(days, {first, ahead, numbered("next", "2026-11-05", 3), today}, now)),
              (std::set<std::string>{"today"}));
    // A clock that was set back before the first says nothing about it.
    EXPECT_EQ(kept(*judge(days, {first, ahead, numbered("slow", "2000-01-01", 3), today}, now)),
              (std::set<std::string>{"ahead", "today"}));
    // Nothing came after it: it stays, as the last good one.
    EXPECT_EQ(kept(*judge(days, {first, ahead}, now)), (std::set<std::string>{"ahead"}));
    // By the clock of the store nothing came yet: then that one is wrong, and nothing goes.
    EXPECT_EQ(kept(*judge(days, {first, ahead, today}, *parse_time("2001-01-01"))),
              (std::set<std::string>{"first", "ahead", "today"}));
}

TEST(Retention, AReceiptThatIsStillToComeStaysWhileItMayBeTheLastOfItsDay) {
    auto const numbered = [](std::string id, std::string_view time, std::uint64_t number) {
        auto one = at(std::move(id), time);
        one.sequence = number;
        return one;
    };
    auto const first = numbered("first", "2026-11-18", 1),
               ahead = numbered("ahead", "2030-01-01", 2),
               yesterday = numbered("yesterday", "2026-11-20T10:00:00Z", 3),
               today = numbered("today", "2026-11-21T10:00:00Z", 4);
    // It may be the only one of the 19th, and is no day more: the first stays beside it.
    auto const verdicts = judge({.daily = 3}, {first, ahead, yesterday, today}, now);
    EXPECT_EQ(kept(*verdicts), (std::set<std::string>{"ahead", "first", "today", "yesterday"}));
    EXPECT_EQ(verdicts->at(2).reasons,
              std::vector<std::string>{"daily at some time before 2026-11-20T10:00:00Z"});
    EXPECT_EQ(kept(*judge({.daily = 2}, {first, ahead, yesterday, today}, now)),
              (std::set<std::string>{"today", "yesterday"}));
    // It came in a month of which a later one is kept.
    EXPECT_EQ(kept(*judge({.monthly = 5}, {first, ahead, yesterday, today}, now)),
              (std::set<std::string>{"today"}));
    // While nothing came after it, it is the newest; and yet no other day goes for it.
    EXPECT_EQ(kept(*judge({.daily = 1}, {first, ahead}, now)),
              (std::set<std::string>{"ahead", "first"}));
}

TEST(Retention, WhatARightClockWouldKeepStaysHoweverFarItWasAhead) {
    std::mt19937 random(11);
    for (int round = 0; round < 2000; ++round) {
        std::vector<Candidate> right;
        auto time = now + std::chrono::hours(-24 * 40);
        for (unsigned i = 1; i <= 20; ++i) {
            auto one = at(std::to_string(i), "2026-01-01");
            time = time + std::chrono::hours(random() % 48);
            one.claimed = one.received = std::min(time, now);
            one.sequence = i;
            one.safety = random() % 8 == 0;
            right.push_back(one);
        }
        auto wrong = right;
        auto const from = random() % 20, count = random() % 6;
        for (auto i = from; i < std::min<std::size_t>(from + count, 20); ++i)
            wrong[i].received = wrong[i].received + std::chrono::hours(24 * 400);
        RetentionRules const rules{.last = static_cast<unsigned>(random() % 3),
                                   .hourly = static_cast<unsigned>(random() % 3),
                                   .daily = static_cast<unsigned>(1 + random() % 9),
                                   .weekly = static_cast<unsigned>(random() % 4),
                                   .monthly = static_cast<unsigned>(random() % 3),
                                   .yearly = static_cast<unsigned>(random() % 2)};
        auto const a = kept(*judge(rules, right, now));
        auto const b = kept(*judge(rules, wrong, now));
        EXPECT_TRUE(std::includes(b.begin(), b.end(), a.begin(), a.end())) << round;
    }
}

TEST(Retention, WhatARestoreSetAsidePushesNoBackupOut) {
    auto aside = at("aside", "2026-11-21T10:00:00Z");
    aside.safety = true;
    std::vector<Candidate> all{at("night", "2026-11-21T02:00:00Z"), aside,
                               at("older", "2026-11-20T02:00:00Z")};
    EXPECT_EQ(kept(*judge({.last = 1}, all, now)), (std::set<std::string>{"aside", "night"}));
    EXPECT_EQ(kept(*judge({.daily = 1}, all, now)), (std::set<std::string>{"aside", "night"}));
    EXPECT_EQ(kept(*judge({.within = std::chrono::seconds(60)}, all, now)),
              (std::set<std::string>{"aside", "night"}));
    all.push_back(at("next", "2026-11-21T11:00:00Z"));  // and it goes like any other
    auto const verdicts = judge({.last = 1}, all, now);
    EXPECT_EQ(kept(*verdicts), (std::set<std::string>{"next"}));
    EXPECT_EQ(verdicts->front().reasons, std::vector<std::string>{"last 1 of 1"});
}

TEST(Retention, MoreRulesNeverKeepLess) {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<Candidate> candidates;
        for (int i = 0; i < 30; ++i) {
            auto candidate = at(std::to_string(i), "2026-01-01");
            candidate.received = candidate.received + std::chrono::hours(random() % 8000);
            candidate.claimed = candidate.received;
            candidate.sequence = random() % 20;
            candidate.safety = random() % 8 == 0;
            candidates.push_back(candidate);
        }
        RetentionRules const few{.last = 1, .daily = static_cast<unsigned>(random() % 5)};
        auto more = few;
        more.monthly = 3;
        more.daily += 2;
        auto const a = kept(*judge(few, candidates, now));
        auto const b = kept(*judge(more, candidates, now));
        EXPECT_TRUE(std::includes(b.begin(), b.end(), a.begin(), a.end()));
    }
}

}  // namespace
}  // namespace perdure::policy
