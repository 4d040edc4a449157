// tests/golden/archive-3: what schema 3 became, once and for ever.
#include "format/archive/read/seed_records.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "format/record/record_parser.h"
#include "system/file.h"

namespace perdure::format {
namespace {

std::string golden(std::string const& name) {
    char const* const checkout = std::getenv("PERDURE_CHECKOUT");
    auto const path = system::Path(checkout ? checkout : ".") / "tests/golden/archive-3" / name;
    auto const bytes = system::read_file(path, 1 << 20);
    EXPECT_TRUE(bytes) << path;
    return bytes ? to_string(ByteView(*bytes)) : std::string();
}

TEST(ArchiveMigration, MakesOfSchema3WhatItAlwaysMade) {
    auto const archive = read_json(golden("memories.json"));
    ASSERT_TRUE(archive) << archive.error().message();
    auto const* const memories = archive->find("memories")->array();
    ASSERT_NE(memories, nullptr);
    std::string migrated;
    for (std::size_t i = 0; i < memories->size(); ++i) {
        // The last one's vector lies in embeddings.npz.
        bool const elsewhere = i + 1 == memories->size();
        auto const record =
            migrate_3_to_4((*memories)[i], elsewhere ? "embeddings/4" : "", elsewhere ? "f32" : "");
        ASSERT_TRUE(record) << record.error().message();
        write_json(migrated, *record);
        migrated += '\n';
    }
    EXPECT_EQ(migrated, golden("schema-4.ndjson"));
}

TEST(ArchiveMigration, MakesRecordsThatSchema4Reads) {
    std::vector<data::RecordType> const types = {seed_memory_type()};
    RecordParser parser(types, [](std::string_view place, std::string_view) -> Result<Bytes> {
        EXPECT_EQ(place, "embeddings/4");
        return Bytes(12);
    });
    auto const text = golden("schema-4.ndjson");
    std::size_t count = 0;
    for (std::string_view rest = text; !rest.empty(); ++count) {
        auto const line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + 1);
        auto const record = parser.parse(line);
        ASSERT_TRUE(record) << record.error().message() << "\n" << line;
        EXPECT_EQ((*record)->type, "memory");
        EXPECT_EQ((*record)->fields.size(), types.front().columns.size());
    }
    EXPECT_EQ(count, 5u);
}

}  // namespace
}  // namespace perdure::format
