#include "system/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "system/clock.h"
#include "system/file.h"
#include "system/random.h"

namespace perdure::system {
namespace {

struct Ran {
    Result<Exit> exit;
    std::string output;
};

Ran run_shell(std::string script, Bytes input = {}, std::vector<std::string> environment = {}) {
    Ran ran;
    Command command{{"sh", "-c", std::move(script)}, std::move(environment), "/", std::move(input)};
    ran.exit = run(std::move(command),
                   [&](ByteView bytes) {
                       ran.output += as_text(bytes);
                       return Result<void>();
                   },
                   {});
    return ran;
}

TEST(ProcessTest, OutputErrorsAndStatusComeBack) {
    Ran const ran = run_shell("echo out; echo err >&2; exit 3");
    ASSERT_TRUE(ran.exit);
    EXPECT_EQ(ran.output, "out\n");
    EXPECT_EQ(ran.exit->standard_error, "err\n");
    EXPECT_EQ(ran.exit->status, 3);
}

TEST(ProcessTest, AKilledProgramHasTheStatusOfItsSignal) {
    EXPECT_EQ(run_shell("kill -9 $$").exit->status, 137);
}

TEST(ProcessTest, AMegabyteGoesThroughWhileOutputIsRead) {
    Bytes const input(1 << 20, std::byte{'x'});
    Ran const ran = run_shell("cat", input);
    ASSERT_TRUE(ran.exit);
    EXPECT_EQ(ran.output.size(), input.size());
}

TEST(ProcessTest, AProgramThatDoesNotReadItsInputIsNoError) {
    Ran const ran = run_shell("exit 0", Bytes(1 << 20));
    ASSERT_TRUE(ran.exit);
    EXPECT_EQ(ran.exit->status, 0);
}

TEST(ProcessTest, EnvironmentIsAddedAndReplaced) {
    Ran const ran = run_shell("echo $PD_NEW; test -n \"$PATH\"; pwd; echo $HOME", {},
                              {"PD_NEW=1", "HOME=/nowhere"});
    EXPECT_EQ(ran.output, "1\n/\n/nowhere\n");
}

TEST(ProcessTest, OnlyTheEndOfLongErrorTextIsKept) {
    Ran const ran = run_shell("head -c 200000 /dev/zero | tr '\\0' a >&2; echo end >&2");
    ASSERT_TRUE(ran.exit);
    EXPECT_EQ(ran.exit->standard_error.size(), 64u * 1024);
    EXPECT_THAT(ran.exit->standard_error, testing::EndsWith("end\n"));
}

TEST(ProcessTest, AMissingProgramIsNotFound) {
    auto const result = run({{"perdure-no-such-program"}, {}, {}, {}}, nullptr, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault(), Fault::not_found);
}

TEST(ProcessTest, AStopKillsTheWholeGroup) {
    auto scratch = ScratchFolder::create();
    ASSERT_TRUE(scratch);
    Path const alive = scratch->path() / "alive";
    std::stop_source source;
    std::jthread const stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        source.request_stop();
    });
    auto const begun = std::chrono::steady_clock::now();
    auto const result =
        run({{"sh", "-c", "(sleep 1; touch " + alive.native() + ") & sleep 60"}, {}, {}, {}},
            nullptr, source.get_token());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault(), Fault::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    EXPECT_FALSE(system::exists(alive));
}

TEST(ProcessTest, OneThatClosedItsOutputAndGoesOnCanBeStopped) {
    std::stop_source source;
    std::jthread const stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        source.request_stop();
    });
    auto const begun = std::chrono::steady_clock::now();
    auto const result =
        run({{"sh", "-c", "exec >&- 2>&-; sleep 60"}, {}, {}, {}}, nullptr, source.get_token());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault(), Fault::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST(ProcessTest, AnErrorOfTheReaderEndsTheProgram) {
    auto const result =
        run({{"yes"}, {}, {}, {}},
            [](ByteView) -> Result<void> { return fail(Fault::exhausted, "enough"); }, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault(), Fault::exhausted);
}

TEST(RandomTest, TwoDrawsDiffer) {
    using Id = Opaque<16, struct TestTag>;
    EXPECT_NE(real_random().draw<Id>(), real_random().draw<Id>());
}

TEST(ClockTest, TimeIsAfterThisProgramWasWritten) {
    EXPECT_GT(real_clock().now().seconds, 1'700'000'000);
}

}  // namespace
}  // namespace perdure::system
