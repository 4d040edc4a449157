#include "data/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace perdure::data {
namespace {

Json sample() {
    Json json;
    json.put("b", 2).put("a", std::numeric_limits<std::int64_t>::min()).put("text", "é\n\"\x01");
    json.put("list", Json(Json::Array{Json(true), Json(), Json(0.5)}));
    json.put("empty", Json(Json::Object{}));
    return json;
}

TEST(Json, KeepsTheSignOfZero) {
    for (std::string const text : {"[-0.0]", "[0]", "[-0.5]"}) {
        auto const read = Json::parse(text);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->canonical(), text);
    }
}

TEST(Json, CanonicalBytesDoNotDependOnTheOrderOfMembers) {
    Json other;
    other.put("text", "é\n\"\x01").put("empty", Json(Json::Object{}));
    other.put("list", Json(Json::Array{Json(true), Json(), Json(0.5)}));
    other.put("a", std::numeric_limits<std::int64_t>::min()).put("b", 2);
    EXPECT_EQ(sample().canonical(), other.canonical());
    EXPECT_EQ(sample().canonical(),
              "{\"a\":-9223372036854775808,\"b\":2,\"empty\":{},\"list\":[true,null,0.5],"
              "\"text\":\"é\\n\\\"\\u0001\"}");
}

TEST(Json, WhatIsWrittenReadsBackTheSame) {
    for (std::string const& text : {sample().canonical(), sample().pretty()}) {
        auto const read = Json::parse(text);
        ASSERT_TRUE(read) << read.error().message();
        EXPECT_EQ(read->canonical(), sample().canonical());
    }
}

TEST(Json, EscapesMeanTheirCharacters) {
    auto const read = Json::parse(R"("\u0041\u00e9\u20ac\ud83d\ude00\/")");
    ASSERT_TRUE(read);
    EXPECT_EQ(*read->text(), "Aé€😀/");
}

TEST(Json, RefusesWhatCouldBeReadInTwoWays) {
    for (std::string_view const bad :
         {"", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "1.", "+1", "nul", "\"\x01\"", "\"\\ud800\"",
          "\"\xff\"", "1 2", "{\"a\" 1}", "\"\\x\"", "-", "1e", "[1 2]", "\"open", "1e999"}) {
        EXPECT_FALSE(Json::parse(bad)) << bad;
    }
    EXPECT_FALSE(Json::parse(std::string(100'000, '[')));
    EXPECT_TRUE(Json::parse(std::string(60, '[') + std::string(60, ']')));
}

TEST(Json, BytesThatAreNoTextAreKeptBeside) {
    Json json;
    json.put_path("path", "a\xff");
    EXPECT_EQ(json.text_of("path_b64"), "Yf8=");
    EXPECT_TRUE(Json::parse(json.canonical()));
}

}  // namespace
}  // namespace perdure::data
