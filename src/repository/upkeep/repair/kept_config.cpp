#include "repository/upkeep/repair/kept_config.h"

#include "repository/config_object.h"
#include "repository/keyring/loaded.h"
#include "repository/triple.h"

namespace perdure::repository {

namespace {

constexpr store::ObjectName::value_type const* config_name = "config";
constexpr std::uint64_t config_file_bytes_max = 1 << 20;

system::Path file_of(system::Path const& cache_folder, RepositoryId const& repository) {
    return cache_folder / to_hex(repository) / "config";
}

bool is_lost(store::ObjectStore& store, std::stop_token stop) {
    auto const there = repository_at(store, std::move(stop));
    if (there) return !*there;
    return there.error().fault() == Fault::corrupt || there.error().fault() == Fault::exhausted;
}

/// What the newest manifest that can be read says of its repository; nobody needs a key for it.
Result<std::optional<Manifest>> newest_header(store::ObjectStore& store, std::stop_token stop) {
    PD_TRY(auto epochs, list_epochs(store, stop));
    for (auto epoch = epochs.rbegin(); epoch != epochs.rend(); ++epoch) {
        if (epoch->tombstone) continue;
        auto const stored = read_manifest(store, epoch->epoch, stop);
        if (!stored || stored->tombstone) continue;
        if (auto header = read_manifest_header(stored->bytes))
            return std::optional(*std::move(header));
    }
    return std::optional<Manifest>();
}

}  // namespace

void keep_config(system::Path const& cache_folder, RepositoryId const& repository, ByteView body) {
    if (cache_folder.empty()) return;
    auto const file = file_of(cache_folder, repository);
    if (system::exists(file) || !system::make_folders(file.parent_path())) return;
    static_cast<void>(system::write_file(file, body));
}

Result<std::optional<Mended>> put_back_config(store::ObjectStore& store,
                                              system::Path const& cache_folder, bool dry_run,
                                              std::stop_token stop) {
    std::optional<Mended> none;
    if (cache_folder.empty() || !is_lost(store, stop)) return none;
    PD_TRY(auto const header, newest_header(store, stop));
    if (!header) return none;
    auto const kept =
        system::read_file(file_of(cache_folder, header->repository), config_file_bytes_max);
    if (!kept || crypto::sha256(*kept) != header->config_hash) return none;
    if (!dry_run) PD_CHECK(put_triple(store, config_name, *kept, store::PutMode::replace, stop));
    return std::optional(Mended{config_name, "what this machine remembers of it"});
}

}  // namespace perdure::repository
