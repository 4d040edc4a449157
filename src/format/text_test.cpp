#include "format/text.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "format/record/json_text.h"

namespace perdure::format {
namespace {

TEST(Text, BadBytesBecomeReplacementCharacters) {
    EXPECT_EQ(repair_utf8("a\xff"
                          "b"),
              "a\xef\xbf\xbd"
              "b");
    EXPECT_EQ(repair_utf8("\xe2\x82"), "\xef\xbf\xbd");  // one cut character: one sign
    EXPECT_EQ(repair_utf8("\xed\xa0\x80").size(), 9u);   // a surrogate: three
    EXPECT_EQ(repair_utf8("häll€ 𝄞"), "häll€ 𝄞");
    EXPECT_TRUE(is_utf8(repair_utf8("\xf0\x9f\x92\xc0\x80\xfe")));
}

TEST(Text, FileNamesAreSafeEverywhere) {
    EXPECT_EQ(safe_file_name("a/b\\c:d"), "a_b_c_d");
    EXPECT_EQ(safe_file_name(".."), "_");
    EXPECT_EQ(safe_file_name(""), "_");
    EXPECT_EQ(safe_file_name("con.txt"), "_con.txt");
    EXPECT_EQ(safe_file_name("name. "), "name");
    EXPECT_EQ(safe_file_name(".hidden"), "_.hidden");
    std::string long_name;
    for (int i = 0; i < 100; ++i) long_name += "ü";
    EXPECT_EQ(safe_file_name(long_name).size(), 120u);
    EXPECT_EQ(safe_file_name("." + long_name).size(), 120u);  // a sign in front, and still no more
    EXPECT_EQ(safe_file_name("con." + std::string(200, 'a')).size(), 120u);
}

TEST(JsonText, ValuesThatPlainJsonCannotHoldAreTagged) {
    auto const json = [](data::ValueView value) {
        std::string out;
        json_value(out, value);
        return out;
    };
    EXPECT_EQ(json(std::int64_t{9007199254740992}), "9007199254740992");
    EXPECT_EQ(json(std::int64_t{9007199254740993}), R"({"$int64":"9007199254740993"})");
    EXPECT_EQ(json(0.1), "0.1");
    EXPECT_EQ(json(1.0), "1.0");
    EXPECT_EQ(json(-0.0), "-0.0");
    EXPECT_EQ(json(4.9e-324), "5e-324");
    EXPECT_EQ(json(std::numeric_limits<double>::infinity()), R"({"$double":"Infinity"})");
    EXPECT_EQ(json(std::string_view("a\0\"\x1f", 4)), R"("a\u0000\"\u001f")");
    EXPECT_EQ(json(std::string_view("\xff")), R"({"$text":"/w=="})");
    EXPECT_EQ(json(data::Null{}), "null");
    std::string key;
    json_key(key, "$int64");
    EXPECT_EQ(key, "\"$$int64\":");
}

TEST(JsonText, KnowsUtf8FromWhatOnlyLooksLikeIt) {
    for (auto const* bad : {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80",
                            "\xf5\x80\x80\x80", "aaaaaaaa\xe2\x82"}) {
        EXPECT_FALSE(is_utf8(bad)) << bad;
    }
    EXPECT_TRUE(is_utf8("plain ASCII of some length, and ünïcödé 🌱 \xf4\x8f\xbf\xbf"));
}

}  // namespace
}  // namespace perdure::format
