#include "store/own_names.h"

#include <gtest/gtest.h>

#include <string>

namespace perdure::store {
namespace {

TEST(OwnNames, AreWhatTheFormatSpells) {
    std::string const id(32, 'a'), hash(64, '0');
    for (std::string const& name :
         {std::string("config"), std::string("readme.txt"), "keyring/m/" + std::string("12"),
          "keyring/s/" + hash, "keyring/a/" + id + "-0", "pack/d/" + id + "-" + hash,
          "index/" + hash, "snapshot/" + id, "collect/" + std::string("7")}) {
        EXPECT_TRUE(is_own_name(name)) << name;
    }
}

TEST(OwnNames, AreNotThoseThatOtherProgramsMake) {
    std::string const id(32, 'a');
    for (char const* name :
         {"keyring/m/1-conflict", "keyring/m/", "keyring/m/1 (copy)", "keyring/m/-1",
          "snapshot/notes.txt", "collect/1.tmp", "index/~lock", "pack/d/--", "pin/.DS_Store"}) {
        EXPECT_FALSE(is_own_name(name)) << name;
    }
    EXPECT_FALSE(is_own_name("keyring/a/" + id + "-0.sync-conflict-20261126-101112-ABCDEFG"));
    EXPECT_FALSE(is_own_name("snapshot/" + id + "-"));
}

}  // namespace
}  // namespace perdure::store
