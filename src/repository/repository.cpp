#include "repository/repository.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "repository/config_object.h"
#include "repository/keyring/homes.h"
#include "repository/pins.h"
#include "repository/session.h"
#include "repository/snapshot_object.h"
#include "repository/triple.h"
#include "repository/upkeep/repair/kept_config.h"
#include "store/own_names.h"
#include "store/wrap/read_only.h"

namespace perdure::repository {

namespace {

constexpr std::uint64_t config_bytes_max = 64u << 10;
store::ObjectName const config_name = "config";
store::ObjectName const readme_name = "readme.txt";
constexpr std::string_view readme =
    "This folder is an encrypted perdure repository. Nothing in it can be read without one of its\n"
    "keys, and nothing in it should be changed or deleted by hand. To look inside:\n"
    "  perdure backup list\n"
    "The format is described in docs/FORMAT.md of the perdure sources.\n";

Error no_repository(store::ObjectStore& store) {
    return fail(Fault::not_found, "there is no repository at " + store.describe())
        .with_code(10)
        .with_fix("check the location, or make one with: perdure init");
}

/// Puts the error into the words and numbers that users of open() know.
Error classified(Error error, std::string_view doing) {
    if (error.code() == 0 && error.fault() == Fault::unavailable) {
        error = std::move(error).with_code(13);
    }
    if (error.code() == 0 && error.fault() == Fault::corrupt) {
        error = std::move(error).with_code(14);
    }
    return std::move(error).within(doing);
}

Result<Untripled> read_config(store::ObjectStore& store, std::stop_token stop) {
    auto config = get_triple(store, config_name, config_bytes_max, stop);
    if (config) return config;
    if (config.error().fault() == Fault::not_found) return no_repository(store);
    return classified(config.error(), "opening the repository");
}

class OpenRepository final : public Repository {
public:
    OpenRepository(std::shared_ptr<store::ObjectStore> store, RepositoryConfig config,
                   std::unique_ptr<Keyring> keyring, OpenOptions options, Outside outside)
        : store_(std::move(store)),
          config_(std::move(config)),
          keyring_(std::move(keyring)),
          options_(std::move(options)),
          outside_(outside) {}

    Result<void> load_index(std::stop_token stop) {
        std::vector<store::ObjectName> damaged;
        system::Path const cache = options_.cache_folder.empty()
                                       ? system::Path{}
                                       : options_.cache_folder / to_hex(config_.repository);
        PD_TRY(index_, Index::open({.source = {*store_, config_.repository, keyring_->common()},
                                    .cache_folder = cache,
                                    .random = &outside_.random},
                                   &damaged, stop));
        blobs_ = make_blob_reader(
            {.index = index_, .look_further = options_.read_only, .on_damage = {}});
        if (index_->cache_folder().empty()) options_.cache_folder.clear();
        // Segments that open nowhere are made again from the packs; who may not write them, and
        // where somebody lost the folder of the index, reads in the packs what they told.
        bool mended = damaged.empty();
        if (!mended && !options_.read_only) {
            auto const rebuilt = index_->rebuild(&damaged, stop);
            if (!rebuilt && rebuilt.error().fault() != Fault::denied) return rebuilt.error();
            mended = rebuilt.has_value();
        }
        if (mended && index_->segment_count() > 0) return {};
        return index_->adopt_orphans(Index::Orphans::only_here, stop);
    }

    RepositoryId const& id() const override { return config_.repository; }
    store::ObjectStore& store() override { return *store_; }
    Domains& domains() override { return *keyring_; }
    Keyring& keyring() override { return *keyring_; }
    std::shared_ptr<Index> index() override { return index_; }
    Outside outside() const override { return outside_; }
    bool parity() const override { return config_.parity; }
    Timestamp created() const override { return config_.created; }
    BlobReader& blobs() override { return *blobs_; }
    ReadContext read_context() override {
        return ReadContext{.blobs = *blobs_,
                           .domains = *keyring_,
                           .threads = options_.threads,
                           .spill_folder = options_.cache_folder};
    }

    Result<std::vector<Snapshot>> snapshots(std::vector<data::Problem>* damaged,
                                            std::stop_token stop) override {
        std::vector<store::ObjectInfo> found;
        PD_CHECK(store_->list(
            "snapshot/",
            [&](store::ObjectInfo const& info) -> Result<void> {
                if (store::is_own_name(info.name)) found.push_back(info);
                return {};
            },
            stop));
        std::vector<Snapshot> all;
        for (store::ObjectInfo const& info : found) {
            auto snapshot = read_snapshot(info, stop);
            if (snapshot) {
                if (*snapshot) all.push_back(std::move(**snapshot));
                continue;
            }
            Fault const fault = snapshot.error().fault();
            bool const of_this_object = fault == Fault::corrupt || fault == Fault::unsupported ||
                                        fault == Fault::exhausted || fault == Fault::invalid;
            if (!of_this_object) return snapshot.error();
            if (damaged != nullptr) damaged->push_back({info.name, snapshot.error().message()});
        }
        PD_CHECK(require_epoch_of(all, stop));
        std::ranges::sort(all, {}, [](Snapshot const& snapshot) {
            return std::pair(snapshot.started, snapshot.session);
        });
        return all;
    }

    Result<std::unique_ptr<BackupSession>> begin(std::stop_token stop) override {
        if (config_.read_only_features != 0) {
            return fail(Fault::unsupported,
                        fmt::format("the repository has features ({:#x}) that this program may "
                                    "read but not write",
                                    config_.read_only_features))
                .with_code(1)
                .with_fix("use the perdure release that wrote the repository, or a newer one");
        }
        if (options_.read_only) {
            return fail(Fault::denied, "the repository was opened for reading only");
        }
        return begin_session({.repository = *this,
                              .keyring = *keyring_,
                              .index = index_,
                              .outside = outside_,
                              .options = options_,
                              .parity = config_.parity},
                             stop);
    }

    Result<void> remove_snapshot(SessionId const& id, std::stop_token stop) override {
        store::ObjectName const name = snapshot_name(id);
        auto const found = get_triple(*store_, name, snapshot_bytes_max, stop);
        if (found && is_tombstone(found->body)) return {};
        // A damaged snapshot can be removed as well, an absent or unreachable one cannot.
        if (!found && found.error().fault() != Fault::corrupt) return found.error();
        PD_CHECK(check_unpinned(id, stop));
        // Who pins puts the pin, then looks whether this was said; we the other way round: one of
        // us sees the other, before anything is gone.
        auto const announced = std::chrono::steady_clock::now();
        PD_CHECK(announce_deletion(*store_, id, outside_.clock.now(), stop));
        auto done = bury(id, found ? &found->body : nullptr, announced, stop);
        (void)store_->remove(lease_name(id), {});  // left behind it only delays a pin
        return done;
    }

private:
    Result<void> bury(SessionId const& id, Bytes const* body,
                      std::chrono::steady_clock::time_point announced, std::stop_token stop) {
        PD_CHECK(check_unpinned(id, stop));
        if (std::chrono::steady_clock::now() - announced > deletion_time / 2) {
            return fail(Fault::unavailable,
                        "the store took so long that somebody may have pinned "
                        "the snapshot: nothing was deleted");
        }
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        // From here on not stopped by Ctrl-C: it would be gone at the first of several
        // destinations, and whoever stopped would be told that it stays. Nor below: a program of
        // before does not look what was said, and somebody was told that it is pinned.
        store::ObjectName const name = snapshot_name(id);
        PD_CHECK(put_triple(*store_, name, tombstone_body(outside_.clock.now()),
                            store::PutMode::replace, {}));
        auto const still = check_unpinned(id, {});
        if (still || still.error().fault() != Fault::denied || !body) return {};
        PD_CHECK(put_triple(*store_, name, *body, store::PutMode::replace, {}));
        return still;
    }

    Result<void> check_unpinned(SessionId const& id, std::stop_token stop) {
        PD_TRY(auto const reason,
               pinned(*store_, {config_.repository, keyring_->common()}, id, stop));
        if (!reason) return {};
        return fail(Fault::denied, "the snapshot is pinned: " + *reason)
            .with_fix("remove the pin first");
    }

    /// Empty for a tombstone, or when it was removed since it was listed.
    Result<std::optional<Snapshot>> read_snapshot(store::ObjectInfo const& info,
                                                  std::stop_token stop) {
        auto const session_hex = std::string_view(info.name).substr(info.name.find('/') + 1);
        PD_TRY(SessionId const session, session_from_hex(session_hex));
        auto const cached = cache_.find(info.name);
        if (cached != cache_.end() && cached->second.received == info.modified) {
            return std::optional<Snapshot>(cached->second);
        }
        if (info.size_bytes == tombstone_object_bytes) PD_CHECK(check_tombstone(info.name, stop));
        auto const body = get_triple(*store_, info.name, snapshot_bytes_max, stop);
        if (!body) {
            if (body.error().fault() == Fault::not_found) return std::optional<Snapshot>();
            return body.error();
        }
        if (is_tombstone(body->body)) return std::optional<Snapshot>();
        auto opened = open_body(body->body, session);
        if (!opened && opened.error().fault() == Fault::corrupt) {
            // Whole, and not this snapshot: somebody's copy of another. The next may have it.
            auto const take = [&](Bytes const& object) -> Result<void> {
                PD_TRY(Untripled const other, read_triple(object, snapshot_bytes_max));
                PD_TRY(Snapshot right, open_body(other.body, session));
                opened = std::move(right);
                return {};
            };
            (void)read_elsewhere(*store_, info.name, 4 * snapshot_bytes_max, take, stop);
        }
        PD_TRY(Snapshot snapshot, std::move(opened));
        snapshot.received = info.modified;
        cache_.insert_or_assign(info.name, snapshot);
        return std::optional<Snapshot>(std::move(snapshot));
    }

    /// One that is damaged stands for a deletion all the same: a destination that missed this does
    /// not bring the snapshot back.
    Result<void> check_tombstone(store::ObjectName const& name, std::stop_token stop) {
        auto const object = store::read_all(*store_, name, tombstone_object_bytes, stop);
        bool const damaged = object && object->size() == tombstone_object_bytes &&
                             !read_triple(*object, tombstone_object_bytes);
        if (!damaged) return {};
        return fail(Fault::corrupt, "it was deleted or given up, and its tombstone is damaged")
            .with_code(14)
            .with_fix("perdure repo repair");
    }

    /// Keys may have been changed since the keyring was read: only one that is older than a
    /// snapshot when it is looked at again was set back.
    Result<void> require_epoch_of(std::vector<Snapshot> const& all, std::stop_token stop) {
        std::uint64_t demanded = 0;
        for (Snapshot const& snapshot : all) demanded = std::max(demanded, snapshot.min_epoch);
        if (keyring_->require_epoch(demanded)) return {};
        PD_CHECK(keyring_->refresh(stop));
        return keyring_->require_epoch(demanded);
    }

    Result<Snapshot> open_body(ByteView body, SessionId const& session) {
        return open_snapshot(
            body, session, {config_.repository, keyring_->common()},
            [&](crypto::Digest const& writer) { return keyring_->writer_key(writer); });
    }

    std::shared_ptr<store::ObjectStore> store_;
    RepositoryConfig config_;
    std::unique_ptr<Keyring> keyring_;
    OpenOptions options_;
    Outside outside_;
    std::shared_ptr<Index> index_;
    std::unique_ptr<BlobReader> blobs_;
    std::map<store::ObjectName, Snapshot> cache_;  ///< immutable objects, by name
};

constexpr std::chrono::minutes creation_lifetime{1};

/// Writes the config of a new repository. A config without a keyring is a creation that broke off
/// (nothing was ever stored under it), unless it is so young that another one may be at work.
Result<void> put_config(store::ObjectStore& store, ByteView body, std::stop_token stop) {
    auto const put = put_triple(store, config_name, body, store::PutMode::if_absent, stop);
    if (put || put.error().fault() != Fault::conflict) return put;
    PD_TRY(auto const info, store.head(config_name, stop));
    PD_TRY(Timestamp const now, store.now(stop));
    if (now - info.modified < creation_lifetime) {
        return fail(Fault::conflict,
                    "a repository is being made at " + store.describe() + " at this moment")
            .with_fix("wait a minute and try again, if that was interrupted");
    }
    return put_triple(store, config_name, body, store::PutMode::replace, stop);
}

}  // namespace

Result<void> Repository::create(std::shared_ptr<store::ObjectStore> store, KeySecret const& secret,
                                CreateOptions const& options, Outside outside,
                                std::stop_token stop) {
    PD_TRY(bool const taken, holds_objects(*store, stop));
    if (taken) {
        return fail(Fault::conflict, "there is a repository at " + store->describe() + " already");
    }
    RepositoryConfig config;
    config.repository = outside.random.draw<RepositoryId>();
    config.destination = outside.random.draw<DestinationId>();
    config.created = outside.clock.now();
    config.parity = options.parity;
    config.label = options.label;
    Bytes const body = config.encode();
    PD_CHECK(put_config(*store, body, stop));
    auto const keyring = Keyring::create(
        {.homes = {store},
         .repository = config.repository,
         .config_hash = crypto::sha256(body),
         .pin_file = {}},
        {.secret = secret, .label = options.label, .cost = options.cost}, outside, stop);
    if (!keyring) {
        // Stopped, or refused: nobody should have to wait for what is known to have broken off.
        auto const more = holds_objects(*store, {});
        if (more && !*more) static_cast<void>(store->remove(config_name, {}));
        return keyring.error();
    }
    return store->put(readme_name, as_bytes(readme), store::PutMode::replace, stop);
}

Result<std::unique_ptr<Repository>> Repository::open(std::shared_ptr<store::ObjectStore> store,
                                                     KeySecret const& secret, OpenOptions options,
                                                     Outside outside, std::stop_token stop) {
    PD_TRY(Untripled const body, read_config(*store, stop));
    PD_TRY(RepositoryConfig config, RepositoryConfig::decode(body.body));
    if (config.read_only_features != 0) {  // docs/FORMAT.md "Preamble"
        store = store::read_only(std::move(store));
        options.read_only = true;
    }
    auto keyring = Keyring::open({.homes = {store},
                                  .repository = config.repository,
                                  .config_hash = crypto::sha256(body.body),
                                  .pin_file = pin_file_of(options.cache_folder, config.repository)},
                                 secret, outside, stop);
    if (!keyring) {
        if (keyring.error().fault() == Fault::not_found) {
            // What is written last is missing as well: it was never finished.
            PD_TRY(bool const begun, holds_objects(*store, stop));
            if (!begun && !store->head(readme_name, stop)) {
                return fail(Fault::not_found, "the repository at " + store->describe() +
                                                  " holds nothing, not even a keyring: making it "
                                                  "broke off, or its keys are elsewhere")
                    .with_code(10)
                    .with_fix("perdure init; or open it together with a key home");
            }
            return fail(Fault::corrupt,
                        "there is no keyring at " + store->describe() +
                            ": it was lost, or this is a destination without keys (keys = false)")
                .with_code(14)
                .with_fix(
                    "open it together with a key home (leave --destination out), or put the "
                    "folder keyring back from a copy of the repository");
        }
        return classified(keyring.error(), "opening the keyring");
    }
    auto const cache_folder = options.cache_folder;
    auto const id = config.repository;
    auto repository = std::make_unique<OpenRepository>(
        std::move(store), std::move(config), std::move(*keyring), std::move(options), outside);
    auto const loaded = repository->load_index(stop);
    if (!loaded) return classified(loaded.error(), "opening the index");
    keep_config(cache_folder, id, body.body);
    return std::unique_ptr<Repository>(std::move(repository));
}

}  // namespace perdure::repository
