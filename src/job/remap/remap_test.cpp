#include <gtest/gtest.h>

#include "job/remap/owner_map.h"
#include "job/remap/path_map.h"

namespace perdure::job {
namespace {

data::Entry owned(std::uint32_t uid, std::string user, std::uint32_t gid, std::string group) {
    data::Entry entry;
    entry.uid = uid;
    entry.user = std::move(user);
    entry.gid = gid;
    entry.group = std::move(group);
    return entry;
}

TEST(OwnerMap, NamesThatThisMachineHasWinOverNumbers) {
    OwnerMap const map;
    auto entry = owned(54321, "daemon", 54321, "no such group here");
    map.apply(entry);
    EXPECT_EQ(entry.uid, 1u);  // daemon is 1 on every Debian
    EXPECT_EQ(entry.gid, 54321u) << "an unknown name keeps its number";
    entry = owned(0, "daemon", 0, "daemon");
    map.apply(entry);
    EXPECT_EQ(entry.uid, 0u) << "root stays root";
    entry = owned(54321, "root", 54321, "root");
    map.apply(entry);
    EXPECT_EQ(entry.uid, 54321u) << "nobody becomes root by a name";
    auto const numeric = *OwnerMap::create({.by_name = false});
    entry = owned(54321, "daemon", 54321, "daemon");
    numeric.apply(entry);
    EXPECT_EQ(entry.uid, 54321u);
}

TEST(OwnerMap, RulesGoByNameOrNumberAndFirst) {
    auto const map = *OwnerMap::create(
        {.rules = {"alice=4001", "1000=4002", ":staff=:4003", "bob:users=daemon:4004"}});
    auto entry = owned(7, "alice", 8, "staff");
    map.apply(entry);
    EXPECT_EQ(entry.uid, 4001u);
    EXPECT_EQ(entry.gid, 4003u);
    entry = owned(1000, "", 100, "users");
    map.apply(entry);
    EXPECT_EQ(entry.uid, 4002u);
    EXPECT_EQ(entry.gid, 4004u);
    entry = owned(9, "bob", 9, "");
    map.apply(entry);
    EXPECT_EQ(entry.uid, 1u);
    EXPECT_EQ(entry.user, "daemon");
    EXPECT_EQ(entry.gid, 9u);
}

TEST(OwnerMap, RulesThatCannotBeMeantAreRefused) {
    for (auto const* rule : {"alice", "=", "alice=", "=bob", "alice=no-such-user-here",
                             ":=:", ":staff=bob", "a:b=c"}) {
        EXPECT_FALSE(OwnerMap::create({.rules = {rule}})) << rule;
    }
}

TEST(PathMap, TheLongestRuleDecidesAndOnlyWholeNamesCount) {
    auto const map = *PathMap::create({"var=v", "var/www=srv/web", "etc/old.conf=etc/new.conf"});
    EXPECT_EQ(map.apply("var/www/index.html"), "srv/web/index.html");
    EXPECT_EQ(map.apply("var/www"), "srv/web");
    EXPECT_EQ(map.apply("var/www2/x"), "v/www2/x");
    EXPECT_EQ(map.apply("variable"), "variable");
    EXPECT_EQ(map.apply("etc/old.conf"), "etc/new.conf");
    EXPECT_EQ(map.apply(""), "");
    EXPECT_EQ(map.new_folders(), (std::vector<std::string>{"etc", "srv"}));
}

TEST(PathMap, LinksFollowAbsoluteRulesOnly) {
    auto const map = *PathMap::create({"/var/www=/srv/web", "opt=usr"});
    EXPECT_EQ(map.apply_link("/var/www/a"), "/srv/web/a");
    EXPECT_EQ(map.apply_link("var/www/a"), "var/www/a");
    EXPECT_EQ(map.apply_link("/opt/a"), "/opt/a");
    EXPECT_EQ(map.apply("var/www/a"), "srv/web/a");
}

TEST(PathMap, KnowsWhichRulesMetNothing) {
    auto const map = *PathMap::create({"/var/www=/srv/web", "/opt=/usr", "etc=e", "home=h", "x="});
    auto const copy = map;
    EXPECT_EQ(map.idle().size(), 5u);
    EXPECT_EQ(map.apply_link("/var/www/a"), "/srv/web/a");
    EXPECT_EQ(copy.apply("opt/b"), "usr/b");
    EXPECT_EQ(map.apply("etc"), "e");
    EXPECT_EQ(map.apply_link("/etc/passwd"), "/etc/passwd") << "no rule for targets";
    EXPECT_EQ(map.idle(), (std::vector<std::string>{"home", "x"}));
    auto const all = *PathMap::create({"=all", "a/b/=c", "/srv=/data"});
    EXPECT_EQ(all.idle(), (std::vector<std::string>{"a/b/", "/srv"})) << "all meets all there is";
}

TEST(PathMap, NoRuleLeadsOutside) {
    for (auto const* rule : {"a", "a=../b", "a/../b=c", "a=b/./c", "a=b//c", "=", "/=/"}) {
        EXPECT_FALSE(PathMap::create({rule})) << rule;
    }
    auto const up = *PathMap::create({"a/b="});
    EXPECT_EQ(up.apply("a/b/c"), "c");
}

}  // namespace
}  // namespace perdure::job
