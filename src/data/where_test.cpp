#include "data/where.h"

#include <gtest/gtest.h>

namespace perdure::data {
namespace {

Record sample() {
    Record record;
    record.type = "memory";
    record.id = "17";
    record.title = "Über den Alps";
    record.category = "travel";
    record.created = *parse_time("2024-06-01T10:00:00Z");
    record.tags = {"draft", "snow"};
    record.fields = {{"rating", std::int64_t{4}},
                     {"price", 2.5},
                     {"email", Null{}},
                     {"Order ID", std::string_view("x'y")},
                     {"big", std::int64_t{9007199254740993}}};
    return record;
}

bool holds(std::string const& text) {
    auto const where = Where::parse(text);
    EXPECT_TRUE(where) << text << ": " << where.error().message();
    return where && where->matches(sample());
}

TEST(Where, ComparesByKindOfValue) {
    for (auto const* yes :
         {"category = 'travel'", "rating >= 4", "rating < 4.5", "price = 2.5", "email is null",
          "not email = 'x'", "created >= 2024-01-01", "created < 2024-06-01T12:00:00+01:00",
          "title like '%alps'", "title like '_ber%'", "tags contains 'snow'",
          "\"Order ID\" = 'x''y'", "rating in (1, 4)", "category in ('a','travel') and rating = 4",
          "id = '17'", "big = 9007199254740993", "rating = 9 or (rating = 4 and not rating = 5)",
          "category not in ('a')", "Category != 'x'"}) {
        EXPECT_TRUE(holds(yes)) << yes;
    }
    for (auto const* no :
         {"category = 'Travel'", "email = null", "email is not null", "email < 'z'",
          "tags contains 'sno'", "created >= '2024-06-02'", "title like 'alps'", "rating = '4'",
          "big = 9007199254740992", "title not like '%Alps'"}) {
        EXPECT_FALSE(holds(no)) << no;
    }
}

TEST(Where, AndBindsTighterThanOr) {
    EXPECT_TRUE(holds("rating = 4 or rating = 5 and rating = 6"));
    EXPECT_FALSE(holds("(rating = 4 or rating = 5) and rating = 6"));
}

TEST(Where, RefusesNonsenseAndTellsWhere) {
    for (auto const* bad :
         {"", "rating", "rating =", "= 4", "rating = 4 rating", "(rating = 4", "rating in ()",
          "title = 'open", "title like 4", "a = 4; drop table x", "rating = four"}) {
        EXPECT_FALSE(Where::parse(bad)) << bad;
    }
    EXPECT_NE(Where::parse("rating ~ 4").error().message().find("character 8"), std::string::npos);
    EXPECT_FALSE(Where::parse(std::string(100'000, '(')));
    EXPECT_FALSE(Where::parse(std::string(1000, '(') + "a = 1" + std::string(1000, ')')));
}

TEST(Where, AnUnknownFieldIsNamedWithTheKnownOnes) {
    auto const where = *Where::parse("ratting = 4");
    std::vector<RecordType> const types = {{.type = "memory", .columns = {"rating"}}};
    auto const checked = where.check(types);
    ASSERT_FALSE(checked);
    EXPECT_NE(checked.error().message().find("ratting"), std::string::npos);
    EXPECT_NE(checked.error().fix().find("rating"), std::string::npos);
}

TEST(RecordFilter, UntilIsExclusiveAndTagsAreAlternatives) {
    RecordFilter filter;
    filter.until = *parse_time("2024-06-01T10:00:00Z");
    EXPECT_FALSE(filter.matches(sample()));
    filter.until = *parse_time("2024-06-01T10:00:01Z");
    filter.tags = {"summer", "snow"};
    EXPECT_TRUE(filter.matches(sample()));
    filter.projects = {"none"};
    EXPECT_FALSE(filter.matches(sample()));
}

}  // namespace
}  // namespace perdure::data
