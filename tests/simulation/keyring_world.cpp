#include "tests/simulation/keyring_world.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/codec.h"
#include "repository/lease.h"
#include "repository/triple.h"

namespace perdure::simulation {

using namespace perdure::repository;

namespace {

constexpr int people = 6;
constexpr std::string_view source = "app";

KeySecret key_file(std::string_view text) {
    return {KeySecret::Kind::key_file, crypto::SecretBytes(to_bytes(text))};
}

Bytes name_of(int person) {
    return to_bytes("person-" + std::to_string(person));
}

Bytes encode_snapshot(std::vector<Handle> const& handles) {
    Encoder out;
    out.raw(Bytes(64));  // larger than a tombstone
    out.varint(handles.size());
    for (Handle const& handle : handles) out.raw(handle.view());
    return out.take();
}

}  // namespace

KeyringWorld::KeyringWorld(std::uint64_t seed, BrokenKeyring broken)
    : random_(seed),
      broken_(broken),
      scheduler_(random_),
      outside_{scheduler_, random_},
      repository_(random_.draw<RepositoryId>()),
      secret_(key_file("the key file of the simulation")),
      spare_(key_file("the second key file of the simulation")) {
    auto const count = 1 + random_.below(2);
    for (std::uint64_t i = 0; i < count; ++i) {
        homes_.push_back(
            std::make_shared<HostileStore>(scheduler_, random_, "home-" + std::to_string(i)));
        homes_.back()->broken = broken.store;
    }
}

void KeyringWorld::complain(std::string what) {
    if (complaint_.empty()) complaint_ = std::move(what);
}

KeyringPlace KeyringWorld::place() {
    KeyringPlace place;
    for (auto const& home : homes_) place.homes.push_back(std::make_shared<Retrying>(home));
    place.repository = repository_;
    place.config_hash = crypto::sha256(as_bytes("config"));
    return place;
}

Result<std::unique_ptr<Keyring>> KeyringWorld::open() {
    return Keyring::open(place(), secret_, outside_, {});
}

ChangeOptions KeyringWorld::options(std::uint64_t* decided) {
    ChangeOptions options;
    options.sessions_settled = [this](std::uint64_t epoch, std::stop_token stop) -> Result<bool> {
        if (broken_.settle_without_sessions) return true;
        Retrying authority(homes_.front());
        return sessions_know_epoch(authority, epoch, scheduler_.now(), stop);
    };
    if (!broken_.no_listing_lag) options.listing_lag = homes_.front()->hostility.listing_lag;
    options.wait = [this](std::chrono::seconds time, std::stop_token) -> Result<void> {
        scheduler_.sleep(time);
        return {};
    };
    options.log = [decided, read_back = false](ChangeStep step,
                                               std::string_view detail) mutable -> Result<void> {
        if (step == ChangeStep::read_back) read_back = true;
        if (step == ChangeStep::put_manifest && !read_back && decided != nullptr) {
            *decided = std::stoull(std::string(detail.substr(detail.rfind('/') + 1)));
        }
        return {};
    };
    return options;
}

Result<void> KeyringWorld::put_lease(SessionId const& session, std::uint64_t epoch,
                                     store::PutMode mode) {
    Retrying authority(homes_.front());
    LeaseRecord record;
    record.session = session;
    record.epoch = epoch;
    return put_triple(authority, lease_name(session), record.encode(), mode, {});
}

/// PUT-if-absent of the snapshot; after a lost answer its own bytes mean success.
Result<void> KeyringWorld::commit(Keyring& keyring, SessionId const& session,
                                  std::vector<Handle> handles) {
    if (broken_.commit_unflushed) PD_CHECK(keyring.flush_additions(session, {}));
    if (!broken_.commit_on_old_epoch) PD_CHECK(keyring.refresh({}));
    std::erase_if(handles,
                  [&](Handle const& handle) { return keyring.state(handle) != HandleState::live; });
    if (!broken_.commit_unflushed) PD_CHECK(keyring.flush_additions(session, {}));
    Retrying authority(homes_.front());
    Bytes const body = encode_snapshot(handles);
    auto const put =
        put_triple(authority, snapshot_name(session), body, store::PutMode::if_absent, {});
    if (put) return {};
    PD_TRY(auto const there, get_triple(authority, snapshot_name(session), 1 << 20, {}));
    if (there.body == body) return {};
    return fail(Fault::conflict, "fenced");
}

Result<void> KeyringWorld::try_session(Keyring& keyring, SessionId const& session) {
    if (broken_.acknowledge_before_lease) {
        PD_TRY(auto const epoch, keyring.acknowledge(session, {}));
        scheduler_.yield();
        PD_CHECK(put_lease(session, epoch, store::PutMode::if_absent));
    } else {
        PD_CHECK(put_lease(session, 0, store::PutMode::if_absent));
        PD_TRY(auto const epoch, keyring.acknowledge(session, {}));
        PD_CHECK(put_lease(session, epoch, store::PutMode::replace));
    }
    std::vector<Handle> handles;
    for (auto rounds = 1 + random_.below(4); rounds > 0; --rounds) {
        for (auto some = 1 + random_.below(2); some > 0; --some) {
            auto const person = static_cast<int>(random_.below(people));
            auto const domain = keyring.of_subject(std::string(source), name_of(person));
            if (!domain) continue;  // erased under our eyes
            auto const handle = (*domain)->handle();
            created_.try_emplace(
                handle, Created{person, keyring.epoch(), (*domain)->blob_id(as_bytes("probe"))});
            handles.push_back(handle);
        }
        if (random_.chance(500)) PD_CHECK(keyring.flush_additions(session, {}));
        if (random_.chance(300)) scheduler_.sleep(std::chrono::seconds(random_.below(900)));
        if (random_.chance(20)) scheduler_.sleep(std::chrono::hours(30));
        if (random_.chance(500)) {
            PD_TRY(auto const epoch, keyring.acknowledge(session, {}));
            PD_CHECK(put_lease(session, epoch, store::PutMode::replace));
        }
    }
    PD_CHECK(commit(keyring, session, std::move(handles)));
    Retrying authority(homes_.front());
    return authority.remove(lease_name(session), {});
}

void KeyringWorld::write_session() {
    for (auto runs = 1 + random_.below(2); runs > 0; --runs) {
        auto keyring = open();
        if (!keyring) continue;
        static_cast<void>(try_session(**keyring, random_.draw<SessionId>()).has_value());
    }
}

void KeyringWorld::erase_someone() {
    scheduler_.sleep(std::chrono::seconds(random_.below(600)));
    auto keyring = open();
    if (!keyring) return;
    auto const person = static_cast<int>(random_.below(people));
    asked_.insert(person);
    Erasure erasure{person, 0, {}};
    auto report =
        (*keyring)->erase({{std::string(source), name_of(person)}}, options(&erasure.epoch), {});
    if (!report) return;
    erasure.handles = report->erased;
    for (int i = 0; i < 5 && !report->complete; ++i) {
        scheduler_.sleep(std::chrono::seconds(random_.below(7200)));
        report = (*keyring)->settle(options(nullptr), {});
        if (!report) return;
    }
    if (!report->complete) return;
    judge_absence(erasure.handles, "when it was reported");
    completed_.push_back(std::move(erasure));
}

void KeyringWorld::rotate() {
    scheduler_.sleep(std::chrono::seconds(random_.below(600)));
    auto keyring = open();
    if (keyring) static_cast<void>((*keyring)->rotate(options(nullptr), {}).has_value());
}

void KeyringWorld::tend_slots() {
    auto keyring = open();
    if (!keyring) return;
    auto const added = (*keyring)->add_slot({spare_, "spare"}, options(nullptr), {});
    if (!added || random_.chance(500)) return;
    static_cast<void>((*keyring)->remove_slot(*added, options(nullptr), {}).has_value());
}

void KeyringWorld::settle_often() {
    for (int i = 0; i < 3; ++i) {
        scheduler_.sleep(std::chrono::seconds(random_.below(1200)));
        auto keyring = open();
        if (keyring) static_cast<void>((*keyring)->settle(options(nullptr), {}).has_value());
    }
}

std::string KeyringWorld::run() {
    for (auto& home : homes_) home->hostility = {0, 0, 0, 0, 0, 0};
    if (auto const made = Keyring::create(place(), {secret_, "disk"}, outside_, {}); !made) {
        return "cannot create: " + made.error().message();
    }
    for (auto& home : homes_) {
        home->hostility = {};
        home->hostility.stale_listing = broken_.stale_listing;
    }
    auto const writers = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < writers; ++i) scheduler_.spawn([this] { write_session(); });
    auto const erasers = random_.below(3);
    for (std::uint64_t i = 0; i < erasers; ++i) scheduler_.spawn([this] { erase_someone(); });
    if (random_.chance(250)) scheduler_.spawn([this] { rotate(); });
    if (random_.chance(150)) scheduler_.spawn([this] { tend_slots(); });
    if (random_.chance(300)) scheduler_.spawn([this] { settle_often(); });
    scheduler_.run();
    judge();
    return complaint_;
}

}  // namespace perdure::simulation
