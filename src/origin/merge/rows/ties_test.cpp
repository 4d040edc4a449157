#include "origin/merge/rows/rows_testing.h"

namespace perdure::origin::testing {
namespace {

class MergeTies : public MergeOfTwo {
protected:
    void SetUp() override {
        MergeOfTwo::SetUp();
        both(R"(
CREATE TABLE users(id INTEGER PRIMARY KEY, name, email, seen);
CREATE TABLE tags(id INTEGER PRIMARY KEY, name UNIQUE, used);
CREATE TABLE mem(id INTEGER PRIMARY KEY, user_id REFERENCES users(id), title, updated_at);
CREATE TABLE mem_tags(mem_id INTEGER REFERENCES mem(id), tag_id INTEGER REFERENCES tags(id),
  PRIMARY KEY(mem_id, tag_id));
INSERT INTO users VALUES(1, 'ada', 'ada@x.org', 1), (2, 'bob', 'bob@x.org', 1);
INSERT INTO tags VALUES(1, 'work', 0), (2, 'family', 0);
INSERT INTO mem VALUES(1, 1, 'hers', '2026-01-01'), (2, 2, 'bob: medical', '2026-01-01');
INSERT INTO mem_tags VALUES(1, 1), (1, 2), (2, 2);
)");
    }
    MergeRequest request(std::vector<std::string> const& selectors, data::Strategy strategy) {
        auto request = MergeOfTwo::request(selectors);
        request.snapshot.mapping = {
            .subjects = data::SubjectMapping{"users", "id", "name", "email", {}},
            .records = {{"memory",
                         "mem",
                         {{"title", "title"},
                          {"updated", "updated_at"},
                          {"tags", "mem_tags(mem_id, tag_id) -> tags.name"}}}}};
        request.strategy = strategy;
        return request;
    }
    Done write(std::vector<std::string> const& selectors, data::Strategy strategy,
               bool remove = false) {
        auto wish = request(selectors, strategy);
        wish.remove = remove;
        auto done = merge(std::move(wish), Merge::Mode::write);
        EXPECT_TRUE(done) << done.error().message();
        return done ? std::move(*done) : Done{};
    }
    static MergeItem item(Done const& done, std::string_view record) {
        for (auto const& each : done.items) {
            if (each.record == record) return each;
        }
        ADD_FAILURE() << record << " is not named";
        return {};
    }
    void carol() {
        run_sql(
            live_,
            "DELETE FROM mem_tags WHERE mem_id = 2; DELETE FROM mem WHERE id = 2;"
            "DELETE FROM users WHERE id = 2; INSERT INTO users VALUES(2, 'carol', 'c@x.org', 1)");
    }

    static constexpr char const* owners =
        "SELECT group_concat(name || ':' || title) FROM (SELECT * FROM mem m JOIN users u ON "
        "u.id = m.user_id ORDER BY m.id)";
    static constexpr char const* links =
        "SELECT group_concat(mem_id || '-' || name) FROM (SELECT * FROM mem_tags JOIN tags t ON "
        "t.id = tag_id ORDER BY mem_id, tag_id)";
};

TEST_F(MergeTies, ARecordNeverComesBackAsAnotherPersons) {
    using enum data::Strategy;
    carol();
    for (auto const strategy : {keep_newer, overwrite}) {
        auto const done = write({"app:memory/2"}, strategy);
        EXPECT_EQ(live(owners), "ada:hers");
        auto const blocked = item(done, "app:memory/2");
        EXPECT_EQ(blocked.finding, MergeItem::Finding::blocked);
        EXPECT_NE(blocked.reason.find("app:users/2 is another person"), std::string::npos);
        auto const stranger = item(done, "app:users/2");
        EXPECT_EQ(stranger.finding, MergeItem::Finding::conflict);
        EXPECT_EQ(stranger.decision, data::Decision::keep);
        EXPECT_EQ(item(done, "app:mem_tags/2/2").finding, MergeItem::Finding::blocked);
    }
    // The whole source: bob's number is carol's, and she stays.
    auto const done = write({}, keep_newer);
    EXPECT_EQ(live(owners), "ada:hers");
    EXPECT_EQ(done.table("mem").blocked, 1u);
    EXPECT_EQ(done.table("mem_tags").blocked, 1u);
}

TEST_F(MergeTies, WhoChoosesThePersonTooGetsBothBack) {
    carol();
    write({"app:memory/2", "app:users/2"}, data::Strategy::overwrite);
    EXPECT_EQ(live(owners), "ada:hers,bob:bob: medical");
    EXPECT_EQ(live(links), "1-work,1-family,2-family");
}

TEST_F(MergeTies, APersonWhoWasSeenSinceOrChangedANameIsTheSame) {
    run_sql(live_,
            "DELETE FROM mem_tags; DELETE FROM mem; UPDATE users SET seen = 99;"
            "UPDATE users SET name = 'ada lovelace' WHERE id = 1;"
            "UPDATE users SET email = 'new@x.org' WHERE id = 2; UPDATE tags SET used = 7");
    auto const done = write({"app:memory"}, data::Strategy::keep_newer);
    EXPECT_EQ(live("SELECT count(*) FROM mem"), "2");
    EXPECT_EQ(live(links), "1-work,1-family,2-family");
    EXPECT_EQ(done.items.size(), 5u) << "nobody else is named";
}

TEST_F(MergeTies, WhatBelongsToARecordThatStaysStaysToo) {
    using enum data::Strategy;
    run_sql(live_,
            "UPDATE mem SET title = 'newer', updated_at = '2026-02-01' WHERE id = 1;"
            "DELETE FROM mem_tags WHERE mem_id = 1 AND tag_id = 1;"
            "INSERT INTO tags VALUES(3, 'mine', 0); INSERT INTO mem_tags VALUES(1, 3)");
    for (auto const strategy : {skip, keep_newer, keep_older}) {
        auto const done = write({"app:memory/1", "app:mem_tags/2/2"}, strategy, true);
        EXPECT_EQ(live(links), "1-family,1-mine,2-family");
        EXPECT_NE(item(done, "app:mem_tags/1/1").reason.find("stays as it is"), std::string::npos);
        EXPECT_EQ(done.table("mem_tags").blocked, 0u);
    }
    write({"app:memory/1", "app:mem_tags/2/2"}, overwrite, true);
    EXPECT_EQ(live(links), "1-work,1-family,2-family");
}

TEST_F(MergeTies, ALinkToWhatBecameAnotherIsNamedNotMade) {
    run_sql(live_,
            "DELETE FROM mem_tags WHERE mem_id = 1; DELETE FROM mem WHERE id = 1;"
            "UPDATE tags SET name = 'divorce' WHERE id = 2");
    auto const done = write({"app:memory/1"}, data::Strategy::keep_newer);
    EXPECT_EQ(live(links), "1-work,2-divorce");
    EXPECT_EQ(item(done, "app:mem_tags/1/2").finding, MergeItem::Finding::blocked);
    EXPECT_EQ(item(done, "app:tags/2").decision, data::Decision::keep);
}

}  // namespace
}  // namespace perdure::origin::testing
