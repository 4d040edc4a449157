#include "origin/files/exclude.h"

#include <gtest/gtest.h>

namespace perdure::origin {
namespace {

struct Case {
    std::vector<std::string> rules;
    std::string path;
    bool is_folder, excluded;
};

TEST(ExcludeRules, FollowGitignore) {
    Case const cases[] = {
        {{"*.log"}, "a.log", false, true},
        {{"*.log"}, "deep/er/a.log", false, true},
        {{"*.log"}, "a.log.txt", false, false},
        {{"/a.log"}, "a.log", false, true},
        {{"/a.log"}, "b/a.log", false, false},
        {{"b/a"}, "b/a", false, true},
        {{"b/a"}, "c/b/a", false, false},
        {{"tmp/"}, "tmp", true, true},
        {{"tmp/"}, "x/tmp", true, true},
        {{"tmp/"}, "tmp", false, false},
        {{"**/tmp"}, "a/b/tmp", true, true},
        {{"**/tmp"}, "tmp", true, true},
        {{"a/**"}, "a", true, false},
        {{"a/**"}, "a/b/c", false, true},
        {{"a/**/z"}, "a/z", false, true},
        {{"a/**/z"}, "a/b/c/z", false, true},
        {{"a/**/z"}, "b/a/z", false, false},
        {{"a/*/z"}, "a/b/z", false, true},
        {{"a/*/z"}, "a/b/c/z", false, false},
        {{"a**b"}, "axxb", false, true},
        {{"/a**b"}, "ax/b", false, false},
        {{"file?"}, "file1", false, true},
        {{"file?"}, "file", false, false},
        {{"f[0-9a].x"}, "f7.x", false, true},
        {{"f[0-9a].x"}, "fa.x", false, true},
        {{"f[!0-9].x"}, "f7.x", false, false},
        {{"f[^0-9].x"}, "fq.x", false, true},
        {{"f[[:upper:]]"}, "fQ", false, true},
        {{"f[[:upper:]]"}, "fq", false, false},
        {{"[]-]"}, "]", false, true},
        {{"a[b"}, "a[b", false, false},
        {{"[z-a]"}, "z", false, true},
        {{"[z-a]"}, "b", false, false},
        {{"[a-[:digit:]]"}, "a]", false, true},
        {{"[^[:foo:]]"}, "x", false, false},
        {{"[!-a]"}, "-", false, false},
        {{"[a\\-z]"}, "-", false, true},
        {{"x[a/]b"}, "xab", false, true},
        {{"x[a/]b"}, "x/b", false, false},
        {{"***/x"}, "a/b/x", false, true},
        {{"a\\/x"}, "a/x", false, true},
        {{"x\\"}, "x\\", false, false},
        {{"*", "!x\\"}, "x\\", false, true},
        {{"x\\\\  "}, "x\\", false, true},
        {{"x\\  "}, "x ", false, true},
        {{"\\*"}, "*", false, true},
        {{"\\*"}, "x", false, false},
        {{"\\#x"}, "#x", false, true},
        {{"\\!x"}, "!x", false, true},
        {{"# comment", ""}, "# comment", false, false},
        {{"x  "}, "x", false, true},
        {{"x\\ "}, "x ", false, true},
        {{"x\r"}, "x", false, true},
        {{"*.log", "!keep.log"}, "keep.log", false, false},
        {{"*.log", "!keep.log", "/keep.log"}, "keep.log", false, true},
        {{"*", "!*/", "!*.c"}, "a/b.c", false, false},
        {{"*", "!*/", "!*.c"}, "a", true, false},
        {{"*", "!*/", "!*.c"}, "a/b.h", false, true},
        {{"/srv/app/logs/*.gz"}, "logs/1.gz", false, true},
        {{"caf\xe9"}, "x/caf\xe9", false, true},
        {{"**"}, "anything/at/all", false, true},
    };
    for (Case const& one : cases)
        EXPECT_EQ(ExcludeRules(one.rules, "/srv/app").excludes(one.path, one.is_folder),
                  one.excluded)
            << one.rules.front() << " on " << one.path;
}

TEST(ExcludeRules, StayFastOnPatternsMadeToBacktrack) {
    std::string pattern, name(200, 'a');
    for (int i = 0; i < 60; ++i) pattern += "a*";
    ExcludeRules const rules({pattern + "b", "**/" + pattern + "/**/" + pattern + "/**/b"}, "/");
    EXPECT_FALSE(rules.excludes(name + "/" + name + "/" + name, false));
}

TEST(LiteralPattern, MatchesExactlyItsPath) {
    std::string const path = "a b/[x]*?/\\y ";
    ExcludeRules const rules({literal_pattern(path, "/r")}, "/r");
    EXPECT_TRUE(rules.excludes(path, true));
    EXPECT_FALSE(rules.excludes("a b/xzz/\\y ", true));
    EXPECT_FALSE(rules.excludes("c/" + path, true));
    for (std::string const odd :
         {"Icon\r", "a/Icon\r", "#a/b", "!a/b", "#a", "!a", "r/x", "\\", "a\\"}) {
        ExcludeRules const literal({literal_pattern(odd, "/r")}, "/r");
        EXPECT_TRUE(literal.excludes(odd, false)) << odd;
        EXPECT_FALSE(literal.excludes("x", false) || literal.excludes("b", false)) << odd;
        EXPECT_FALSE(literal.excludes("c/" + odd, false)) << odd;
    }
    EXPECT_FALSE(ExcludeRules({literal_pattern("Icon\r", "/r")}, "/r").excludes("Icon", false));
    EXPECT_TRUE(ExcludeRules({literal_pattern("r", "/r") + "/"}, "/r").excludes("r", true));
}

}  // namespace
}  // namespace perdure::origin
