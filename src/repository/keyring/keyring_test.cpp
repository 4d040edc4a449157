#include "repository/keyring/keyring.h"

#include <gtest/gtest.h>

#include "store/memory/memory_store.h"

namespace perdure::repository {
namespace {

class SeededRandom : public system::Random {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    void fill(ByteSpan into) override {
        for (auto& byte : into) {
            state_ += 0x9e3779b97f4a7c15ULL;
            auto z = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9ULL;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
            byte = std::byte{static_cast<std::uint8_t>(z >> 56)};
        }
    }

private:
    std::uint64_t state_;
};

KeySecret key_file(std::string_view text) {
    return {KeySecret::Kind::key_file, crypto::SecretBytes(to_bytes(text))};
}

struct World {
    SeededRandom random{7};
    Outside outside{system::real_clock(), random};
    std::shared_ptr<store::MemoryStore> store = std::make_shared<store::MemoryStore>();
    KeySecret secret = key_file("a key file of more than 16 bytes");
    KeyringPlace place;
    ChangeOptions settled;

    World() {
        place.homes = {store};
        place.repository = random.draw<RepositoryId>();
        place.config_hash = crypto::sha256(as_bytes("config"));
        settled.sessions_settled = [](std::uint64_t, std::stop_token) {
            return Result<bool>(true);
        };
    }
    std::unique_ptr<Keyring> create() {
        auto made = Keyring::create(place, {secret, "disk"}, outside, {});
        if (!made) ADD_FAILURE() << made.error().message();
        return *std::move(made);
    }
    std::unique_ptr<Keyring> open() {
        auto opened = Keyring::open(place, secret, outside, {});
        if (!opened) ADD_FAILURE() << opened.error().message();
        return *std::move(opened);
    }
    SessionId session() { return random.draw<SessionId>(); }
};

Bytes person(int number) {
    return to_bytes("person-" + std::to_string(number));
}

TEST(Keyring, GivesTheSameDomainsAfterOpeningAgain) {
    World world;
    auto keyring = world.create();
    auto const common = keyring->common()->blob_id(as_bytes("x"));
    auto const anna = keyring->of_subject("app", as_bytes("anna")).value();
    EXPECT_EQ(keyring->of_subject("app", as_bytes("anna")).value()->handle(), anna->handle());
    EXPECT_NE(keyring->of_subject("ap", as_bytes("panna")).value()->handle(), anna->handle());
    ASSERT_TRUE(keyring->flush_additions(world.session(), {}));
    auto const again = world.open();
    EXPECT_EQ(again->common()->blob_id(as_bytes("x")), common);
    EXPECT_EQ(again->find(anna->handle()).value()->blob_id(as_bytes("x")),
              anna->blob_id(as_bytes("x")));
    EXPECT_EQ(again->of_subject("app", as_bytes("anna")).value()->handle(), anna->handle());
}

TEST(Keyring, ErasesOnePersonAndNobodyElse) {
    World world;
    auto keyring = world.create();
    std::vector<Handle> handles;
    for (int i = 0; i < 50; ++i) {
        handles.push_back(keyring->of_subject("app", person(i)).value()->handle());
    }
    ASSERT_TRUE(keyring->flush_additions(world.session(), {}));
    auto report = keyring->erase({{"app", person(7)}}, world.settled, {});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_TRUE(report->complete);
    EXPECT_EQ(report->erased, std::vector{handles[7]});
    auto const again = world.open();
    for (int i = 0; i < 50; ++i) {
        auto const expected = i == 7 ? HandleState::erased : HandleState::live;
        EXPECT_EQ(again->state(handles[static_cast<std::size_t>(i)]), expected);
    }
}

}  // namespace
}  // namespace perdure::repository
