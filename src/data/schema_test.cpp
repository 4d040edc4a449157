#include "data/schema.h"

#include <gtest/gtest.h>

#include "base/codec.h"

namespace perdure::data {
namespace {

DatabaseSchema sample() {
    DatabaseSchema schema;
    schema.engine = "sqlite";
    schema.settings = {{"encoding", "UTF-8"}, {"user_version", "3"}};
    schema.objects = {{"table", "person", "person", "CREATE TABLE person(id INTEGER PRIMARY KEY)"},
                      {"index", "i", "person", "CREATE INDEX i ON person(id)"}};
    schema.tables = {{"person", {{"id", "INTEGER", false}, {"g", "", true}}, {"id"}, true, false},
                     {"fts_data", {}, {}, false, true}};
    return schema;
}

TEST(Schema, ReadsBackWhatItWrote) {
    DatabaseSchema const schema = sample();
    auto const back = DatabaseSchema::decode(schema.encode());
    ASSERT_TRUE(back);
    EXPECT_EQ(back->encode(), schema.encode());
    EXPECT_EQ(back->settings, schema.settings);
    EXPECT_EQ(back->objects.at(1).sql, "CREATE INDEX i ON person(id)");
    ASSERT_EQ(back->tables.size(), 2u);
    EXPECT_TRUE(back->tables[0].columns.at(1).generated);
    EXPECT_TRUE(back->tables[0].keyed_by_rowid);
    EXPECT_TRUE(back->tables[1].shadow);
    EXPECT_FALSE(back->tables[1].keyed_by_rowid);
}

TEST(Schema, EveryTruncationAndTrailingByteIsCorrupt) {
    Bytes const good = sample().encode();
    for (std::size_t length = 0; length < good.size(); ++length) {
        EXPECT_FALSE(DatabaseSchema::decode(ByteView(good).first(length))) << length;
    }
    Bytes longer = good;
    longer.push_back(std::byte{0});
    EXPECT_EQ(DatabaseSchema::decode(longer).error().fault(), Fault::corrupt);
}

TEST(Schema, ANewerFormatIsNamed) {
    Bytes newer = sample().encode();
    newer[0] = std::byte{9};
    auto const back = DatabaseSchema::decode(newer);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().fault(), Fault::unsupported);
    EXPECT_NE(back.error().message().find('9'), std::string::npos);
}

TEST(Schema, ACountBeyondTheBytesIsRefusedBeforeAllocating) {
    Encoder out;
    out.varint(1);
    out.text("sqlite");
    out.varint(0);
    out.varint(std::uint64_t{1} << 60);
    EXPECT_EQ(DatabaseSchema::decode(out.view()).error().fault(), Fault::corrupt);
}

}  // namespace
}  // namespace perdure::data
