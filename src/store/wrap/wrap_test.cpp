#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "store/memory/memory_store.h"
#include "store/open_store.h"
#include "store/wrap/fault.h"
#include "store/wrap/read_only.h"
#include "store/wrap/retry.h"
#include "store/wrap/throttle.h"
#include "system/file.h"

namespace perdure::store {
namespace {

using Kind = Mishap::Kind;
using testing::ElementsAre;

template <typename T>
Fault fault_of(Result<T> const& result) {
    EXPECT_FALSE(result);
    return result ? Fault::internal : result.error().fault();
}

struct Retried {
    std::shared_ptr<MemoryStore> memory = std::make_shared<MemoryStore>();
    std::shared_ptr<FaultStore> faulty = std::make_shared<FaultStore>(memory);
    std::vector<std::int64_t> waits;
    std::shared_ptr<ObjectStore> store;
    explicit Retried(unsigned attempts_max = 6) {
        RetryOptions options;
        options.attempts_max = attempts_max;
        options.wait = [this](std::chrono::milliseconds delay, std::stop_token stop) {
            waits.push_back(delay.count());
            return !stop.stop_requested();
        };
        store = with_retry(faulty, std::move(options));
    }
};

MishapScript always_unavailable() {
    return [](Operation, ObjectName const&, std::uint64_t) { return Mishap{.kind = Kind::refuse}; };
}

TEST(RetryTest, WaitsGrowAreJitteredAndEnd) {
    Retried retried(8);
    retried.faulty->set_script(always_unavailable());
    EXPECT_EQ(fault_of(retried.store->head("a", {})), Fault::unavailable);
    ASSERT_EQ(retried.waits.size(), 7u);
    std::int64_t whole = 200;
    for (std::int64_t const wait : retried.waits) {
        EXPECT_GE(wait, whole / 2);
        EXPECT_LE(wait, whole);
        whole *= 2;
    }
}

TEST(RetryTest, OnlyUnavailableIsRepeated) {
    for (Fault const fault : {Fault::not_found, Fault::denied, Fault::exhausted, Fault::corrupt,
                              Fault::conflict, Fault::invalid}) {
        Retried retried;
        retried.faulty->set_script([fault](Operation, ObjectName const&, std::uint64_t) {
            return Mishap{.kind = Kind::refuse, .fault = fault};
        });
        EXPECT_EQ(fault_of(retried.store->put("a", {}, PutMode::if_absent, {})), fault);
        EXPECT_THAT(retried.waits, testing::IsEmpty());
    }
}

TEST(RetryTest, AStopEndsTheWaiting) {
    auto faulty =
        std::make_shared<FaultStore>(std::make_shared<MemoryStore>(), always_unavailable());
    auto const store = with_retry(faulty, {.attempts_max = 100});
    std::stop_source source;
    std::jthread const stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        source.request_stop();
    });
    auto const begun = std::chrono::steady_clock::now();
    EXPECT_EQ(fault_of(store->head("a", source.get_token())), Fault::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST(RetryTest, ALostResponseToOurOwnPutIsSuccess) {
    Retried retried;
    retried.faulty->set_script(nth(Operation::put, 1, {.kind = Kind::lose_response}));
    EXPECT_TRUE(retried.store->put("snapshot/1", as_bytes("ours"), PutMode::if_absent, {}));
}

TEST(RetryTest, ALostRaceAfterALostRequestIsAConflict) {
    Retried retried;
    retried.faulty->set_script([&](Operation operation, ObjectName const&, std::uint64_t number) {
        if (operation != Operation::put || number != 1) return Mishap{};
        EXPECT_TRUE(retried.memory->put("snapshot/1", as_bytes("tomb"), PutMode::if_absent, {}));
        return Mishap{.kind = Kind::refuse};
    });
    EXPECT_EQ(fault_of(retried.store->put("snapshot/1", as_bytes("ours"), PutMode::if_absent, {})),
              Fault::conflict);
}

TEST(RetryTest, ABrokenListingTellsNoNameTwiceAndMissesNone) {
    Retried retried;
    for (char const* name : {"a", "b", "c", "d"})
        ASSERT_TRUE(retried.memory->put(name, {}, PutMode::if_absent, {}));
    retried.faulty->set_script(nth(Operation::list, 1, {.kind = Kind::lose_response, .amount = 2}));
    std::vector<std::string> told;
    ASSERT_TRUE(retried.store->list("",
                                    [&](ObjectInfo const& info) {
                                        told.push_back(info.name);
                                        return Result<void>();
                                    },
                                    {}));
    EXPECT_THAT(told, ElementsAre("a", "b", "c", "d"));
}

TEST(ThrottleTest, TheMeanRateHolds) {
    auto const store =
        with_throttle(std::make_shared<MemoryStore>(), {.upload_bytes_per_second = 1'000'000});
    auto const begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 13; ++i) ASSERT_TRUE(store->put("a", Bytes(100'000), PutMode::replace, {}));
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begun;
    EXPECT_GE(took.count(), 0.29);  // 1.3 s of bytes, 1 s of which was saved up
    EXPECT_LT(took.count(), 5);     // on a crowded machine, too
}

TEST(ThrottleTest, ARateThatChangesByTheHourIsAskedForAgain) {
    std::atomic<std::uint64_t> rate = 0;
    auto const store =
        with_throttle(std::make_shared<MemoryStore>(),
                      {.upload_bytes_per_second = Rate([&] { return rate.load(); })});
    auto const seconds_of = [&](int puts) {
        auto const begun = std::chrono::steady_clock::now();
        for (int i = 0; i < puts; ++i)
            EXPECT_TRUE(store->put("a", Bytes(1'000'000), PutMode::replace, {}));
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    };
    EXPECT_LT(seconds_of(20), 2.5);  // no limit at night; by day it would be 3 s at least
    rate = 5'000'000;
    EXPECT_GE(seconds_of(7), 0.3);  // 1.4 s of bytes, 1 s of which was saved up
    rate = 0;
    EXPECT_LT(seconds_of(20), 2.5);
}

TEST(ThrottleTest, ReadingIsLimitedByItself) {
    auto const memory = std::make_shared<MemoryStore>();
    ASSERT_TRUE(memory->put("a", Bytes(700'000), PutMode::replace, {}));
    auto const store = with_throttle(memory, {.download_bytes_per_second = 1'000'000});
    auto const begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(store->read("a", 0, 700'000, {}));
    ASSERT_TRUE(store->put("b", Bytes(50'000'000), PutMode::replace, {}));
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begun;
    EXPECT_GE(took.count(), 0.39);
    EXPECT_LT(took.count(), 2.0);
}

TEST(ThrottleTest, AStopEndsTheWaiting) {
    TokenBucket bucket(1);
    std::stop_source source;
    source.request_stop();
    auto const result = bucket.take(1'000'000, source.get_token());
    EXPECT_EQ(fault_of(result), Fault::cancelled);
}

TEST(ReadOnlyTest, NothingCanBeChangedNotEvenThroughALeg) {
    auto const memory = std::make_shared<MemoryStore>();
    ASSERT_TRUE(memory->put("a", as_bytes("x"), PutMode::if_absent, {}));
    auto mirror = MirrorStore::create(
        {{"one", memory, std::nullopt}, {"two", std::make_shared<MemoryStore>(), std::nullopt}});
    ASSERT_TRUE(mirror);
    auto const store = read_only(std::shared_ptr<ObjectStore>(*mirror));
    EXPECT_EQ(fault_of(store->put("b", {}, PutMode::replace, {})), Fault::denied);
    EXPECT_EQ(fault_of(store->remove("a", {})), Fault::denied);
    ASSERT_EQ(store->legs().size(), 2u);
    EXPECT_EQ(fault_of(store->legs()[0]->remove("a", {})), Fault::denied);
    EXPECT_TRUE(store->head("a", {}));
    EXPECT_FALSE(store->capabilities().removes);
}

TEST(FaultTest, EachMishapDoesWhatItsNameSays) {
    auto const memory = std::make_shared<MemoryStore>();
    FaultStore store(memory);
    auto const put_with = [&](Mishap mishap, ObjectName const& name) {
        store.set_script(nth(Operation::put, 1, mishap));
        return store.put(name, as_bytes("abc"), PutMode::if_absent, {});
    };
    EXPECT_FALSE(put_with({.kind = Kind::refuse}, "refused"));
    EXPECT_FALSE(memory->head("refused", {}));
    EXPECT_FALSE(put_with({.kind = Kind::lose_response}, "lost"));
    EXPECT_TRUE(memory->head("lost", {}));
    EXPECT_TRUE(put_with({.kind = Kind::lie}, "lied"));
    EXPECT_FALSE(memory->head("lied", {}));
    EXPECT_TRUE(put_with({.kind = Kind::truncate, .amount = 1}, "short"));
    EXPECT_EQ(memory->head("short", {}).value().size_bytes, 1u);
    EXPECT_TRUE(put_with({.kind = Kind::flip, .amount = 0}, "flipped"));
    EXPECT_EQ(to_string(memory->read("flipped", 0, 3, {}).value()), "`bc");
}

TEST(ReadAllTest, AStoreThatReturnsFewerBytesThanItPromisedIsNotBelieved) {
    auto const memory = std::make_shared<MemoryStore>();
    ASSERT_TRUE(memory->put("a", as_bytes("abc"), PutMode::if_absent, {}));
    FaultStore store(memory, always(Operation::read, "", {.kind = Kind::truncate, .amount = 1}));
    EXPECT_EQ(fault_of(read_all(store, "a", 10, {})), Fault::corrupt);
}

TEST(OpenStoreTest, AnUnknownKindNamesTheKnownOnes) {
    auto const store = open_store({.kind = "floppy"});
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().fault(), Fault::unsupported);
    EXPECT_THAT(store.error().message(), testing::HasSubstr("local"));
}

TEST(OpenStoreTest, AMissingDestinationStartsDegradedBesideAHealthyOne) {
    auto scratch = system::ScratchFolder::create();
    ASSERT_TRUE(scratch);
    auto const there = scratch->path() / "there", absent = scratch->path() / "absent";
    auto mirror = open_mirror(
        {{.name = "usb", .path = absent}, {.name = "disk", .path = there, .create = true}});
    ASSERT_TRUE(mirror);
    ASSERT_TRUE((*mirror)->put("a", as_bytes("x"), PutMode::if_absent, {}));
    auto const health = (*mirror)->health();
    EXPECT_TRUE(health[0].degraded);
    EXPECT_THAT(health[0].error.value().message(), testing::HasSubstr("absent"));
    EXPECT_FALSE(health[1].degraded);
    EXPECT_EQ(health[1].objects_put, 1u);
    EXPECT_EQ(fault_of(open_mirror({{.path = absent}})), Fault::not_found);
}

}  // namespace
}  // namespace perdure::store
