// Reading a keyring while others change it.
//
// 1. Epochs have no gaps: a manifest is replaced by a tombstone, never removed. So after the
//    highest listed number the next ones are asked for by name until one is absent: a stale listing
//    may hide the newest, a read by name does not.
// 2. The highest manifest that opens wins. One that is damaged is stepped over for reading, and
//    remembered (damaged_above): building upon an older one would undo what the damaged one erased.
// 3. A shard that vanished while it was wanted means that somebody was faster: start again.
#include <algorithm>
#include <charconv>
#include <set>

#include "repository/keyring/loaded.h"
#include "repository/triple.h"
#include "store/own_names.h"

namespace perdure::repository {

namespace {

constexpr std::string_view manifest_prefix = "keyring/m/";
constexpr std::string_view addition_prefix = "keyring/a/";
constexpr int attempts_max = 6;
constexpr std::size_t additions_max = 1'000'000;

Error no_keyring() {
    return fail(Fault::not_found, "there is no keyring here")
        .with_code(10)
        .with_fix("perdure init, or correct the destination's path");
}

bool is_passing(Error const& error) {
    return error.fault() == Fault::unavailable || error.fault() == Fault::cancelled;
}

/// One manifest as the homes hold it.
struct Candidate {
    std::vector<Bytes> versions;  ///< different ones, if a fork
    bool tombstone = false;
    bool present = false;
};

Result<Candidate> gather(KeyringPlace const& place, std::uint64_t epoch, std::size_t* unreachable,
                         std::stop_token const& stop) {
    Candidate candidate;
    for (auto const& home : place.homes) {
        auto stored = read_manifest(*home, epoch, stop);
        if (!stored) {
            if (stored.error().fault() == Fault::not_found) continue;
            if (stored.error().fault() == Fault::cancelled) return stored.error();
            if (is_passing(stored.error())) {
                if (++*unreachable >= place.homes.size()) return stored.error();
                continue;
            }
            candidate.present = true;  // there, but damaged
            continue;
        }
        candidate.present = true;
        if (stored->tombstone) {
            candidate.tombstone = true;
        } else if (std::ranges::find(candidate.versions, stored->bytes) ==
                   candidate.versions.end()) {
            candidate.versions.push_back(std::move(stored->bytes));
        }
    }
    return candidate;
}

class Loader {
public:
    Loader(LoadRequest const& request, std::stop_token stop)
        : request_(request), stop_(std::move(stop)) {}

    /// Empty: somebody was faster, try again.
    Result<std::shared_ptr<Loaded>> once();

private:
    Result<void> list();
    Result<std::uint64_t> highest_below(std::uint64_t limit);
    Result<OpenedManifest> open(Bytes const& bytes);
    Result<std::shared_ptr<Loaded>> complete(OpenedManifest manifest);
    Result<EntrySetPtr> shard(ShardRef const& ref);
    Result<void> additions(Loaded& loaded);
    Result<void> take_addition(Loaded& loaded, store::ObjectStore& home,
                               store::ObjectName const& name);
    EntrySetPtr shard_read_before(ShardRef const& ref) const;

    LoadRequest const& request_;
    std::stop_token stop_;
    std::set<std::uint64_t> listed_;  ///< numbers in use, tombstones included
};

Result<void> Loader::list() {
    std::size_t unreachable = 0;
    for (auto const& home : request_.place.homes) {
        auto const epochs = list_epochs(*home, stop_);
        if (!epochs) {
            if (!is_passing(epochs.error()) || stop_.stop_requested()) return epochs.error();
            if (++unreachable == request_.place.homes.size()) return epochs.error();
            continue;
        }
        for (ListedEpoch const& each : *epochs) listed_.insert(each.epoch);
    }
    // What we saw before, should the listing be older.
    if (request_.before) listed_.insert(request_.before->epoch_seen);
    return {};
}

/// The highest number in use below the limit; 0 when there is none. By name from the listed one on.
Result<std::uint64_t> Loader::highest_below(std::uint64_t limit) {
    auto const end = listed_.lower_bound(limit);
    std::uint64_t top = end == listed_.begin() ? 0 : *std::prev(end);
    for (auto next = std::max(top + 1, request_.epoch_least); next < limit; ++next) {
        std::size_t unreachable = 0;
        PD_TRY(Candidate const candidate, gather(request_.place, next, &unreachable, stop_));
        if (!candidate.present) break;
        top = next;
    }
    return top;
}

Result<OpenedManifest> Loader::open(Bytes const& bytes) {
    if (!request_.key.opener) {
        PD_TRY(Manifest const header, read_manifest_header(bytes));
        PD_ASSERT(request_.key.secret != nullptr);
        PD_TRY(request_.key.opener,
               open_slot(header.slots, *request_.key.secret, header.repository));
    }
    auto opened = open_manifest(bytes, *request_.key.opener);
    if (!opened) return opened;
    if (opened->header.repository != request_.place.repository ||
        opened->header.config_hash != request_.place.config_hash) {
        return fail(Fault::corrupt, "the keyring belongs to another repository or config")
            .with_code(14);
    }
    return opened;
}

Result<std::shared_ptr<Loaded>> Loader::once() {
    PD_CHECK(list());
    PD_TRY(auto const top, highest_below(~std::uint64_t{0}));
    if (top == 0) return no_keyring();
    bool damaged = false;
    std::optional<Error> first;
    for (auto next = top; next > 0;) {
        auto const epoch = next--;
        std::size_t unreachable = 0;
        PD_TRY(Candidate const candidate, gather(request_.place, epoch, &unreachable, stop_));
        if (!candidate.present) {  // a gap: somebody else's file lies above, perhaps far above
            PD_TRY(next, highest_below(epoch));
            continue;
        }
        if (candidate.versions.size() > 1) {
            return fail(Fault::conflict, "fork: two homes hold different keyrings of one epoch")
                .with_code(14);
        }
        if (candidate.versions.empty()) {
            if (candidate.tombstone) continue;
            damaged = true;
            continue;
        }
        auto manifest = open(candidate.versions.front());
        if (!manifest) {
            auto const fault = manifest.error().fault();
            if (fault != Fault::corrupt) return manifest.error();
            if (!first) first = manifest.error();
            damaged = true;
            continue;
        }
        auto loaded = complete(*std::move(manifest));
        if (!loaded) {
            if (loaded.error().fault() == Fault::not_found) return std::shared_ptr<Loaded>();
            if (loaded.error().fault() != Fault::corrupt) return loaded.error();
            if (!first) first = loaded.error();
            damaged = true;
            continue;
        }
        (*loaded)->damaged_above = damaged;
        (*loaded)->epoch_seen = top;
        return loaded;
    }
    if (first) return *std::move(first);
    return fail(Fault::corrupt, "no manifest of the keyring can be read").with_code(14);
}

EntrySetPtr Loader::shard_read_before(ShardRef const& ref) const {
    if (!request_.before) return nullptr;
    auto const& refs = request_.before->body().shards;
    auto const at = std::ranges::find(refs, ref.name, &ShardRef::name);
    if (at == refs.end()) return nullptr;
    return request_.before->shards[static_cast<std::size_t>(at - refs.begin())];
}

/// Fails: not_found, when no home has it any more.
Result<EntrySetPtr> Loader::shard(ShardRef const& ref) {
    if (auto known = shard_read_before(ref)) return known;
    std::optional<Error> worst;
    for (auto const& home : request_.place.homes) {
        auto body = get_triple(*home, shard_name(ref.name), shard_bytes_max, stop_);
        if (!body) {
            if (!worst || worst->fault() == Fault::not_found) worst = body.error();
            continue;
        }
        auto set = open_shard(body->body, request_.place.repository, ref);
        if (!set) {
            worst = set.error();
            continue;
        }
        return std::make_shared<EntrySet const>(*std::move(set));
    }
    return *std::move(worst);
}

Result<void> Loader::take_addition(Loaded& loaded, store::ObjectStore& home,
                                   store::ObjectName const& name) {
    if (loaded.additions.contains(name)) return {};
    if (request_.before) {
        auto const at = request_.before->additions.find(name);
        if (at != request_.before->additions.end() && at->second.set) {
            loaded.additions.emplace(*at);
            return {};
        }
    }
    auto const body = get_triple(home, name, addition_bytes_max, stop_);
    if (body && is_tombstone(body->body)) return {};
    FoundAddition found;
    auto addition = body ? open_addition(body->body, request_.place.repository, loaded.body())
                         : Result<Addition>(body.error());
    if (addition) {
        found.inbox_epoch = addition->inbox_epoch;
        found.set = std::make_shared<EntrySet const>(std::move(addition->set));
        found.writers = std::move(addition->writers);
    } else if (body && addition.error().fault() == Fault::denied) {
        PD_TRY(found.inbox_epoch, addition_epoch(body->body));
    } else if (addition.error().fault() == Fault::corrupt ||
               addition.error().fault() == Fault::exhausted) {
        found.damaged = true;  // one bad addition must not lock everyone out
    } else {
        return addition.error();
    }
    loaded.additions.emplace(name, std::move(found));
    return {};
}

Result<void> Loader::additions(Loaded& loaded) {
    for (auto const& home : request_.place.homes) {
        std::set<store::ObjectName> names;
        auto const listed = home->list(
            std::string(addition_prefix),
            [&](store::ObjectInfo const& info) -> Result<void> {
                if (names.size() >= additions_max) {
                    return fail(Fault::exhausted, "too many additions to the keyring");
                }
                bool const dead = info.size_bytes == tombstone_object_bytes;
                if (!dead && store::is_own_name(info.name)) names.insert(info.name);
                return {};
            },
            stop_);
        if (!listed) {
            if (is_passing(listed.error()) && home != request_.place.homes.front()) continue;
            return listed;
        }
        for (auto const& name : names) {
            auto taken = take_addition(loaded, *home, name);
            if (!taken && taken.error().fault() != Fault::not_found) return taken;
        }
        for (auto const& session : request_.known_sessions) {
            for (std::uint32_t number = 0;; ++number) {
                auto taken = take_addition(loaded, *home, addition_name(session, number));
                if (taken) continue;
                if (taken.error().fault() == Fault::not_found) break;
                return taken;
            }
        }
    }
    return {};
}

Result<std::shared_ptr<Loaded>> Loader::complete(OpenedManifest manifest) {
    auto loaded = std::make_shared<Loaded>();
    loaded->manifest = std::move(manifest);
    loaded->shards.reserve(loaded->body().shards.size());
    for (ShardRef const& ref : loaded->body().shards) {
        PD_TRY(EntrySetPtr set, shard(ref));
        loaded->shards.push_back(std::move(set));
    }
    PD_CHECK(additions(*loaded));
    loaded->index();
    return loaded;
}

}  // namespace

Result<StoredManifest> read_manifest(store::ObjectStore& home, std::uint64_t epoch,
                                     std::stop_token stop) {
    PD_TRY(Untripled body, get_triple(home, manifest_name(epoch), manifest_bytes_max, stop));
    bool const tombstone = is_tombstone(body.body);
    return StoredManifest{std::move(body.body), tombstone, body.damaged};
}

Result<std::vector<ListedEpoch>> list_epochs(store::ObjectStore& home, std::stop_token stop) {
    std::vector<ListedEpoch> epochs;
    PD_CHECK(home.list(
        std::string(manifest_prefix),
        [&](store::ObjectInfo const& info) -> Result<void> {
            auto const digits = std::string_view(info.name).substr(manifest_prefix.size());
            std::uint64_t epoch = 0;
            auto const [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), epoch);
            bool const whole = error == std::errc() && end == digits.data() + digits.size();
            if (whole && manifest_name(epoch) == info.name) {
                epochs.push_back({epoch, info.size_bytes == tombstone_object_bytes});
            }
            return {};
        },
        stop));
    std::ranges::sort(epochs, {}, &ListedEpoch::epoch);
    return epochs;
}

Result<LoadedPtr> load_keyring(LoadRequest const& request, std::stop_token stop) {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        PD_TRY(auto loaded, Loader(request, stop).once());
        if (loaded) return LoadedPtr(std::move(loaded));
    }
    return fail(Fault::corrupt, "shards of the keyring are missing").with_code(14);
}

}  // namespace perdure::repository
