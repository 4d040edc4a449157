#include "system/step.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "system/file.h"
#include "system/process.h"

namespace perdure::system {
namespace {

/// The other side of the crash tests: run by them in a process of its own.
TEST(StepChild, DISABLED_WritesOneFile) {
    ASSERT_TRUE(write_file(::getenv("PD_STEP_TARGET"), as_bytes("new")));
}

std::string text_of(Path const& path) {
    auto const bytes = read_file(path, 100);
    return bytes ? to_string(*bytes) : std::string();
}

TEST(StepTest, WithoutAHookStepsSucceed) {
    EXPECT_TRUE(step(Step::write, "x"));
}

TEST(StepTest, TheHookDecides) {
    set_step_hook([](Step step, std::string_view) -> Result<void> {
        if (step == Step::sync) return fail(Fault::corrupt, "no");
        return {};
    });
    EXPECT_TRUE(step(Step::write, "x"));
    EXPECT_FALSE(step(Step::sync, "x"));
    set_step_hook(nullptr);
    EXPECT_TRUE(step(Step::sync, "x"));
}

TEST(StepTest, ACrashAtEveryStepLeavesTheOldBytesOrTheNew) {
    auto scratch = ScratchFolder::create();
    ASSERT_TRUE(scratch);
    Path const target = scratch->path() / "file", count = scratch->path() / "count";
    auto const run_child = [&](std::vector<std::string> environment) {
        environment.push_back("PD_STEP_TARGET=" + target.native());
        auto exit = run(
            {{"/proc/self/exe", "--gtest_filter=StepChild.*", "--gtest_also_run_disabled_tests"},
             std::move(environment),
             {},
             {}},
            nullptr, {});
        EXPECT_TRUE(exit);
        return exit ? exit->status : -1;
    };
    ASSERT_EQ(run_child({"PERDURE_CRASH_COUNT=" + count.native()}), 0);
    int const steps = std::stoi(text_of(count));
    ASSERT_EQ(steps, 5);
    for (int number = 1; number <= steps; ++number) {
        ASSERT_TRUE(write_file(target, as_bytes("old")));
        EXPECT_EQ(run_child({"PERDURE_CRASH_AT=" + std::to_string(number)}), 137);
        EXPECT_EQ(text_of(target), number == steps ? "new" : "old");
    }
    EXPECT_EQ(run_child({"PERDURE_CRASH_AT=" + std::to_string(steps + 1)}), 0);
}

}  // namespace
}  // namespace perdure::system
