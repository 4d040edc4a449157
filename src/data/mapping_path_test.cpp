#include "data/mapping_path.h"

#include <gtest/gtest.h>

namespace perdure::data {
namespace {

using Kind = MappingPath::Kind;

TEST(MappingPath, ReadsTheFourForms) {
    EXPECT_EQ(parse_mapping_path("title")->column, "title");
    auto const lookup = *parse_mapping_path("collection_id -> collections.name");
    EXPECT_EQ(lookup.kind, Kind::lookup);
    EXPECT_EQ(lookup.column + "|" + lookup.table + "|" + lookup.value,
              "collection_id|collections|name");
    auto const link = *parse_mapping_path("memory_tags(memory_id, tag_id) -> tags.name");
    EXPECT_EQ(link.kind, Kind::link);
    EXPECT_EQ(link.link_here + "|" + link.link_there + "|" + link.value, "memory_id|tag_id|name");
    auto const children = *parse_mapping_path("media(memory_id).path");
    EXPECT_EQ(children.kind, Kind::children);
    EXPECT_EQ(children.table + "|" + children.children_key, "media|memory_id");
}

TEST(MappingPath, QuotedNamesMayHoldSpacesAndQuotes) {
    EXPECT_EQ(parse_mapping_path("\"Order \"\"x\"\" ID\"")->column, "Order \"x\" ID");
    EXPECT_EQ(parse_mapping_path("a->\"Order Details\".b")->table, "Order Details");
}

TEST(MappingPath, RefusesWhatIsHalfAPath) {
    for (auto const* bad :
         {"", "a ->", "a -> b", "t(", "t(a", "t(a)", "t(a,b) -> c", "a b", "\"a"}) {
        EXPECT_FALSE(parse_mapping_path(bad)) << bad;
    }
}

}  // namespace
}  // namespace perdure::data
