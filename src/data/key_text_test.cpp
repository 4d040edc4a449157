#include "data/key_text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace perdure::data {
namespace {

TEST(KeyText, EveryKeyThatIsSpelledIsReadBack) {
    std::vector<Value> const values = {
        Text{"a"},    Text{""},     Text{"a/b"},   Text{"it's"},
        Text{"'q'"},  Text{"NULL"}, Text{"x'00'"}, Bytes{std::byte{0xff}},
        Bytes{},      Null{},       Text{"17"},    std::int64_t{17},
        Text{"\xff"}, Text{"'"},    Text{"/"}};
    for (auto const& first : values) {
        auto const alone = read_key(spell_key(first, KeyPart::alone), 1);
        ASSERT_EQ(alone.size(), 1u);
        EXPECT_TRUE(std::ranges::find(alone[0], first) != alone[0].end())
            << spell_key(first, KeyPart::alone);
        for (auto const& second : values) {
            auto const id = spell_key(first, KeyPart::of_several) + "/" +
                            spell_key(second, KeyPart::of_several);
            auto const parts = read_key(id, 2);
            ASSERT_EQ(parts.size(), 2u) << id;
            EXPECT_TRUE(std::ranges::find(parts[0], first) != parts[0].end()) << id;
            EXPECT_TRUE(std::ranges::find(parts[1], second) != parts[1].end()) << id;
        }
    }
    EXPECT_TRUE(read_key("a/b/c", 2).empty());
    EXPECT_EQ(spell_key(Text{"a/b"}, KeyPart::alone), "a/b");
    EXPECT_EQ(spell_key(Text{"a/b"}, KeyPart::of_several), "'a/b'");
}

}  // namespace
}  // namespace perdure::data
