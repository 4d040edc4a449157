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

TEST(Retention, MoreRulesNeverKeepLess) {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<Candidate> candidates;
        for (int i = 0; i < 30; ++i) {
            auto candidate = at(std::to_string(i), "2026-01-01");
            candidate.received = candidate.received + std::chrono::hours(random() % 8000);
            candidate.claimed = candidate.received;
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
