#include "tests/contract/object_store_contract.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace perdure::store {

std::string ObjectStoreContract::text_of(ObjectStore& store, ObjectName const& name) {
    auto const bytes = read_all(store, name, 1 << 26, {});
    return bytes ? to_string(*bytes) : "error: " + std::string(fault_name(bytes.error().fault()));
}

std::vector<std::string> ObjectStoreContract::names(ObjectStore& store, std::string const& prefix) {
    std::vector<std::string> found;
    auto const listed = store.list(prefix,
                                   [&](ObjectInfo const& info) {
                                       found.push_back(info.name);
                                       return Result<void>();
                                   },
                                   {});
    EXPECT_TRUE(listed);
    std::ranges::sort(found);
    return found;
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <typename T>
Fault fault_of(Result<T> const& result) {
    EXPECT_FALSE(result);
    return result ? Fault::internal : result.error().fault();
}

Bytes pattern(std::size_t count, unsigned seed) {
    Bytes bytes(count);
    std::uint32_t state = seed * 2654435761u + 1;
    for (auto& byte : bytes) {
        state = state * 1664525u + 1013904223u;
        byte = std::byte(state >> 24);
    }
    return bytes;
}

TEST_P(ObjectStoreContract, ReadingAMissingObjectIsNotFound) {
    EXPECT_EQ(fault_of(store_->read("absent", 0, 1, {})), Fault::not_found);
    EXPECT_EQ(fault_of(store_->read("absent", 0, 0, {})), Fault::not_found);
    EXPECT_EQ(fault_of(store_->head("absent", {})), Fault::not_found);
    EXPECT_EQ(fault_of(read_all(*store_, "a/b/absent", 10, {})), Fault::not_found);
}

TEST_P(ObjectStoreContract, WhatWasPutIsSeenByEveryClientAtOnce) {
    ASSERT_TRUE(put("pack/d/one", "hello"));
    EXPECT_EQ(text_of(*store_, "pack/d/one"), "hello");
    EXPECT_EQ(text_of(*second_, "pack/d/one"), "hello");
    EXPECT_THAT(names(*second_, ""), ElementsAre("pack/d/one"));
    auto const info = second_->head("pack/d/one", {});
    ASSERT_TRUE(info);
    EXPECT_EQ(info->size_bytes, 5u);
    EXPECT_EQ(info->name, "pack/d/one");
}

TEST_P(ObjectStoreContract, PutIfAbsentKeepsTheFirstBody) {
    ASSERT_TRUE(put("a", "first"));
    EXPECT_EQ(fault_of(put("a", "second")), Fault::conflict);
    EXPECT_EQ(fault_of(second_->put("a", as_bytes("third"), PutMode::if_absent, {})),
              Fault::conflict);
    EXPECT_EQ(text_of(*store_, "a"), "first");
}

TEST_P(ObjectStoreContract, ReplacePutsTheNewBodyInPlace) {
    ASSERT_TRUE(put("a", "a longer first body"));
    ASSERT_TRUE(put("a", "second", PutMode::replace));
    EXPECT_EQ(text_of(*second_, "a"), "second");
    ASSERT_TRUE(put("new", "x", PutMode::replace));
    EXPECT_EQ(text_of(*store_, "new"), "x");
}

TEST_P(ObjectStoreContract, ExactlyOneOfEightRacingWritersWins) {
    for (int round = 0; round < 10; ++round) {
        ObjectName const name = "snapshot/race" + std::to_string(round);
        std::atomic<int> winners{0}, winner{-1}, others{0};
        std::vector<std::jthread> writers;
        for (int number = 0; number < 8; ++number) {
            writers.emplace_back([&, number] {
                ObjectStore& client = number % 2 == 0 ? *store_ : *second_;
                auto const done = client.put(name, pattern(5000, static_cast<unsigned>(number)),
                                             PutMode::if_absent, {});
                if (done) {
                    ++winners;
                    winner = number;
                } else if (done.error().fault() != Fault::conflict) {
                    ++others;
                }
            });
        }
        writers.clear();
        ASSERT_EQ(winners, 1);
        ASSERT_EQ(others, 0);
        EXPECT_EQ(read_all(*second_, name, 5000, {}).value(),
                  pattern(5000, static_cast<unsigned>(winner.load())));
    }
}

TEST_P(ObjectStoreContract, AReaderNeverSeesPartOfABody) {
    constexpr std::size_t size_bytes = 200'000;
    ASSERT_TRUE(store_->put("a", pattern(size_bytes, 0), PutMode::replace, {}));
    std::atomic<bool> done{false};
    std::atomic<int> torn{0}, reads{0};
    std::jthread reader([&] {
        Bytes const even = pattern(size_bytes, 0), odd = pattern(size_bytes, 1);
        while (!done || reads < 3) {
            auto const seen = second_->read("a", 0, size_bytes, {});
            if (!seen || (*seen != even && *seen != odd)) ++torn;
            ++reads;
        }
    });
    for (unsigned round = 1; round <= 20; ++round)
        ASSERT_TRUE(store_->put("a", pattern(size_bytes, round % 2), PutMode::replace, {}));
    done = true;
    reader.join();
    EXPECT_EQ(torn, 0);
}

TEST_P(ObjectStoreContract, AListedObjectCanBeReadWhole) {
    std::atomic<bool> done{false};
    std::jthread writer([&] {
        for (unsigned i = 0; i < 40; ++i)
            (void)store_->put("pack/" + std::to_string(i), pattern(20'000, i), PutMode::if_absent,
                              {});
        done = true;
    });
    int broken = 0;
    bool last_round = false;
    while (!last_round) {
        last_round = done;
        for (auto const& name : names(*second_, "pack/")) {
            auto const body = read_all(*second_, name, 20'000, {});
            auto const number = static_cast<unsigned>(std::stoul(name.substr(5)));
            if (!body || *body != pattern(20'000, number)) ++broken;
        }
    }
    EXPECT_EQ(broken, 0);
    EXPECT_EQ(names(*second_, "pack/").size(), 40u);
}

TEST_P(ObjectStoreContract, RangesAreExact) {
    ASSERT_TRUE(put("a", "0123456789"));
    EXPECT_EQ(to_string(store_->read("a", 0, 10, {}).value()), "0123456789");
    EXPECT_EQ(to_string(store_->read("a", 3, 4, {}).value()), "3456");
    EXPECT_EQ(to_string(store_->read("a", 9, 1, {}).value()), "9");
    EXPECT_THAT(store_->read("a", 10, 0, {}).value(), IsEmpty());
}

TEST_P(ObjectStoreContract, ReadsPastTheEndAreInvalid) {
    ASSERT_TRUE(put("a", "0123456789"));
    EXPECT_EQ(fault_of(store_->read("a", 0, 11, {})), Fault::invalid);
    EXPECT_EQ(fault_of(store_->read("a", 11, 0, {})), Fault::invalid);
    EXPECT_EQ(fault_of(store_->read("a", 5, ~std::uint64_t{0}, {})), Fault::invalid);
    EXPECT_EQ(fault_of(store_->read("a", ~std::uint64_t{0}, 2, {})), Fault::invalid);
}

TEST_P(ObjectStoreContract, AListingHoldsExactlyWhatHasThePrefix) {
    for (char const* name : {"pack/d/aa", "pack/d/ab", "pack/m/aa", "packs", "index/1", "p"})
        ASSERT_TRUE(put(name, name));
    EXPECT_THAT(names(*second_, "pack/"), ElementsAre("pack/d/aa", "pack/d/ab", "pack/m/aa"));
    EXPECT_THAT(names(*second_, "pack/d/a"), ElementsAre("pack/d/aa", "pack/d/ab"));
    EXPECT_THAT(names(*second_, "pack/d/ab"), ElementsAre("pack/d/ab"));
    EXPECT_THAT(names(*second_, "pack"),
                ElementsAre("pack/d/aa", "pack/d/ab", "pack/m/aa", "packs"));
    EXPECT_THAT(names(*second_, "lease/"), IsEmpty());
    EXPECT_EQ(names(*second_, "").size(), 6u);
}

TEST_P(ObjectStoreContract, ListingsTellSizesAndTimes) {
    auto const before = store_->now({});
    ASSERT_TRUE(before);
    ASSERT_TRUE(put("a", "12345"));
    auto const after = store_->now({});
    ASSERT_TRUE(after);
    ASSERT_TRUE(store_->list("",
                             [&](ObjectInfo const& info) {
                                 EXPECT_EQ(info.size_bytes, 5u);
                                 EXPECT_GE(info.modified, *before);
                                 EXPECT_LE(info.modified, *after);
                                 return Result<void>();
                             },
                             {}));
}

TEST_P(ObjectStoreContract, AnErrorOfTheListenerEndsTheListing) {
    for (char const* name : {"a", "b", "c"}) ASSERT_TRUE(put(name, "x"));
    for (Fault const fault : {Fault::exhausted, Fault::unavailable, Fault::not_found}) {
        int told = 0;
        auto const listed = store_->list("",
                                         [&](ObjectInfo const&) -> Result<void> {
                                             ++told;
                                             return fail(fault, "enough");
                                         },
                                         {});
        EXPECT_EQ(fault_of(listed), fault);
        EXPECT_EQ(told, 1);
    }
}

TEST_P(ObjectStoreContract, TheListenerMayUseTheStore) {
    for (char const* name : {"a", "b", "c"}) ASSERT_TRUE(put(name, name));
    ASSERT_TRUE(store_->list(
        "", [&](ObjectInfo const& info) { return store_->remove(info.name, {}); }, {}));
    EXPECT_THAT(names(*second_, ""), IsEmpty());
}

TEST_P(ObjectStoreContract, RemovedObjectsAreGoneAndRemovingTwiceSucceeds) {
    ASSERT_TRUE(put("a/b", "x"));
    ASSERT_TRUE(store_->remove("a/b", {}));
    EXPECT_EQ(fault_of(second_->head("a/b", {})), Fault::not_found);
    EXPECT_THAT(names(*second_, ""), IsEmpty());
    EXPECT_TRUE(store_->remove("a/b", {}));
    EXPECT_TRUE(store_->remove("never/was", {}));
    EXPECT_TRUE(put("a/b", "again"));
    EXPECT_EQ(text_of(*second_, "a/b"), "again");
}

TEST_P(ObjectStoreContract, EmptyBodiesAreObjects) {
    ASSERT_TRUE(put("empty", ""));
    EXPECT_THAT(store_->read("empty", 0, 0, {}).value(), IsEmpty());
    EXPECT_EQ(store_->head("empty", {}).value().size_bytes, 0u);
    EXPECT_THAT(names(*second_, ""), ElementsAre("empty"));
    EXPECT_EQ(fault_of(put("empty", "x")), Fault::conflict);
}

TEST_P(ObjectStoreContract, BodiesOf32MiBAreKept) {
    Bytes const body = pattern(std::size_t{32} << 20, 7);
    ASSERT_TRUE(store_->put("big", body, PutMode::if_absent, {}));
    EXPECT_TRUE(read_all(*second_, "big", body.size(), {}).value() == body);
    EXPECT_EQ(fault_of(read_all(*second_, "big", body.size() - 1, {})), Fault::exhausted);
}

TEST_P(ObjectStoreContract, NamesOutsideTheGrammarAreInvalid) {
    std::string const long_name(201, 'a');
    for (std::string const& name :
         {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"),
          std::string(".."), std::string("../a"), std::string("a/../../etc"), std::string("."),
          std::string("a/.hidden"), std::string("A"), std::string("a b"), std::string("a_b"),
          std::string("a\0b", 3), std::string("\xc3\xa4"), std::string("a\\b"), long_name}) {
        EXPECT_EQ(fault_of(put(name, "x")), Fault::invalid) << name;
        EXPECT_EQ(fault_of(store_->read(name, 0, 1, {})), Fault::invalid) << name;
        EXPECT_EQ(fault_of(store_->head(name, {})), Fault::invalid) << name;
        EXPECT_EQ(fault_of(store_->remove(name, {})), Fault::invalid) << name;
    }
    EXPECT_THAT(names(*second_, ""), IsEmpty());
    EXPECT_TRUE(put(std::string(200, 'a'), "x"));
    EXPECT_TRUE(put("a-1/b.2/c--..", "x"));
}

TEST_P(ObjectStoreContract, AStoppedCallIsCancelledAndChangesNothing) {
    ASSERT_TRUE(put("a", "x"));
    std::stop_source source;
    source.request_stop();
    auto const stop = source.get_token();
    EXPECT_EQ(fault_of(store_->read("a", 0, 1, stop)), Fault::cancelled);
    EXPECT_EQ(fault_of(store_->head("a", stop)), Fault::cancelled);
    EXPECT_EQ(fault_of(store_->put("b", as_bytes("x"), PutMode::if_absent, stop)),
              Fault::cancelled);
    EXPECT_EQ(fault_of(store_->remove("a", stop)), Fault::cancelled);
    EXPECT_EQ(fault_of(store_->list(
                  "", [](ObjectInfo const&) { return Result<void>(); }, stop)),
              Fault::cancelled);
    EXPECT_THAT(names(*second_, ""), ElementsAre("a"));
}

TEST_P(ObjectStoreContract, ManyThreadsMayWriteAtOnce) {
    {
        std::vector<std::jthread> writers;
        for (unsigned number = 0; number < 8; ++number) {
            writers.emplace_back([this, number] {
                for (unsigned i = 0; i < 5; ++i) {
                    auto const name = std::to_string(number) + "/" + std::to_string(i);
                    EXPECT_TRUE(store_->put(name, pattern(3000, number), PutMode::if_absent, {}));
                }
            });
        }
    }
    EXPECT_EQ(names(*second_, "").size(), 40u);
    EXPECT_EQ(read_all(*second_, "3/4", 3000, {}).value(), pattern(3000, 3));
}

TEST_P(ObjectStoreContract, ItsClockRunsForwards) {
    auto const first = store_->now({});
    auto const second = second_->now({});
    ASSERT_TRUE(first);
    ASSERT_TRUE(second);
    EXPECT_LE(*first, *second);
    EXPECT_FALSE(store_->describe().empty());
}

}  // namespace
}  // namespace perdure::store
