#pragma once

#include <random>

#include "repository/blob/blob_access.h"
#include "store/memory/memory_store.h"

namespace perdure::repository {

/// Random bytes from a seed, for tests.
class SeededRandom final : public system::Random {
public:
    explicit SeededRandom(std::uint64_t seed) : generator_(seed) {}
    void fill(ByteSpan into) override {
        std::lock_guard const lock(mutex_);
        for (std::byte& byte : into) byte = std::byte(static_cast<std::uint8_t>(generator_()));
    }

private:
    std::mutex mutex_;
    std::mt19937_64 generator_;
};

inline DomainPtr make_domain(RepositoryId const& repository, std::uint8_t number,
                             std::uint32_t generation = 1) {
    Handle handle;
    handle.bytes.fill(std::byte{number});
    crypto::Secret32 secret;
    std::ranges::fill(secret.span(), std::byte{static_cast<std::uint8_t>(number ^ 0x55)});
    return std::make_shared<Domain const>(repository, handle, generation, secret);
}

inline Bytes noise(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 generator(seed);
    Bytes bytes(count);
    for (std::byte& byte : bytes) byte = std::byte(static_cast<std::uint8_t>(generator()));
    return bytes;
}

inline Bytes prose(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 generator(seed);
    Bytes bytes;
    while (bytes.size() < count) {
        append(bytes, as_bytes("{\"id\":" + std::to_string(generator() % 1000000) +
                               ",\"kind\":\"note\",\"body\":\"the quick brown fox\"}\n"));
    }
    bytes.resize(count);
    return bytes;
}

/// A repository's blobs over a store in memory.
struct World {
    explicit World(std::uint64_t seed = 1) : random(seed) {
        repository.bytes.fill(std::byte{9});
        common = make_domain(repository, 0);
        session.bytes.fill(std::byte{3});
    }
    explicit World(store::ObjectStore& other) : World() { place = &other; }

    PackSource source() { return {*place, repository, common}; }
    std::shared_ptr<Index> index(std::vector<store::ObjectName>* damaged = nullptr) {
        auto index = Index::open({source(), cache, &random}, damaged, {});
        if (!index) throw std::runtime_error(index.error().message());
        return *index;
    }
    std::unique_ptr<BlobWriter> writer(std::shared_ptr<Index> index) {
        return make_blob_writer({.index = std::move(index), .session = session, .random = &random});
    }
    std::unique_ptr<BlobReader> reader(std::shared_ptr<Index> index) {
        return make_blob_reader(
            {.index = std::move(index),
             .on_damage = [this](PackDamage const& found) { damage.push_back(found); }});
    }
    std::vector<store::ObjectName> names(std::string const& prefix) {
        std::vector<store::ObjectName> found;
        (void)place->list(prefix,
                          [&](store::ObjectInfo const& info) -> Result<void> {
                              found.push_back(info.name);
                              return {};
                          },
                          {});
        return found;
    }

    store::MemoryStore memory;
    store::ObjectStore* place = &memory;
    SeededRandom random;
    RepositoryId repository;
    SessionId session;
    DomainPtr common;
    system::Path cache;
    std::vector<PackDamage> damage;
};

}  // namespace perdure::repository
