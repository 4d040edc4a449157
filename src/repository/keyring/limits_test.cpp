#include <gtest/gtest.h>

#include "repository/keyring/keyring_test_world.h"
#include "repository/keyring/manifest.h"
#include "repository/keyring/pin.h"
#include "repository/triple.h"
#include "store/wrap/forward.h"

namespace perdure::repository {
namespace {

using World = KeyringTestWorld;

TEST(KeySlots, TheLastOneCannotBeRemoved) {
    World world;
    auto keyring = world.create();
    auto const removed = keyring->remove_slot(keyring->opened_slot(), world.settled, {});
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().fault(), Fault::invalid);
    EXPECT_EQ(removed.error().code(), 2);
    auto const unknown = keyring->remove_slot(world.random.draw<SlotId>(), world.settled, {});
    EXPECT_EQ(unknown.error().fault(), Fault::not_found);
    EXPECT_EQ(world.open()->slots().size(), 1u);
}

TEST(KeySlots, AreThirtyTwoAtMostAndTheirLabelsAreShort) {
    World world;
    auto keyring = world.create();
    auto const add = [&](std::string const& label) {
        auto const secret = key_file("a further key file, " + label);
        return keyring->add_slot({secret, label}, world.settled, {});
    };
    auto const wordy = add(std::string(257, 'l'));
    ASSERT_FALSE(wordy);
    EXPECT_EQ(wordy.error().code(), 2);
    for (int i = 1; i < 32; ++i) ASSERT_TRUE(add(std::to_string(i))) << i;
    auto const further = add("32");
    ASSERT_FALSE(further);
    EXPECT_EQ(further.error().fault(), Fault::exhausted);
    auto const again = world.open_with(key_file("a further key file, 31"));
    EXPECT_EQ(again->slots().size(), 32u);
    EXPECT_EQ(again->slots().back().label, "31");
}

TEST(KeyringPin, OfAnotherRepositoryIsRefusedAndOneThatIsDamagedIsMadeAnew) {
    auto const folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    auto const pin = folder->path() / "pin";
    World other;
    other.place.pin_file = pin;
    other.create();
    World world;
    world.random = KeyringTestRandom(8);
    world.place.repository = world.random.draw<RepositoryId>();
    world.create();
    world.place.pin_file = pin;
    auto const foreign = world.refused(world.secret);
    EXPECT_EQ(foreign.fault(), Fault::conflict);
    EXPECT_EQ(foreign.code(), 14);
    for (std::string const& damaged :
         {std::string(), std::string("PDPN"), std::string(5000, 'x')}) {
        ASSERT_TRUE(system::write_file(pin, as_bytes(damaged)));
        EXPECT_EQ(world.open()->epoch(), 1u);
        auto const anew = read_pin(pin);
        ASSERT_TRUE(anew);
        EXPECT_EQ(anew->repository, world.place.repository);
    }
    world.place.pin_file = folder->path();  // nor may one be written there
    EXPECT_EQ(world.open()->epoch(), 1u);
    world.place.pin_file = folder->path() / "none";
    EXPECT_EQ(world.open()->epoch(), 1u);
}

TEST(Keyring, AFileFarAboveItsNumbersKeepsNobodyFromOpeningIt) {
    for (auto const number : {"18446744073709551614", "18446744073709551615", "1000000000000"}) {
        World world;
        auto const keyring = world.create();
        ASSERT_TRUE(keyring->rotate(world.settled, {}));
        auto const epoch = keyring->epoch();
        ASSERT_TRUE(world.store->put(std::string("keyring/m/") + number, as_bytes("junk"),
                                     store::PutMode::if_absent, {}));
        EXPECT_EQ(world.open()->epoch(), epoch) << number;
    }
}

TEST(Keyring, OfAnotherConfigIsRefused) {
    World world;
    world.create();
    world.place.config_hash = crypto::sha256(as_bytes("another config"));
    auto const error = world.refused(world.secret);
    EXPECT_EQ(error.fault(), Fault::corrupt);
    EXPECT_EQ(error.code(), 14);
}

TEST(Keyring, NamesHandlesThatWereNotFlushedYet) {
    World world;
    auto keyring = world.create();
    auto const handle = keyring->of_subject("app", person(1)).value()->handle();
    EXPECT_EQ(keyring->handles_of("app", person(1)), std::vector{handle});
    EXPECT_TRUE(keyring->handles_of("app", person(2)).empty());
}

TEST(Keyring, WithoutAShardIsCorruptAndSaysSo) {
    World world;
    auto keyring = world.create();
    world.add_people(*keyring, 5);
    ASSERT_TRUE(keyring->rotate(world.settled, {}));
    std::vector<std::string> shards;
    for (auto const& info : world.objects("keyring/")) {
        bool const other =
            info.name.starts_with("keyring/m/") || info.name.starts_with("keyring/a/");
        if (!other) shards.push_back(info.name);
    }
    ASSERT_EQ(shards.size(), 1u);
    Bytes const good = store::read_all(*world.store, shards[0], 1 << 20, {}).value();
    ASSERT_TRUE(put_triple(*world.store, shards[0], as_bytes("three copies of something else"),
                           store::PutMode::replace, {}));
    EXPECT_EQ(world.refused(world.secret).fault(), Fault::corrupt);
    ASSERT_TRUE(world.store->remove(shards[0], {}));
    auto const missing = world.refused(world.secret);
    EXPECT_EQ(missing.code(), 14);
    EXPECT_NE(missing.message().find("missing"), std::string::npos);
    ASSERT_TRUE(world.store->put(shards[0], good, store::PutMode::replace, {}));
    EXPECT_EQ(world.open()->subjects(), 5u);
}

/// A web drive whose listings do not show yet what a session just added.
class LateListing final : public store::ForwardingStore {
public:
    using ForwardingStore::ForwardingStore;
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(store::ObjectInfo const&)> each,
                      std::stop_token stop) override {
        return inner().list(
            prefix,
            [&](store::ObjectInfo const& info) {
                bool const late = info.name.starts_with("keyring/a/");
                return late ? Result<void>() : each(info);
            },
            std::move(stop));
    }
};

TEST(KeyringChange, FindsByNameWhatAStaleListingHides) {
    World world;
    auto writer = world.create();
    std::vector<Handle> handles;
    for (int i = 0; i < 3; ++i) {
        handles.push_back(writer->of_subject("app", person(i)).value()->handle());
    }
    SessionId const session = world.session();
    ASSERT_TRUE(writer->flush_additions(session, {}));
    world.place.homes = {std::make_shared<LateListing>(world.store)};
    auto changer = world.open();
    EXPECT_EQ(changer->subjects(), 0u) << "the listing is stale";
    auto options = world.settled;
    options.known_sessions = [&](std::stop_token) {
        return Result<std::vector<SessionId>>(std::vector{session});
    };
    ASSERT_TRUE(changer->rotate(options, {}));
    world.place.homes = {world.store};
    auto const again = world.open();
    for (auto const& handle : handles) EXPECT_EQ(again->state(handle), HandleState::live);
}

}  // namespace
}  // namespace perdure::repository
