#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <system_error>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/task_group.h"
#include "base/time.h"

namespace perdure {
namespace {

TEST(Codec, ReadsBackWhatItWrote) {
    Encoder out;
    for (std::uint64_t v : {0ULL, 1ULL, 127ULL, 128ULL, 300ULL, ~0ULL}) out.varint(v);
    for (std::int64_t v : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX}) out.svarint(v);
    out.text("häll");
    Decoder in(out.view());
    for (std::uint64_t v : {0ULL, 1ULL, 127ULL, 128ULL, 300ULL, ~0ULL}) EXPECT_EQ(*in.varint(), v);
    for (std::int64_t v : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
        EXPECT_EQ(*in.svarint(), v);
    }
    EXPECT_EQ(*in.text(100), "häll");
    EXPECT_TRUE(in.done());
}

TEST(Codec, RefusesVarintsThatAreNotMinimal) {
    Bytes const padded = {std::byte{0x81}, std::byte{0x00}};
    EXPECT_EQ(Decoder(padded).varint().error().fault(), Fault::corrupt);
    Bytes const long_one(11, std::byte{0x80});
    EXPECT_FALSE(Decoder(long_one).varint());
}

TEST(Bytes, Base64RoundTripsAndKnowsRfc4648) {
    EXPECT_EQ(to_base64(as_bytes("foobar")), "Zm9vYmFy");
    EXPECT_EQ(to_base64(as_bytes("fooba")), "Zm9vYmE=");
    EXPECT_EQ(to_base64(as_bytes("foob")), "Zm9vYg==");
    for (std::string const text : {"", "f", "fo", "foo", "foob", "fooba"}) {
        EXPECT_EQ(to_string(*from_base64(to_base64(as_bytes(text)))), text);
    }
    EXPECT_FALSE(from_base64("Zg=a"));
    EXPECT_FALSE(from_base64("===="));
    EXPECT_FALSE(from_base64("Zh=="));  // the same byte as "Zg==", spelled differently
}

/// Runs `body` in a child that may map nothing more, so that no further thread can be started.
bool in_a_full_machine(std::function<bool()> const& body) {
    pid_t const child = ::fork();
    if (child == 0) {
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        rlim_t const now = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + (1 << 20);
        rlimit const limit{now, now};
        ::setrlimit(RLIMIT_AS, &limit);
        ::_exit(body() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(TaskGroup, AThreadThatTheSystemRefusesIsAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers need memory of their own";
#endif
    EXPECT_TRUE(in_a_full_machine([] {
        TaskGroup group;
        group.spawn([](std::stop_token) { return Result<void>(); });
        auto const done = group.wait();
        return !done && done.error().fault() == Fault::exhausted;
    }));
    EXPECT_TRUE(in_a_full_machine([] {
        std::vector<std::jthread> threads;
        try {
            start_threads(threads, 4, [](std::stop_token) {});
        } catch (std::system_error const&) {
            return threads.empty();
        }
        return false;
    }));
}

TEST(TaskGroup, AsManyThreadsAsAreAllowedShareTheWork) {
    std::atomic<int> started = 0;
    {
        std::vector<std::jthread> threads;
        start_threads(threads, 3, [&](std::stop_token) { ++started; });
        EXPECT_EQ(threads.size(), 3u);
    }
    EXPECT_EQ(started, 3);
}

TEST(Time, ReadsOffsetsAndRefusesNonsense) {
    EXPECT_EQ(parse_time("2026-03-01T14:00:00+01:00")->seconds,
              parse_time("2026-03-01T13:00:00Z")->seconds);
    EXPECT_EQ(to_rfc3339(*parse_time("2026-03-01")), "2026-03-01T00:00:00Z");
    EXPECT_EQ(parse_time("2026-03-01 14:00:00.25-00:30"),
              (Timestamp{parse_time("2026-03-01T14:30:00Z")->seconds, 250'000'000}));
    for (auto const* bad :
         {"", "2026", "2026-02-30", "2026-03-01T25:00:00Z", "2026-03-01x", " 026-03-01",
          "2026-+3-01", "2026-03-01T14:00", "2026-03-01T14:00:00+1:00", "2026-03-01T14:00:00Zx",
          "2026-03-01T14:00:00+24:00", "2026-03-01T14:00:00+00:60"}) {
        EXPECT_FALSE(parse_time(bad)) << bad;
    }
    EXPECT_LT(parse_time(std::string(10'000'000, 'x')).error().message().size(), 200u);
}

TEST(Time, DifferencesOfAnyInstantsAreSaturated) {
    Timestamp const first{INT64_MIN, 0}, last{INT64_MAX, 0};
    EXPECT_EQ(last - first, std::chrono::nanoseconds::max());
    EXPECT_EQ(first - last, std::chrono::nanoseconds::min());
    EXPECT_EQ((Timestamp{1, 5} - Timestamp{0, 6}), std::chrono::nanoseconds(999'999'999));
}

}  // namespace
}  // namespace perdure
