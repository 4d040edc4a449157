#include "format/record/json_reader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "format/record/json_tree.h"
#include "system/file.h"

namespace perdure::format {
namespace {

/// One byte at a time: every place may be the end of a window.
class Drops : public data::ByteSource {
public:
    explicit Drops(std::string_view text) : text_(text) {}
    Result<std::size_t> read(ByteSpan into) override {
        if (text_.empty()) return std::size_t{0};
        into[0] = as_bytes(text_)[0];
        text_.remove_prefix(1);
        return std::size_t{1};
    }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    std::string_view text_;
};

Result<std::string> through(JsonReader&& reader) {
    std::string out;
    PD_TRY(auto const first, reader.next());
    PD_CHECK(reader.copy(first, out));
    PD_CHECK(reader.next());
    return out;
}

std::filesystem::path suite() {
    auto const* data = std::getenv("PERDURE_DATA");
    auto const* checkout = std::getenv("PERDURE_CHECKOUT");
    std::filesystem::path const root =
        data ? data : std::filesystem::path(checkout ? checkout : ".") / "../shared/data";
    return root / "hostile/JSONTestSuite/test_parsing";
}

TEST(JsonReader, PassesTheJsonTestSuite) {
    if (!std::filesystem::exists(suite())) GTEST_SKIP() << "no " << suite();
    unsigned accepted = 0, refused = 0;
    for (auto const& file : std::filesystem::directory_iterator(suite())) {
        auto const name = file.path().filename().string();
        auto const bytes = *system::read_file(file.path(), 10 << 20);
        auto const text = as_text(bytes);
        Drops drops(text);
        auto const by_drops = through(JsonReader(drops));
        auto const whole = through(JsonReader(text));
        EXPECT_EQ(whole.has_value(), by_drops.has_value()) << name;
        if (name.starts_with("y_")) {
            EXPECT_TRUE(whole) << name << ": " << (whole ? "" : whole.error().message());
            if (!whole) continue;
            EXPECT_EQ(through(JsonReader(std::string_view(*whole))).value(), *whole) << name;
            ++accepted;
        } else if (name.starts_with("n_")) {
            EXPECT_FALSE(whole) << name;
            ++refused;
        }
    }
    EXPECT_GT(accepted, 50U);
    EXPECT_GT(refused, 100U);
}

TEST(JsonReader, DepthStringsAndNumbersAreBounded) {
    EXPECT_EQ(through(JsonReader(std::string(65, '['))).error().fault(), Fault::exhausted);
    auto const deep = std::string(64, '[') + std::string(64, ']');
    EXPECT_TRUE(through(JsonReader(deep)));
    auto const digits = std::string(2000, '9');
    EXPECT_EQ(through(JsonReader(digits)).error().fault(), Fault::exhausted);
    auto const text = '"' + std::string(2000, 'x') + '"';
    EXPECT_EQ(through(JsonReader(text, {.string_bytes_max = 1000})).error().fault(),
              Fault::exhausted);
}

TEST(JsonReader, DecodesWhatStringsHold) {
    JsonReader reader(R"("\u0000\ud834\udd1e\n€𝄞\/")");
    ASSERT_EQ(*reader.next(), JsonEvent::string);
    EXPECT_EQ(reader.text(), std::string_view("\0𝄞\n€𝄞/", 14));
    for (std::string_view const bad :
         {R"("\ud834")", R"("\udd1e")", R"("\ud834\u0041")", "\"\xff\"", "\"\xed\xa0\x80\"",
          "\"\xc0\x80\"", "\"a\nb\"", "\"\\x\""}) {
        EXPECT_FALSE(through(JsonReader(bad))) << bad;
    }
}

TEST(JsonReader, NamesTheByteAtFault) {
    auto const result = through(JsonReader(R"({"a":1,})"));
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message().find("byte 7"), std::string::npos)
        << result.error().message();
}

TEST(JsonTree, RefusesANameGivenTwiceAndFindsTheRest) {
    EXPECT_FALSE(read_json(R"({"a":1,"a":2})"));
    EXPECT_FALSE(read_json(R"({"x":[{"a":1,"b":2,"a":2}]})"));
    auto const json = read_json(R"({"n":7,"t":"x","l":["a",1,"b"],"f":-1,"e":1e3})");
    ASSERT_TRUE(json);
    EXPECT_EQ(json->count("n"), 7U);
    EXPECT_EQ(json->count("f"), std::nullopt);
    EXPECT_EQ(json->count("e"), std::nullopt);
    EXPECT_EQ(json->text("t"), "x");
    EXPECT_EQ(json->texts("l"), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(json->find("zzz"), nullptr);
    std::string out;
    write_json(out, *json);
    EXPECT_EQ(out, R"({"n":7,"t":"x","l":["a",1,"b"],"f":-1,"e":1e3})");
}

}  // namespace
}  // namespace perdure::format
