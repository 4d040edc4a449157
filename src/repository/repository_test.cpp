#include "repository/repository.h"

#include <gtest/gtest.h>

#include "repository/config_object.h"
#include "repository/keyring/keyring.h"
#include "repository/lease.h"
#include "repository/pins.h"
#include "repository/testing/fake_tree.h"
#include "repository/triple.h"
#include "store/memory/memory_store.h"
#include "store/wrap/fault.h"
#include "store/wrap/forward.h"
#include "store/wrap/mirror.h"
#include "system/step.h"

namespace perdure::repository {
namespace {

using testing::FakeTreeReader;
using testing::FakeTreeTarget;
using testing::TreeModel;

KeySecret key_file(std::string_view text) {
    return {KeySecret::Kind::key_file, crypto::SecretBytes(to_bytes(text))};
}

struct RepositoryFixture : ::testing::Test {
    std::shared_ptr<store::ObjectStore> store = std::make_shared<store::MemoryStore>();
    KeySecret key = key_file("0123456789abcdef0123456789abcdef");
    Outside outside{system::real_clock(), system::real_random()};
    TreeModel model;

    void SetUp() override { ASSERT_TRUE(Repository::create(store, key, {}, outside, {})); }
    std::unique_ptr<Repository> open() {
        auto opened = Repository::open(store, key, {}, outside, {});
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().message());
        return opened ? std::move(*opened) : nullptr;
    }
    Result<Snapshot> back_up(Repository& repository, Snapshot const* parent = nullptr) {
        PD_TRY(auto session, repository.begin({}));
        FakeTreeReader reader(model);
        PD_TRY(SourceSnapshot source,
               write_tree(reader, parent != nullptr ? &parent->sources.at(0) : nullptr,
                          session->context(), {}));
        Snapshot snapshot;
        snapshot.host = "host";
        snapshot.user = "user";
        snapshot.sources.push_back(std::move(source));
        if (parent != nullptr) snapshot.parent = parent->session;
        return session->commit(std::move(snapshot), {});
    }
    Error open_error(KeySecret const& with) {
        auto opened = Repository::open(store, with, {}, outside, {});
        EXPECT_FALSE(opened);
        return opened ? fail(Fault::internal, "it opened") : opened.error();
    }
};

TEST_F(RepositoryFixture, ADiskWithoutRoomForTheCacheKeepsNobodyFromRestoring) {
    model.add_file("a", as_bytes("hello"));
    auto const committed = back_up(*open());
    ASSERT_TRUE(committed);
    auto const scratch = system::ScratchFolder::create();
    auto const cache = scratch->path() / "cache";
    auto const restores = [&](system::Path const& folder) {
        auto opened = Repository::open(store, key, {.cache_folder = folder}, outside, {});
        if (!opened) return opened.error().message();
        auto context = (*opened)->read_context();
        FakeTreeTarget target;
        auto const done = restore_tree(committed->sources.at(0), {}, target, context, {});
        return done ? to_string(target.nodes["a"].content) : done.error().message();
    };
    for (auto const forbidden : {system::Step::make_folder, system::Step::create,
                                 system::Step::write, system::Step::rename}) {
        system::set_step_hook([=](system::Step step, std::string_view path) -> Result<void> {
            bool const cached = path.find("/cache") != std::string_view::npos;
            if (step != forbidden || !cached) return {};
            return fail(Fault::exhausted, "no space left");
        });
        EXPECT_EQ(restores(cache), "hello");
        system::set_step_hook(nullptr);
    }
    ASSERT_TRUE(system::write_file(scratch->path() / "file", as_bytes("x")));
    EXPECT_EQ(restores(scratch->path() / "file" / "cache"), "hello");
    EXPECT_EQ(restores(cache), "hello");
}

TEST_F(RepositoryFixture, WhatWasCommittedComesBackAfterReopening) {
    model.add_folder("d");
    model.add_file("d/a", as_bytes("hello"));
    {
        auto repository = open();
        ASSERT_TRUE(back_up(*repository));
    }
    auto repository = open();
    std::vector<data::Problem> damaged;
    auto const snapshots = repository->snapshots(&damaged, {});
    ASSERT_TRUE(snapshots) << snapshots.error().message();
    ASSERT_EQ(snapshots->size(), 1u);
    EXPECT_TRUE(damaged.empty());
    EXPECT_EQ(snapshots->at(0).sequence, 1u);
    EXPECT_GT(snapshots->at(0).min_epoch, 0u);
    FakeTreeTarget target;
    auto context = repository->read_context();
    ASSERT_TRUE(restore_tree(snapshots->at(0).sources.at(0), {}, target, context, {}));
    EXPECT_EQ(target.nodes, model.nodes);
}

TEST_F(RepositoryFixture, SnapshotsOfAWriterFormAChain) {
    auto repository = open();
    auto const first = back_up(*repository);
    ASSERT_TRUE(first) << first.error().message();
    auto const second = back_up(*repository, &*first);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->sequence, 2u);
    EXPECT_EQ(second->previous, first->object_hash);
    EXPECT_EQ(second->parent, first->session);
    EXPECT_EQ(second->writer, first->writer);
}

TEST_F(RepositoryFixture, ASessionWithoutCommitLeavesNoSnapshot) {
    auto repository = open();
    model.add_file("a", as_bytes("x"));
    {
        auto session = repository->begin({});
        ASSERT_TRUE(session);
        FakeTreeReader reader(model);
        ASSERT_TRUE(write_tree(reader, nullptr, (*session)->context(), {}));
    }
    EXPECT_TRUE(repository->snapshots(nullptr, {})->empty());
}

TEST_F(RepositoryFixture, WhatNobodyCouldReadIsNotCommitted) {
    auto const repository = open();
    std::vector<std::string> const long_tag{std::string(2 << 20, 'x')};
    std::vector<std::string> const many_tags(70, std::string(1 << 20, 'x'));
    for (auto const& tags : {long_tag, many_tags}) {
        auto const session = *repository->begin({});
        Snapshot snapshot;
        snapshot.tags = tags;
        EXPECT_FALSE(session->commit(std::move(snapshot), {}));
        EXPECT_FALSE(store->head(snapshot_name(session->id()), {}));
    }
}

/// Ctrl-C in the moment in which the first destination has what is put there for a snapshot.
class StoppedThere final : public store::ForwardingStore {
public:
    StoppedThere() : ForwardingStore(std::make_shared<store::MemoryStore>()) {}
    Result<void> put(store::ObjectName const& name, ByteView body, store::PutMode mode,
                     std::stop_token given) override {
        auto const done = ForwardingStore::put(name, body, mode, std::move(given));
        if (name.starts_with("snapshot/")) stop.request_stop();
        return done;
    }
    std::stop_source stop;
};

TEST_F(RepositoryFixture, WhatIsStoppedIsCommittedOrDeletedAtEachDestinationOrAtNone) {
    auto const first = std::make_shared<StoppedThere>();
    auto const second = std::make_shared<store::FaultStore>(std::make_shared<store::MemoryStore>());
    store = store::MirrorStore::create({{"first", first, {}}, {"second", second, {}}}).value();
    ASSERT_TRUE(Repository::create(store, key, {}, outside, {}));
    auto const repository = open();
    auto const session = *repository->begin({});
    auto const states = [&] {
        std::vector<SessionState> all;
        for (auto* leg : store->legs()) all.push_back(*session_state(*leg, session->id(), {}));
        return all;
    };
    ASSERT_TRUE(session->commit({}, first->stop.get_token()));
    EXPECT_EQ(states(), std::vector(2, SessionState::committed));
    auto const stopped = (*repository->begin({}))->commit({}, first->stop.get_token());
    EXPECT_EQ(stopped.error().fault(), Fault::cancelled);
    EXPECT_FALSE(repository->remove_snapshot(session->id(), first->stop.get_token()));
    EXPECT_EQ(states(), std::vector(2, SessionState::committed));
    first->stop = std::stop_source();
    ASSERT_TRUE(repository->remove_snapshot(session->id(), first->stop.get_token()));
    EXPECT_EQ(states(), std::vector(2, SessionState::gone));
}

TEST_F(RepositoryFixture, AFencedSessionLosesWithConflict) {
    auto repository = open();
    auto session = repository->begin({});
    ASSERT_TRUE(session);
    ASSERT_EQ(*fence(*store, (*session)->id(), outside.clock.now(), {}), SessionState::gone);
    auto const committed = (*session)->commit(Snapshot{}, {});
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().fault(), Fault::conflict);
    EXPECT_TRUE(repository->snapshots(nullptr, {})->empty());
}

TEST_F(RepositoryFixture, ARemovedSnapshotIsGoneAndItsNameStaysTaken) {
    auto repository = open();
    auto const snapshot = back_up(*repository);
    ASSERT_TRUE(repository->remove_snapshot(snapshot->session, {}));
    EXPECT_TRUE(repository->snapshots(nullptr, {})->empty());
    EXPECT_TRUE(repository->remove_snapshot(snapshot->session, {}));
    EXPECT_TRUE(store->head(snapshot_name(snapshot->session), {}));
    EXPECT_EQ(repository->remove_snapshot(SessionId{}, {}).error().fault(), Fault::not_found);
}

TEST_F(RepositoryFixture, APinnedSnapshotIsNotRemoved) {
    auto repository = open();
    auto const snapshot = back_up(*repository);
    PinSeal const seal{repository->id(), repository->domains().common()};
    auto& random = repository->outside().random;
    ASSERT_TRUE(pin(*store, seal, snapshot->session, "evidence", random, {}));
    auto const removed = repository->remove_snapshot(snapshot->session, {});
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().fault(), Fault::denied);
    EXPECT_NE(removed.error().message().find("evidence"), std::string::npos);
    EXPECT_EQ(repository->snapshots(nullptr, {})->size(), 1u);
    ASSERT_TRUE(unpin(*store, snapshot->session, {}));
    EXPECT_TRUE(repository->remove_snapshot(snapshot->session, {}));
}

/// Lets something happen once, before the call of this number.
class Interrupted final : public store::ForwardingStore {
public:
    Interrupted(std::shared_ptr<store::ObjectStore> inner, int before,
                std::function<void()> meanwhile)
        : ForwardingStore(std::move(inner)), left_(before), meanwhile_(std::move(meanwhile)) {}
    Result<Bytes> read(store::ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override {
        step();
        return inner().read(name, offset_bytes, count_bytes, std::move(stop));
    }
    Result<void> put(store::ObjectName const& name, ByteView body, store::PutMode mode,
                     std::stop_token stop) override {
        step();
        return inner().put(name, body, mode, std::move(stop));
    }
    Result<store::ObjectInfo> head(store::ObjectName const& name, std::stop_token stop) override {
        step();
        return inner().head(name, std::move(stop));
    }
    bool ended() const { return meanwhile_ == nullptr; }
    void begin() { counting_ = true; }

private:
    void step() {
        if (counting_ && meanwhile_ && left_-- == 0) std::exchange(meanwhile_, nullptr)();
    }
    bool counting_ = false;
    int left_;
    std::function<void()> meanwhile_;
};

TEST_F(RepositoryFixture, WhoIsToldThatASnapshotIsPinnedFindsItThereWhoeverDeletesMeanwhile) {
    for (bool pin_cuts_in : {false, true}) {
        for (int before = 0;; ++before) {
            auto const usual = open();
            auto const snapshot = back_up(*usual);
            ASSERT_TRUE(snapshot);
            Result<void> pinning, removal;
            auto const pin_at = [&](store::ObjectStore& where) {
                pinning = pin(where, {usual->id(), usual->domains().common()}, snapshot->session,
                              "evidence", outside.random, {});
            };
            auto const slow = std::make_shared<Interrupted>(store, before, [&] {
                if (pin_cuts_in) {
                    pin_at(*store);
                } else {
                    removal = usual->remove_snapshot(snapshot->session, {});
                }
            });
            auto const other = Repository::open(slow, key, {}, outside, {});
            ASSERT_TRUE(other);
            slow->begin();
            if (pin_cuts_in) {
                removal = (*other)->remove_snapshot(snapshot->session, {});
            } else {
                pin_at(*slow);
            }
            if (!slow->ended()) break;
            bool const there =
                session_state(*store, snapshot->session, {}).value() == SessionState::committed;
            EXPECT_EQ(there, !removal) << pin_cuts_in << before;
            EXPECT_EQ(pinning.has_value(), there) << pin_cuts_in << before;
            auto const kept =
                pinned(*store, {usual->id(), usual->domains().common()}, snapshot->session, {});
            EXPECT_EQ(kept.value().has_value(), pinning.has_value()) << pin_cuts_in << before;
        }
    }
}

/// Stops answering before the call of this number: to the store, its program was killed then.
class Killed final : public store::ForwardingStore {
public:
    Killed(std::shared_ptr<store::ObjectStore> inner, int before)
        : ForwardingStore(std::move(inner)), left_(before) {}
    Result<Bytes> read(store::ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override {
        PD_CHECK(step());
        return inner().read(name, offset_bytes, count_bytes, std::move(stop));
    }
    Result<void> put(store::ObjectName const& name, ByteView body, store::PutMode mode,
                     std::stop_token stop) override {
        PD_CHECK(step());
        return inner().put(name, body, mode, std::move(stop));
    }
    Result<store::ObjectInfo> head(store::ObjectName const& name, std::stop_token stop) override {
        PD_CHECK(step());
        return inner().head(name, std::move(stop));
    }
    Result<void> remove(store::ObjectName const& name, std::stop_token stop) override {
        PD_CHECK(step());
        return inner().remove(name, std::move(stop));
    }
    void begin() { counting_ = true; }
    bool ended() const { return left_ < 0; }

private:
    Result<void> step() {
        if (!counting_ || left_-- > 0) return {};
        left_ = -1;
        return fail(Fault::unavailable, "killed");
    }
    bool counting_ = false;
    int left_;
};

TEST_F(RepositoryFixture, ADeletionThatIsKilledLosesNothingThatWasPinned) {
    for (int pinned_before = 0;; ++pinned_before) {
        bool any = false;
        for (int killed_before = 0;; ++killed_before) {
            auto const usual = open();
            auto const snapshot = back_up(*usual);
            ASSERT_TRUE(snapshot);
            PinSeal const seal{usual->id(), usual->domains().common()};
            Result<void> pinning = fail(Fault::internal, "not yet");
            auto const slow = std::make_shared<Interrupted>(store, pinned_before, [&] {
                pinning = pin(*store, seal, snapshot->session, "evidence", outside.random, {});
            });
            auto const killed = std::make_shared<Killed>(slow, killed_before);
            auto const other = Repository::open(killed, key, {}, outside, {});
            ASSERT_TRUE(other);
            slow->begin();
            killed->begin();
            (void)(*other)->remove_snapshot(snapshot->session, {});
            bool const there =
                session_state(*store, snapshot->session, {}).value() == SessionState::committed;
            EXPECT_TRUE(there || !pinning) << pinned_before << " " << killed_before;
            any = any || slow->ended();
            if (!killed->ended()) break;
            // Whoever deletes it again can; and once that is said to be over, it can be pinned.
            if (!pinning) {
                EXPECT_TRUE(usual->remove_snapshot(snapshot->session, {}));
            }
        }
        if (!any) break;
    }
}

TEST_F(RepositoryFixture, ADeletionThatBrokeOffDelaysAPinAndIsForgotten) {
    auto repository = open();
    auto const snapshot = back_up(*repository);
    PinSeal const seal{repository->id(), repository->domains().common()};
    auto const memory = std::dynamic_pointer_cast<store::MemoryStore>(store);
    ASSERT_TRUE(announce_deletion(*store, snapshot->session, outside.clock.now(), {}));
    auto const refused = pin(*store, seal, snapshot->session, "evidence", outside.random, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), 11);
    EXPECT_TRUE(pins(*store, seal, {})->empty());
    memory->age(lease_name(snapshot->session), 2 * deletion_time);
    EXPECT_TRUE(pin(*store, seal, snapshot->session, "evidence", outside.random, {}));
    // Who was pinned before stays so, and may be given another reason.
    ASSERT_TRUE(announce_deletion(*store, snapshot->session, outside.clock.now(), {}));
    EXPECT_TRUE(pin(*store, seal, snapshot->session, "a lawsuit", outside.random, {}));
    EXPECT_EQ(repository->remove_snapshot(snapshot->session, {}).error().fault(), Fault::denied);
}

TEST_F(RepositoryFixture, APinThatCannotBeReadStillPins) {
    auto repository = open();
    auto const snapshot = back_up(*repository);
    PinSeal const seal{repository->id(), repository->domains().common()};
    ASSERT_TRUE(pin(*store, seal, snapshot->session, "evidence", outside.random, {}));
    std::string const name = "pin/" + snapshot->id();
    ASSERT_TRUE(store->head(name, {}));
    for (std::size_t const bytes : {std::size_t{0}, std::size_t{10}, std::size_t{100'000}}) {
        ASSERT_TRUE(store->put(name, Bytes(bytes), store::PutMode::replace, {}));
        auto const reason = pinned(*store, seal, snapshot->session, {});
        ASSERT_TRUE(reason && *reason) << bytes;
        if (bytes > 2048) {
            EXPECT_EQ(**reason, "(reason unreadable)");
        }
        EXPECT_EQ(pins(*store, seal, {})->size(), 1u);
        EXPECT_EQ(repository->remove_snapshot(snapshot->session, {}).error().fault(),
                  Fault::denied);
    }
}

TEST_F(RepositoryFixture, NoDestinationReadsWhyASnapshotIsPinned) {
    auto repository = open();
    auto const snapshot = back_up(*repository);
    PinSeal const seal{repository->id(), repository->domains().common()};
    auto& random = repository->outside().random;
    std::string const name = "pin/" + to_hex(snapshot->session);
    ASSERT_TRUE(pin(*store, seal, snapshot->session, "complaint of Anna Ek", random, {}));
    auto const stored = store::read_all(*store, name, 1 << 16, {});
    ASSERT_TRUE(stored);
    EXPECT_EQ(as_text(*stored).find("Anna"), std::string_view::npos);
    ASSERT_TRUE(pin(*store, seal, snapshot->session, "a lawsuit", random, {}));
    EXPECT_EQ(store::read_all(*store, name, 1 << 16, {})->size(), stored->size())
        << "the length tells the reason";
    EXPECT_EQ(pins(*store, seal, {})->at(to_hex(snapshot->session)), "a lawsuit");
    EXPECT_FALSE(pin(*store, seal, snapshot->session, std::string(1025, 'x'), random, {}));

    // Whatever is done to the reason, the snapshot stays pinned.
    ASSERT_TRUE(stored->size() > 100);
    for (std::size_t at = 0; at < stored->size(); ++at) {
        Bytes damaged = *stored;
        damaged[at] ^= std::byte{1};
        ASSERT_TRUE(store->put(name, damaged, store::PutMode::replace, {}));
        auto const reason = pinned(*store, seal, snapshot->session, {});
        ASSERT_TRUE(reason && *reason) << at;
        EXPECT_EQ((*reason)->find("Anna"), std::string::npos) << at;
    }
    EXPECT_EQ(repository->remove_snapshot(snapshot->session, {}).error().fault(), Fault::denied);
    ASSERT_TRUE(
        store->put(name, as_bytes("plain words of an early version"), store::PutMode::replace, {}));
    EXPECT_EQ(pins(*store, seal, {})->at(to_hex(snapshot->session)),
              "plain words of an early version");
}

TEST_F(RepositoryFixture, AChangedSnapshotIsNamedAndTheOthersStay) {
    auto repository = open();
    auto const first = back_up(*repository);
    auto const second = back_up(*repository, &*first);
    auto body = get_triple(*store, snapshot_name(first->session), 1 << 20, {});
    ASSERT_TRUE(body);
    for (std::size_t i = 0; i < body->body.size(); i += 7) {
        Bytes changed = body->body;
        changed[i] ^= std::byte{1};
        ASSERT_TRUE(put_triple(*store, snapshot_name(first->session), changed,
                               store::PutMode::replace, {}));
        auto fresh = open();
        std::vector<data::Problem> damaged;
        auto const left = fresh->snapshots(&damaged, {});
        ASSERT_TRUE(left);
        ASSERT_EQ(left->size(), 1u) << i;
        EXPECT_EQ(left->at(0).session, second->session);
        ASSERT_EQ(damaged.size(), 1u);
        EXPECT_EQ(damaged[0].path, snapshot_name(first->session));
    }
}

TEST_F(RepositoryFixture, ASnapshotMovedUnderAnotherNameIsRefused) {
    auto repository = open();
    auto const snapshot = back_up(*repository);
    auto const body = get_triple(*store, snapshot_name(snapshot->session), 1 << 20, {});
    SessionId other = snapshot->session;
    other.bytes[0] ^= std::byte{1};
    ASSERT_TRUE(
        put_triple(*store, snapshot_name(other), body->body, store::PutMode::if_absent, {}));
    std::vector<data::Problem> damaged;
    EXPECT_EQ(repository->snapshots(&damaged, {})->size(), 1u);
    EXPECT_EQ(damaged.size(), 1u);
}

TEST_F(RepositoryFixture, AWrongKeyIsDeniedWithCode12) {
    auto const error = open_error(key_file("fedcba9876543210fedcba9876543210"));
    EXPECT_EQ(error.fault(), Fault::denied);
    EXPECT_EQ(error.code(), 12);
}

TEST_F(RepositoryFixture, AnEmptyStoreIsNoRepositoryWithCode10) {
    store = std::make_shared<store::MemoryStore>();
    auto const error = open_error(key);
    EXPECT_EQ(error.fault(), Fault::not_found);
    EXPECT_EQ(error.code(), 10);
    EXPECT_FALSE(error.fix().empty());
}

TEST_F(RepositoryFixture, ANewerFormatIsNamed) {
    auto body = get_triple(*store, "config", 1 << 20, {});
    ASSERT_TRUE(body);
    body->body[4] = std::byte{7};  // the version
    ASSERT_TRUE(put_triple(*store, "config", body->body, store::PutMode::replace, {}));
    auto const error = open_error(key);
    EXPECT_EQ(error.fault(), Fault::unsupported);
    EXPECT_EQ(error.code(), 1);
    EXPECT_NE(error.message().find("version 7"), std::string::npos);
}

TEST_F(RepositoryFixture, ALostKeyringOrADestroyedConfigIsCorruptWithCode14) {
    std::vector<std::string> keyring;
    ASSERT_TRUE(store->list("keyring/",
                            [&](store::ObjectInfo const& info) -> Result<void> {
                                keyring.push_back(info.name);
                                return {};
                            },
                            {}));
    for (std::string const& name : keyring) ASSERT_TRUE(store->remove(name, {}));
    EXPECT_EQ(open_error(key).code(), 14);
    ASSERT_TRUE(store->put("config", as_bytes("rubbish"), store::PutMode::replace, {}));
    EXPECT_EQ(open_error(key).code(), 14);
}

TEST_F(RepositoryFixture, CreatingTwiceIsAConflictAndChangesNothing) {
    auto const again =
        Repository::create(store, key_file("another key, also long enough...."), {}, outside, {});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().fault(), Fault::conflict);
    EXPECT_NE(open(), nullptr);
}

TEST_F(RepositoryFixture, AReadOnlyRepositoryBeginsNoSession) {
    auto opened = Repository::open(store, key, {.read_only = true}, outside, {});
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->begin({}).error().fault(), Fault::denied);
}

TEST_F(RepositoryFixture, AFeatureThatForbidsWritingIsHeeded) {
    // A repository of a later program, whose config says so.
    RepositoryConfig config{.read_only_features = 4};
    config.repository.bytes.fill(std::byte{7});
    auto const body = config.encode();
    EXPECT_EQ(RepositoryConfig::decode(body)->read_only_features, 4U);
    store = std::make_shared<store::MemoryStore>();
    ASSERT_TRUE(put_triple(*store, "config", body, store::PutMode::if_absent, {}));
    ASSERT_TRUE(Keyring::create({.homes = {store},
                                 .repository = config.repository,
                                 .config_hash = crypto::sha256(body),
                                 .pin_file = {}},
                                {.secret = key, .label = {}}, outside, {}));
    auto opened = Repository::open(store, key, {}, outside, {});
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_TRUE((*opened)->snapshots(nullptr, {}));
    auto const refused = (*opened)->begin({}).error();
    EXPECT_EQ(refused.fault(), Fault::unsupported);
    EXPECT_EQ(refused.code(), 1);
    SessionId const id{};
    EXPECT_FALSE(pin((*opened)->store(), {(*opened)->id(), (*opened)->domains().common()}, id,
                     "reason", outside.random, {}));
    EXPECT_FALSE((*opened)->keyring().rotate({}, {}));
}

}  // namespace
}  // namespace perdure::repository
