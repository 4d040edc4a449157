#include <gtest/gtest.h>

#include "store/local/local_store.h"
#include "system/testing/lossy_disk.h"

namespace perdure::store {
namespace {

using system::testing::LossyDisk;

/// Puts objects until the power goes; tells which puts reported success, with their bodies.
std::map<ObjectName, std::string> put_until_crash(system::Path const& root, LossyDisk& disk) {
    std::map<ObjectName, std::string> done;
    auto const store = open_local({.root = root, .create = true});
    if (!store) return done;
    for (int i = 0; i < 4 && !disk.crashed(); ++i) {
        auto const name = "pack/d/" + std::to_string(i);
        auto const body = std::string(1500, static_cast<char>('a' + i));
        if ((*store)->put(name, as_bytes(body), PutMode::if_absent, {})) done[name] = body;
        if ((*store)->put("head", as_bytes(body), PutMode::replace, {})) done["head"] = body;
    }
    return done;
}

TEST(LocalCrashTest, AtEveryStepWhatWasReportedSurvivesAndNoPartIsEverShown) {
    std::uint64_t crashes = 0;
    for (std::uint64_t step = 1;; ++step) {
        bool crashed = false;
        for (std::uint64_t seed = 0; seed < 6; ++seed) {
            auto scratch = system::testing::create_fast_scratch();
            ASSERT_TRUE(scratch);
            auto const root = scratch->path() / "store";
            LossyDisk disk(scratch->path());
            disk.crash_at(step);
            auto const done = put_until_crash(root, disk);
            crashed = disk.crashed();
            disk.power_cycle(seed);
            auto const store = open_local({.root = root, .create = true});
            ASSERT_TRUE(store) << store.error().message();
            for (auto const& [name, body] : done) {
                auto const seen = read_all(**store, name, 5000, {});
                ASSERT_TRUE(seen) << name << " step " << step << " seed " << seed;
                // the last "head" may have been replaced by a later one that was not reported
                EXPECT_TRUE(name == "head" || to_string(*seen) == body);
            }
            ASSERT_TRUE((*store)->list(
                "",
                [&](ObjectInfo const& info) -> Result<void> {
                    auto const body = read_all(**store, info.name, 5000, {});
                    EXPECT_TRUE(body && body->size() == 1500 && (*body)[0] == body->back())
                        << info.name << " step " << step << " seed " << seed;
                    return {};
                },
                {}));
        }
        if (!crashed) break;
        ++crashes;
    }
    EXPECT_GT(crashes, 40u);
}

}  // namespace
}  // namespace perdure::store
