#include "repository/keyring/homes.h"

#include <algorithm>
#include <set>

#include "repository/config_object.h"
#include "repository/triple.h"

namespace perdure::repository {

namespace {

using Names = std::set<store::ObjectName>;

constexpr std::uint64_t config_bytes_max = 1 << 16;
constexpr std::uint64_t gap_epochs = 64;
constexpr std::chrono::seconds orphan_age = std::chrono::days(7);
constexpr std::chrono::seconds tombstone_age = std::chrono::days(366);

bool is(Result<void> const& result, Fault fault) {
    return !result && result.error().fault() == fault;
}

Result<Names> list_names(store::ObjectStore& home, std::string const& prefix,
                         std::stop_token const& stop) {
    Names names;
    PD_CHECK(home.list(
        prefix,
        [&](store::ObjectInfo const& info) -> Result<void> {
            names.insert(info.name);
            return {};
        },
        stop));
    return names;
}

/// The first readable body of an object over all homes but the one that misses it.
Result<Bytes> fetch(HomeWork const& work, store::ObjectName const& name, std::uint64_t bytes_max,
                    std::stop_token const& stop) {
    std::optional<Error> last;
    for (auto const& home : work.place.homes) {
        if (home.get() == &work.home && work.place.homes.size() > 1) continue;
        auto body = get_triple(*home, name, bytes_max, stop);
        if (body) return std::move(body->body);
        last = body.error();
    }
    return *std::move(last);
}

/// Copies one immutable object. A name that is taken already is left alone: it holds the same
/// bytes, or a tombstone that must win.
Result<void> copy(HomeWork const& work, store::ObjectName const& name, std::uint64_t bytes_max,
                  std::stop_token const& stop) {
    PD_TRY(Bytes const body, fetch(work, name, bytes_max, stop));
    auto put = put_triple(work.home, name, body, store::PutMode::if_absent, stop);
    if (is(put, Fault::conflict)) return {};
    return put;
}

/// The keyring as this home alone shows it.
Result<LoadedPtr> open_at_home(HomeWork const& work, std::stop_token const& stop) {
    KeyringPlace alone = work.place;
    alone.homes = {};
    for (auto const& home : work.place.homes) {
        if (home.get() == &work.home) alone.homes.push_back(home);
    }
    PD_ASSERT(alone.homes.size() == 1);
    return load_keyring({alone, work.key, nullptr, work.current.epoch()}, stop);
}

Result<void> expect_current(HomeWork const& work, Loaded const& found) {
    if (found.epoch() == work.current.epoch() &&
        found.manifest.hash == work.current.manifest.hash) {
        return {};
    }
    return fail(Fault::conflict, "the key home holds another epoch: somebody else is changing it");
}

/// True when the tombstone of an epoch stands there now.
Result<void> bury_manifest(store::ObjectStore& home, std::uint64_t epoch, ByteView tombstone,
                           std::stop_token const& stop) {
    auto const name = manifest_name(epoch);
    auto const stored = read_manifest(home, epoch, stop);
    if (stored && stored->tombstone) return {};
    if (!stored && stored.error().fault() == Fault::not_found) {
        // A delayed copy of it must not land here later.
        auto put = put_triple(home, name, tombstone, store::PutMode::if_absent, stop);
        if (!is(put, Fault::conflict)) return put;
    } else if (!stored && stored.error().fault() != Fault::corrupt) {
        return stored.error();
    }
    PD_CHECK(put_triple(home, name, tombstone, store::PutMode::replace, stop));
    PD_TRY(auto const after, read_manifest(home, epoch, stop));
    if (!after.tombstone) return fail(Fault::internal, "a destroyed manifest can still be read");
    return {};
}

/// Shards that older manifests of this home name and the current one does not. Taken from manifests
/// alone, never from a listing: a listed shard unknown to us may belong to an epoch being made.
Result<Names> replaced_shards(HomeWork const& work, std::vector<std::uint64_t> const& epochs,
                              std::stop_token const& stop) {
    Names replaced;
    for (auto const epoch : epochs) {
        auto const stored = read_manifest(work.home, epoch, stop);
        if (!stored && stored.error().fault() == Fault::unavailable) return stored.error();
        if (!stored || stored->tombstone) continue;
        auto const opened = open_manifest(stored->bytes, *work.key.opener);
        if (!opened) continue;  // its shards go by age
        for (ShardRef const& ref : opened->body.shards) replaced.insert(shard_name(ref.name));
    }
    for (ShardRef const& ref : work.current.body().shards) replaced.erase(shard_name(ref.name));
    return replaced;
}

/// Shards that no manifest names, left by changes that lost their race or crashed.
Result<void> remove_orphans(HomeWork const& work, std::stop_token const& stop) {
    Names kept;
    for (ShardRef const& ref : work.current.body().shards) kept.insert(shard_name(ref.name));
    PD_TRY(Timestamp const now, work.home.now(stop));
    Names orphans;
    PD_CHECK(work.home.list(
        "keyring/s/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (!kept.contains(info.name) && now - info.modified > orphan_age) {
                orphans.insert(info.name);
            }
            return {};
        },
        stop));
    for (auto const& name : orphans) PD_CHECK(work.home.remove(name, stop));
    return {};
}

struct Stored {
    std::set<Handle> live, dead;  ///< of the shards alone
};

/// Everything an addition brought is in the shards or the manifest now.
bool is_folded(Loaded const& current, Stored const& stored, FoundAddition const& addition) {
    if (!addition.set) return false;
    return std::ranges::all_of(addition.set->entries,
                               [&](Entry const& each) {
                                   return stored.live.contains(each.handle) ||
                                          stored.dead.contains(each.handle);
                               }) &&
           std::ranges::all_of(
               addition.set->tombstones,
               [&](Tombstone const& each) { return stored.dead.contains(each.handle); }) &&
           std::ranges::all_of(addition.writers, [&](Writer const& writer) {
               return std::ranges::any_of(current.body().writers, [&](Writer const& each) {
                   return each.pair.open == writer.pair.open;
               });
           });
}

Result<void> bury_additions(HomeWork const& work, ByteView tombstone, std::stop_token const& stop) {
    for (auto const& name : folded_into(work.current, work.current.additions)) {
        PD_CHECK(put_triple(work.home, name, tombstone, store::PutMode::replace, stop));
    }
    PD_TRY(Timestamp const now, work.home.now(stop));
    Names old;
    PD_CHECK(work.home.list(
        "keyring/a/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            bool const buried = info.size_bytes == tombstone_object_bytes;
            if (buried && now - info.modified > tombstone_age) old.insert(info.name);
            return {};
        },
        stop));
    for (auto const& name : old) PD_CHECK(work.home.remove(name, stop));
    return {};
}

}  // namespace

std::set<store::ObjectName> folded_into(
    Loaded const& current, std::map<store::ObjectName, FoundAddition> const& additions) {
    Names names;
    if (additions.empty()) return names;
    Stored stored;
    for (auto const& shard : current.shards) {
        for (Entry const& entry : shard->entries) stored.live.insert(entry.handle);
        for (Tombstone const& each : shard->tombstones) stored.dead.insert(each.handle);
    }
    for (auto const& [name, addition] : additions) {
        if (is_folded(current, stored, addition)) names.insert(name);
    }
    return names;
}

system::Path pin_file_of(system::Path const& cache_folder, RepositoryId const& repository) {
    return cache_folder.empty() ? system::Path{} : cache_folder / to_hex(repository) / "pin";
}

Result<KeyringPlace> keyring_place(std::shared_ptr<store::ObjectStore> const& store,
                                   std::vector<store::ObjectStore*> const& homes,
                                   system::Path const& cache_folder, std::stop_token stop) {
    PD_TRY(Untripled const body, get_triple(*store, "config", config_bytes_max, stop));
    PD_TRY(RepositoryConfig const config, RepositoryConfig::decode(body.body));
    KeyringPlace place{.homes = {},
                       .repository = config.repository,
                       .config_hash = crypto::sha256(body.body),
                       .pin_file = pin_file_of(cache_folder, config.repository)};
    for (store::ObjectStore* home : homes) place.homes.emplace_back(store, home);
    return place;
}

Result<void> bring_home_up(HomeWork const& work, std::stop_token stop) {
    PD_TRY(auto const additions, list_names(work.home, "keyring/a/", stop));
    for (auto const& [name, addition] : work.current.additions) {
        if (additions.contains(name) || addition.damaged) continue;
        auto copied = copy(work, name, addition_bytes_max, stop);
        if (!copied && !is(copied, Fault::not_found)) return copied;
    }
    auto const stored = read_manifest(work.home, work.current.epoch(), stop);
    bool const absent = !stored && stored.error().fault() == Fault::not_found;
    if (!stored && !absent) return stored.error();
    if (absent) {
        PD_TRY(auto const shards, list_names(work.home, "keyring/s/", stop));
        for (ShardRef const& ref : work.current.body().shards) {
            auto const name = shard_name(ref.name);
            if (!shards.contains(name)) PD_CHECK(copy(work, name, shard_bytes_max, stop));
        }
        PD_CHECK(copy(work, manifest_name(work.current.epoch()), manifest_bytes_max, stop));
    }
    PD_TRY(LoadedPtr const found, open_at_home(work, stop));
    return expect_current(work, *found);
}

Result<void> delete_replaced(HomeWork const& work, std::stop_token stop) {
    auto const current = work.current.epoch();
    PD_TRY(auto const listed, list_epochs(work.home, stop));
    std::set<std::uint64_t> buried;
    std::vector<std::uint64_t> epochs;
    for (ListedEpoch const& each : listed) {
        if (each.epoch >= current) continue;
        if (each.tombstone) {
            buried.insert(each.epoch);
        } else {
            epochs.push_back(each.epoch);
        }
    }
    for (auto epoch = current > gap_epochs ? current - gap_epochs : 1; epoch < current; ++epoch) {
        bool const known =
            buried.contains(epoch) || std::ranges::find(epochs, epoch) != epochs.end();
        if (!known) epochs.push_back(epoch);
    }
    PD_TRY(auto const shards, replaced_shards(work, epochs, stop));
    for (auto const& name : shards) PD_CHECK(work.home.remove(name, stop));
    PD_TRY(Timestamp const now, work.home.now(stop));
    Bytes const tombstone = tombstone_body(now);
    for (auto const epoch : epochs) PD_CHECK(bury_manifest(work.home, epoch, tombstone, stop));
    PD_CHECK(bury_additions(work, tombstone, stop));
    return remove_orphans(work, stop);
}

Result<void> check_replaced(store::ObjectStore& place, std::uint64_t epoch, std::stop_token stop) {
    PD_TRY(auto const listed, list_epochs(place, stop));
    bool current = false;
    for (ListedEpoch const& each : listed) {
        if (each.epoch == epoch) current = !each.tombstone;
        if (each.epoch >= epoch || each.tombstone) continue;
        return fail(Fault::conflict, "it missed the change and still holds the old keys")
            .with_fix("perdure backup sync");
    }
    if (current) return {};
    return fail(Fault::conflict, "it does not hold the new epoch").with_fix("perdure backup sync");
}

}  // namespace perdure::repository
