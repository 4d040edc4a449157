#include <optional>

#include "store/local/local_store.h"
#include "store/memory/memory_store.h"
#include "store/wrap/fault.h"
#include "store/wrap/mirror.h"
#include "store/wrap/retry.h"
#include "store/wrap/throttle.h"
#include "system/file.h"
#include "tests/contract/object_store_contract.h"

namespace perdure::store {
namespace {

using Wrap = std::function<std::shared_ptr<ObjectStore>(std::shared_ptr<ObjectStore>)>;

StoreUnderTest make_memory() {
    auto store = std::make_shared<MemoryStore>();
    return {store, store, nullptr};
}

StoreUnderTest make_local() {
    auto scratch = system::ScratchFolder::create();
    PD_ASSERT(scratch);
    auto folder = std::make_shared<system::ScratchFolder>(std::move(*scratch));
    auto first = open_local({.root = folder->path()}),
         second = open_local({.root = folder->path()});
    PD_ASSERT(first && second);
    return {*first, *second, folder};
}

StoreMaker wrapped(std::string name, std::function<StoreUnderTest()> make, Wrap wrap) {
    return {std::move(name), [=] {
                StoreUnderTest made = make();
                made.store = wrap(made.store);
                made.second = wrap(made.second);
                return made;
            }};
}

std::shared_ptr<ObjectStore> retried(std::shared_ptr<ObjectStore> store) {
    return with_retry(std::move(store), {});
}

/// About every third call fails, before or after it did its work; retry must hide all of it.
std::shared_ptr<ObjectStore> flaky_retried(std::shared_ptr<ObjectStore> store) {
    auto flaky = std::make_shared<FaultStore>(std::move(store), [](Operation, ObjectName const&,
                                                                   std::uint64_t number) {
        std::uint64_t const mixed = (number * 0x9e3779b97f4a7c15u) >> 33;
        if (mixed % 3 != 0) return Mishap{};
        return Mishap{.kind = mixed % 2 == 0 ? Mishap::Kind::refuse : Mishap::Kind::lose_response};
    });
    RetryOptions options;
    options.attempts_max = 40;
    options.wait = [](std::chrono::milliseconds, std::stop_token stop) {
        return !stop.stop_requested();
    };
    return with_retry(std::move(flaky), std::move(options));
}

std::shared_ptr<ObjectStore> throttled(std::shared_ptr<ObjectStore> store) {
    return with_throttle(std::move(store), {std::uint64_t{1} << 34, std::uint64_t{1} << 34});
}

std::shared_ptr<ObjectStore> faultless(std::shared_ptr<ObjectStore> store) {
    return std::make_shared<FaultStore>(std::move(store));
}

std::shared_ptr<ObjectStore> mirror_of(std::vector<std::shared_ptr<ObjectStore>> stores) {
    std::vector<MirrorLeg> legs;
    for (auto& store : stores)
        legs.push_back({"leg" + std::to_string(legs.size()), std::move(store), std::nullopt});
    auto mirror = MirrorStore::create(std::move(legs));
    PD_ASSERT(mirror);
    return *mirror;
}

StoreUnderTest make_mirror() {
    StoreUnderTest first = make_local(), second = make_memory();
    auto keep = std::make_shared<std::pair<StoreUnderTest, StoreUnderTest>>(first, second);
    return {mirror_of({first.store, second.store}), mirror_of({first.second, second.second}), keep};
}

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreContract,
                         testing::Values(StoreMaker{"Local", make_local},
                                         StoreMaker{"Memory", make_memory},
                                         wrapped("LocalRetried", make_local, retried),
                                         wrapped("LocalFlakyRetried", make_local, flaky_retried),
                                         wrapped("MemoryFlakyRetried", make_memory, flaky_retried),
                                         wrapped("LocalThrottled", make_local, throttled),
                                         wrapped("LocalFaultless", make_local, faultless),
                                         StoreMaker{"Mirror", make_mirror}),
                         maker_name);

}  // namespace
}  // namespace perdure::store
