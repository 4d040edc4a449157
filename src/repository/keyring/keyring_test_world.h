#pragma once

#include <gtest/gtest.h>

#include "repository/keyring/keyring.h"
#include "store/memory/memory_store.h"

namespace perdure::repository {

class KeyringTestRandom : public system::Random {
public:
    explicit KeyringTestRandom(std::uint64_t seed) : state_(seed) {}
    void fill(ByteSpan into) override {
        for (auto& byte : into) {
            auto z = state_ += 0x9e3779b97f4a7c15ULL;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
            byte = std::byte{static_cast<std::uint8_t>(z >> 56)};
        }
    }

private:
    std::uint64_t state_;
};

/// A store that dies at the n-th change: then, or right after it, the world stops.
class MortalStore : public store::ObjectStore {
public:
    explicit MortalStore(std::shared_ptr<store::ObjectStore> inner) : inner_(std::move(inner)) {}

    Result<Bytes> read(store::ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override {
        if (dead_) return dead();
        return inner_->read(name, offset_bytes, count_bytes, stop);
    }
    Result<void> put(store::ObjectName const& name, ByteView body, store::PutMode mode,
                     std::stop_token stop) override {
        if (dies_before()) return dead();
        auto done = inner_->put(name, body, mode, stop);
        return dead_ ? dead() : done;
    }
    Result<store::ObjectInfo> head(store::ObjectName const& name, std::stop_token stop) override {
        if (dead_) return dead();
        return inner_->head(name, stop);
    }
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(store::ObjectInfo const&)> each,
                      std::stop_token stop) override {
        if (dead_) return dead();
        return inner_->list(prefix, std::move(each), stop);
    }
    Result<void> remove(store::ObjectName const& name, std::stop_token stop) override {
        if (dies_before()) return dead();
        auto done = inner_->remove(name, stop);
        return dead_ ? dead() : done;
    }
    store::Capabilities capabilities() const override { return inner_->capabilities(); }
    std::string describe() const override { return inner_->describe(); }
    Result<Timestamp> now(std::stop_token stop) override { return inner_->now(stop); }

    int changes_left = -1;  ///< -1: lives for ever
    bool last_change_happens = false;
    int changes = 0;
    bool is_dead() const { return dead_; }

private:
    static Error dead() { return fail(Fault::cancelled, "the world has stopped"); }
    bool dies_before() {
        if (dead_) return true;
        ++changes;
        if (changes_left < 0 || changes <= changes_left) return false;
        dead_ = true;
        return !last_change_happens;
    }

    std::shared_ptr<store::ObjectStore> inner_;
    bool dead_ = false;
};

inline KeySecret key_file(std::string_view text) {
    return {KeySecret::Kind::key_file, crypto::SecretBytes(to_bytes(text))};
}
inline KeySecret passphrase(std::string_view text) {
    return {KeySecret::Kind::passphrase, crypto::SecretBytes(to_bytes(text))};
}
inline KeySecret phrase(std::string_view text) {
    return {KeySecret::Kind::recovery_phrase, crypto::SecretBytes(to_bytes(text))};
}
inline Bytes person(int number) {
    return to_bytes("person-" + std::to_string(number));
}

/// A repository's keyring on one store in memory.
struct KeyringTestWorld {
    KeyringTestRandom random{7};
    Outside outside{system::real_clock(), random};
    std::shared_ptr<store::MemoryStore> store = std::make_shared<store::MemoryStore>();
    KeySecret secret = key_file("a key file of more than 16 bytes");
    KeyringPlace place;
    ChangeOptions settled;

    KeyringTestWorld() {
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
    std::unique_ptr<Keyring> open() { return open_with(secret); }
    std::unique_ptr<Keyring> open_with(KeySecret const& with) {
        auto opened = Keyring::open(place, with, outside, {});
        if (!opened) ADD_FAILURE() << opened.error().message();
        return *std::move(opened);
    }
    Error refused(KeySecret const& with) {
        auto const opened = Keyring::open(place, with, outside, {});
        EXPECT_FALSE(opened);
        return opened ? fail(Fault::internal, "opened") : opened.error();
    }
    SessionId session() { return random.draw<SessionId>(); }
    std::vector<Handle> add_people(Keyring& keyring, int count) {
        std::vector<Handle> handles;
        for (int i = 0; i < count; ++i) {
            handles.push_back(keyring.of_subject("app", person(i)).value()->handle());
        }
        EXPECT_TRUE(keyring.flush_additions(session(), {}));
        return handles;
    }
    std::vector<store::ObjectInfo> objects(std::string const& prefix) const {
        std::vector<store::ObjectInfo> found;
        EXPECT_TRUE(store->list(prefix,
                                [&](store::ObjectInfo const& info) -> Result<void> {
                                    found.push_back(info);
                                    return {};
                                },
                                {}));
        return found;
    }
};

}  // namespace perdure::repository
