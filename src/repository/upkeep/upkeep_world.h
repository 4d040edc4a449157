#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "repository/index/index.h"
#include "repository/keyring/keyring.h"
#include "repository/repository.h"
#include "repository/testing/fake_tree.h"
#include "store/memory/memory_store.h"
#include "store/wrap/fault.h"

namespace perdure::repository::testing {

class ManualClock : public system::Clock {
public:
    Timestamp now() const override { return {seconds.load(), 0}; }
    std::atomic<std::int64_t> seconds{1'700'000'000};
};

class SeededBytes final : public system::Random {
public:
    explicit SeededBytes(std::uint64_t seed) : generator_(seed) {}
    void fill(ByteSpan into) override {
        std::lock_guard const lock(mutex_);
        for (std::byte& byte : into) byte = std::byte(static_cast<std::uint8_t>(generator_()));
    }

private:
    std::mutex mutex_;
    std::mt19937_64 generator_;
};

inline Bytes random_bytes(std::size_t count, std::uint64_t seed) {
    Bytes bytes(count);
    SeededBytes(seed).fill(bytes);
    return bytes;
}

/// A real repository over a store in memory, with a clock that tests turn. Tests only.
struct UpkeepWorld {
    ManualClock clock;
    SeededBytes random{7};
    std::shared_ptr<store::MemoryStore> memory =
        std::make_shared<store::MemoryStore>(store::MemoryOptions{.clock = &clock});
    KeySecret secret;

    UpkeepWorld() {
        secret.kind = KeySecret::Kind::key_file;
        Bytes const key = random_bytes(32, 99);
        secret.bytes = crypto::SecretBytes(key);
        must(Repository::create(memory, secret, {}, {clock, random}, {}));
        tick();
    }
    void tick(std::int64_t seconds = 60) { clock.seconds += seconds; }
    template <typename T>
    static T must(Result<T> result) {
        if (!result) {
            ADD_FAILURE() << result.error().message();
            std::abort();
        }
        if constexpr (!std::is_void_v<T>) return std::move(*result);
    }

    std::unique_ptr<Repository> open(std::shared_ptr<store::ObjectStore> store = nullptr) {
        return must(try_open(std::move(store)));
    }
    /// As who only reads: nothing is mended on the way.
    std::unique_ptr<Repository> open_to_read(std::shared_ptr<store::ObjectStore> store) {
        return must(Repository::open(std::move(store), secret, {.read_only = true},
                                     Outside{clock, random}, {}));
    }
    Result<std::unique_ptr<Repository>> try_open(std::shared_ptr<store::ObjectStore> store) {
        return Repository::open(store ? std::move(store) : memory, secret, {},
                                Outside{clock, random}, {});
    }

    static Result<void> fill(BackupSession& session, TreeModel& model, SourceSnapshot const* parent,
                             Snapshot& snapshot) {
        FakeTreeReader reader(model);
        PD_TRY(SourceSnapshot source, write_tree(reader, parent, session.context(), {}));
        source.name = "files";
        source.type = "files";
        snapshot.sources = {std::move(source)};
        return {};
    }
    Result<Snapshot> try_backup(Repository& repository, TreeModel& model,
                                SourceSnapshot const* parent = nullptr) {
        tick();
        PD_TRY(auto session, repository.begin({}));
        Snapshot snapshot;
        PD_CHECK(fill(*session, model, parent, snapshot));
        auto committed = session->commit(std::move(snapshot), {});
        tick();
        return committed;
    }
    Snapshot backup(TreeModel& model, SourceSnapshot const* parent = nullptr) {
        auto const repository = open();
        return must(try_backup(*repository, model, parent));
    }
    void remove(Snapshot const& snapshot) {
        must(open()->remove_snapshot(snapshot.session, {}));
        tick();
    }
    /// What a restore gives: path → content; or the error's text under "!".
    std::map<std::string, Bytes> restored(Snapshot const& snapshot,
                                          std::shared_ptr<store::ObjectStore> from = nullptr) {
        return restored_by(*open(std::move(from)), snapshot);
    }
    static std::map<std::string, Bytes> restored_by(Repository& repository,
                                                    Snapshot const& snapshot) {
        std::map<std::string, Bytes> files;
        auto context = repository.read_context();
        FakeTreeTarget target;
        auto const done = restore_tree(snapshot.sources.at(0), {}, target, context, {});
        if (!done) files["!"] = to_bytes(done.error().message());
        for (auto const& problem : context.problems)
            files["!" + problem.path] = to_bytes(problem.reason);
        for (auto const& [path, node] : target.nodes)
            if (node.entry.kind == data::EntryKind::file) files[path] = node.content;
        return files;
    }
    static std::map<std::string, Bytes> files_of(TreeModel const& model) {
        std::map<std::string, Bytes> files;
        for (auto const& [path, node] : model.nodes)
            if (node.entry.kind == data::EntryKind::file) files[path] = node.content;
        return files;
    }
    std::vector<store::ObjectInfo> objects(std::string const& prefix) {
        std::vector<store::ObjectInfo> found;
        must(memory->list(prefix,
                          [&](store::ObjectInfo const& info) {
                              found.push_back(info);
                              return Result<void>();
                          },
                          {}));
        return found;
    }
    static std::set<std::string> names_in(store::ObjectStore& store, std::string const& prefix) {
        std::set<std::string> found;
        must(store.list(prefix,
                        [&](store::ObjectInfo const& info) {
                            found.insert(info.name);
                            return Result<void>();
                        },
                        {}));
        return found;
    }
    std::set<std::string> names(std::string const& prefix) { return names_in(*memory, prefix); }
};

/// A tree of `files` files of `size_bytes` each, unlike those of any other seed.
inline TreeModel make_tree(std::uint64_t seed, int files = 4, std::size_t size_bytes = 20'000) {
    TreeModel model;
    for (int i = 0; i < files; ++i) {
        model.add_file("f" + std::to_string(seed) + "-" + std::to_string(i),
                       random_bytes(size_bytes, seed * 1000 + static_cast<unsigned>(i)));
    }
    return model;
}

}  // namespace perdure::repository::testing
