#include "data/selector.h"

#include <gtest/gtest.h>

namespace perdure::data {
namespace {

Selector parsed(std::string_view text) {
    auto selector = parse_selector(text);
    EXPECT_TRUE(selector) << text;
    return selector ? *selector : Selector{};
}

bool takes(std::string_view text, std::string_view path) {
    return selects_path(parsed(text), path);
}

TEST(Selector, ReadsEveryForm) {
    EXPECT_EQ(parsed("app").kind, Selector::Kind::whole);
    EXPECT_EQ(parsed("app/").kind, Selector::Kind::whole);
    EXPECT_EQ(parsed("app/a/b/").path, "a/b");
    EXPECT_FALSE(parsed("app/a/b").pattern);
    EXPECT_TRUE(parsed("app/*.jpg").pattern);
    EXPECT_EQ(parsed("app:memory").kind, Selector::Kind::type);
    auto const record = parsed("app:pair/3/17");
    EXPECT_EQ(record.kind, Selector::Kind::record);
    EXPECT_EQ(record.type, "pair");
    EXPECT_EQ(record.id, "3/17");
    auto const quoted = parsed("app:\"odd/\"\"name\"\": x\"/a b");
    EXPECT_EQ(quoted.type, "odd/\"name\": x");
    EXPECT_EQ(quoted.id, "a b");
}

TEST(Selector, WhatIsSpelledIsReadBack) {
    for (std::string const type : {"memory", "odd table", "a/b", "c:d", "q\"q", "", "'; DROP"}) {
        if (type.empty()) continue;
        auto const again = parsed(spell_record("app", type, "x/\"y\""));
        EXPECT_EQ(again.type, type);
        EXPECT_EQ(again.id, "x/\"y\"");
    }
}

TEST(Selector, RefusesWhatCouldLeadElsewhere) {
    using namespace std::string_view_literals;
    for (auto const text : {""sv, "/etc"sv, "app/../x"sv, "app/./x"sv, "app//x"sv, "app:"sv,
                            "app:t/"sv, "app:\"open"sv, "app:\"t\"x"sv, "app/a\0b"sv, ":t"sv}) {
        auto const selector = parse_selector(text);
        ASSERT_FALSE(selector) << text;
        EXPECT_EQ(selector.error().fault(), Fault::invalid) << text;
        EXPECT_FALSE(selector.error().fix().empty());
    }
}

TEST(Selector, PatternsStayInTheirFolderUnlessDoubled) {
    EXPECT_TRUE(takes("s/photos", "photos/2024/a.jpg"));
    EXPECT_FALSE(takes("s/photos", "photos2/a.jpg"));
    EXPECT_TRUE(takes("s/photos/**.jpg", "photos/2024/a.jpg"));
    EXPECT_TRUE(takes("s/photos/*.jpg", "photos/a.jpg"));
    EXPECT_FALSE(takes("s/photos/*.jpg", "photos/2024/a.jpg"));
    EXPECT_TRUE(takes("s/**/b", "b"));
    EXPECT_TRUE(takes("s/a/**/b", "a/b"));
    EXPECT_TRUE(takes("s/a/**/b", "a/x/y/b"));
    EXPECT_FALSE(takes("s/a/**/b", "a/xb"));
    EXPECT_TRUE(takes("s/users/[id].tsx", "users/[id].tsx"));
    EXPECT_FALSE(takes("s/users/[id].tsx", "users/i.tsx"));
    EXPECT_TRUE(takes("s/[id]/*.tsx", "[id]/page.tsx"));
    EXPECT_TRUE(takes("s/a\\*", "a*"));
    EXPECT_FALSE(takes("s/a\\*", "ab"));
    EXPECT_TRUE(takes("s/20*", "2024/below/it"));
    EXPECT_TRUE(takes("s/[x", "[x"));
}

TEST(Selector, NamesAreTypedBackAsTheyArePrinted) {
    EXPECT_EQ(parsed("s/caf\\xe9.txt").path, "caf\xe9.txt");
    EXPECT_TRUE(takes("s/caf\\xE9.*", "caf\xe9.txt"));
    EXPECT_FALSE(takes("s/caf\\xe9.*", "caf.txt"));
    EXPECT_TRUE(takes("s/a\\x2ab", "a*b"));
    EXPECT_FALSE(takes("s/a\\x2ab", "axb"));
    EXPECT_EQ(parsed("s/\\xg1").path, "xg1");
    EXPECT_EQ(parsed("s/\\\\x41").path, "\\x41");
    for (auto const* text : {"s/a\\x00b", "s/\\x2e\\x2e/b", "s/\\x2e"}) {
        EXPECT_FALSE(parse_selector(text)) << text;
    }
    for (std::string const path : {"a\\xe9", "a\\b", "*?", "\\\\", "\\*", "plain"}) {
        auto const selector = parsed("s/" + spell_path(path));
        EXPECT_EQ(selector.path, path);
        EXPECT_FALSE(selector.pattern);
    }
    auto const raw = parsed("s/\xe9\\\xc3\xa9*");
    EXPECT_EQ(parsed(text_in_utf8(raw)).text, "s/\\xe9\\\\xc3\\xa9*");
    EXPECT_TRUE(takes(text_in_utf8(parsed("s/\xe9*")), "\xe9x"));
}

TEST(Selector, AWalkGoesOnWhereSomethingMayBeSelected) {
    EXPECT_TRUE(may_select_below(parsed("s/a/b"), "a"));
    EXPECT_FALSE(may_select_below(parsed("s/a/b"), "b"));
    EXPECT_FALSE(may_select_below(parsed("s/ab"), "a"));
    EXPECT_TRUE(may_select_below(parsed("s/a/**.jpg"), "a/x"));
    EXPECT_FALSE(may_select_below(parsed("s/a/**.jpg"), "b"));
    EXPECT_TRUE(may_select_below(parsed("s/**.jpg"), "b"));
    EXPECT_TRUE(may_select_below(parsed("s"), "b"));
    EXPECT_FALSE(may_select_below(parsed("s:memory"), "b"));
}

TEST(Selector, AHostilePatternEndsSoon) {
    std::string pattern = "s/", path;
    for (int i = 0; i < 200; ++i) pattern += "**a";
    for (int i = 0; i < 3000; ++i) path += i % 7 ? "a" : "/";
    EXPECT_FALSE(takes(pattern + "b", path));
}

TEST(Selector, NamesTheNearestWord) {
    std::vector<Selectable> const known = {{"app", true, {"memory", "users"}},
                                           {"photos", false, {}}};
    auto const check = [&](std::string_view text) {
        return check_selectors({parsed(text)}, known);
    };
    EXPECT_TRUE(check("app:memory/1"));
    EXPECT_TRUE(check("photos/a"));
    EXPECT_NE(check("photo").error().fix().find("photos"), std::string::npos);
    EXPECT_NE(check("app:memori").error().fix().find("memory"), std::string::npos);
    EXPECT_EQ(check("photos:memory").error().fault(), Fault::unsupported);
}

}  // namespace
}  // namespace perdure::data
