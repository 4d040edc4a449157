#include "service/workspace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "base/below.h"
#include "crypto/hash.h"
#include "origin/files/exclude.h"
#include "repository/config_object.h"
#include "repository/keyring/pin.h"
#include "repository/keyring/retire/retire.h"
#include "service/config/units.h"
#include "service/health/screen.h"
#include "service/last_backup.h"
#include "system/path/real_path.h"

namespace perdure::service {
namespace {

std::string environment(char const* name) {
    char const* value = std::getenv(name);
    return value ? value : "";
}

/// A destination folder that is absent. Where backups were made before, its disk is away, and an
/// `init` would begin an empty repository in its place: that advice is for beginners only.
std::string fix_of_absent(Workspace& workspace, DestinationConfig const& destination) {
    if (destination.place.line == 0)
        return "name a folder that holds a repository";  // --destination
    std::string const correct = fmt::format("correct [destination.{}].path ({})", destination.name,
                                            spell_place(workspace.config(), destination.place));
    if (!last_good_backup(workspace)) return "perdure init, or " + correct;
    return "mount or connect its disk, or " + correct;
}

/// $systemd (given by a unit), $xdg or ~/fallback, or below /var for a process without a home.
system::Path standard_folder(char const* systemd, char const* xdg, char const* below_home,
                             char const* below_var) {
    if (auto const given = environment(systemd); !given.empty()) return given;
    if (auto const given = environment(xdg); given.starts_with('/')) {
        return system::Path(given) / "perdure";
    }
    if (auto const home = environment("HOME"); home.starts_with('/') && home != "/") {
        return system::Path(home) / below_home / "perdure";
    }
    return system::Path(below_var) / "perdure";
}

int local_minute() {
    std::time_t const now = std::time(nullptr);
    std::tm parts{};
    localtime_r(&now, &parts);
    return parts.tm_hour * 60 + parts.tm_min;
}

std::uint64_t bytes_of(std::optional<double> mb) {
    return mb ? static_cast<std::uint64_t>(*mb * 1e6) : 0;
}

/// A destination's own rate, or that of the hour: a backup may last from the night into the day.
store::Rate rate_of(std::optional<double> own, RateConfig const& by_hour) {
    if (own) return bytes_of(own);
    if (by_hour.by_hour.empty()) return bytes_of(by_hour.otherwise);
    return store::Rate([by_hour] { return bytes_of(by_hour.at(local_minute())); });
}

/// Empty unless `path` lies below `folder`, however the two are spelled.
std::string path_below(system::Path const& path, system::Path const& folder) {
    auto const inner = system::real_path(path), outer = system::real_path(folder);
    if (inner.empty() || outer.empty()) return {};
    auto const below = inner.lexically_relative(outer).string();
    bool const outside = below == "." || below == ".." || below.starts_with("../");
    return outside ? std::string() : below;
}

/// Whether a folder is another one, or lies in it.
bool is_in(system::Path const& path, system::Path const& folder) {
    return is_below(system::real_path(path), system::real_path(folder));
}

/// The folder that a source's `exclude` is about; empty when it has none.
system::Path folder_read_whole(origin::SourceOptions const& source) {
    return source.type == "files" || source.type == "git" ? source.path : source.media;
}

/// A path below the folder stays out of the source.
void leave_out_of(SourceConfig& source, system::Path const& folder, system::Path const& path) {
    auto const below = path_below(path, folder);
    if (below.empty()) return;
    source.options.exclude.push_back(origin::literal_pattern(below, folder.string()));
}

/// A source that holds its own destination would store yesterday's repository in today's: nothing
/// in there is ever stored twice, so it would grow by itself with every run.
void leave_out(std::vector<DestinationConfig> const& destinations,
               std::vector<SourceConfig>& sources) {
    for (auto& source : sources) {
        auto const folder = folder_read_whole(source.options);
        if (folder.empty()) continue;
        for (auto const& destination : destinations) {
            leave_out_of(source, folder, destination.path);
        }
    }
}

/// The keys to a repository help nobody inside it, and would lie in the open in every copy that is
/// restored from it.
void leave_out_keys(Config const& config, std::vector<SourceConfig>& sources) {
    std::vector<system::Path> keys{config.file.parent_path() / "perdure-recovery.txt"};
    for (auto const& repository : config.repositories) {
        if (repository.key.way == KeyReference::Way::file) keys.emplace_back(repository.key.value);
    }
    for (auto& source : sources) {
        auto const folder = folder_read_whole(source.options);
        if (folder.empty()) continue;
        for (auto const& key : keys) leave_out_of(source, folder, key);
    }
}

void leave_out_database(SourceConfig& source, system::Path const& folder,
                        system::Path const& database) {
    auto const real = system::real_path(database);
    for (auto const* side : {"", "-wal", "-shm", "-journal"}) {
        leave_out_of(source, folder, real.string() + side);
        source.options.kept_as_rows.push_back(real.string() + side);
    }
}

/// What a source of rows reads whole, each row under its person's key and without masked columns,
/// would lie beside that as plain bytes of nobody's, torn where it is written meanwhile. The logs
/// of runs and exports are open in this very process, whose locks a second descriptor would drop.
void leave_out_databases(Config const& config, std::vector<SourceConfig>& sources) {
    std::vector<system::Path> databases{state_folder_of(config.file) / "runs.db",
                                        state_folder_of(config.file) / "exports.db"};
    for (auto const& source : sources) {
        if (source.options.type == "sqlite") databases.push_back(source.options.path);
    }
    for (auto& source : sources) {
        auto const folder = folder_read_whole(source.options);
        if (folder.empty()) continue;
        for (auto const& database : databases) leave_out_database(source, folder, database);
    }
}

/// Likewise the media of people, each under the key of whom it belongs to: as plain files beside
/// that they would be nobody's. Before anything else is left out, for the source of rows must keep
/// all of the folder: what its own `exclude` says is in no other place then. Not where a source is
/// that folder, or lies in it, which config check warns about.
void leave_out_media(std::vector<SourceConfig>& sources) {
    for (auto const& rows : sources) {
        auto const& owner = rows.options;
        bool const of_people = owner.type == "sqlite" && owner.mapping.subjects.has_value();
        if (!of_people || owner.media.empty() || !owner.exclude.empty()) continue;
        for (auto& source : sources) {
            auto& options = source.options;
            bool const less = owner.one_file_system && !options.one_file_system;
            if (options.type != "files" || less || is_in(options.path, owner.media)) continue;
            leave_out_of(source, options.path, owner.media);
            options.kept_as_rows.push_back(owner.media.string());
        }
    }
}

bool looks_like_path(std::string const& text) {
    return text.starts_with('.') || text.find('/') != std::string::npos;
}

}  // namespace

system::Path state_folder_of(system::Path const& config_file) {
    auto const digest = crypto::sha256(as_bytes(config_file.string()));
    return standard_folder("STATE_DIRECTORY", "XDG_STATE_HOME", ".local/state", "/var/lib") /
           to_hex(digest).substr(0, 16);
}

std::string spell_place(Config const& config, Place place) {
    return config.file.filename().string() + ":" + std::to_string(place.line);
}

Result<std::unique_ptr<Workspace>> Workspace::open(WorkspaceOptions options) {
    PD_TRY(Config config, load_config(options.config_file));
    std::unique_ptr<Workspace> out(new Workspace(std::move(options), std::move(config)));
    PD_CHECK(out->choose_destinations());
    leave_out_media(out->config_.sources);
    leave_out(out->config_.destinations, out->config_.sources);
    leave_out(out->destinations_, out->config_.sources);
    leave_out_keys(out->config_, out->config_.sources);
    leave_out_databases(out->config_, out->config_.sources);
    return out;
}

Result<RepositoryConfig const*> Workspace::repository_config() const {
    for (auto const& repository : config_.repositories) {
        auto const& names = repository.destinations;
        if (!options_.destination.empty() &&
            std::ranges::find(names, options_.destination) != names.end()) {
            return &repository;
        }
    }
    if (auto const* chosen = config_.default_repository()) return chosen;
    return fail(Fault::invalid, config_.file.string() + " names no repository")
        .with_code(201)
        .with_fix("add a section [repository.main] with destinations and key");
}

Result<void> Workspace::choose_destinations() {
    auto const repository = repository_config();
    if (!repository) return {};  // commands that need it say so themselves
    auto const& wanted = options_.destination;
    for (auto const& name : (*repository)->destinations) {
        auto const* destination = config_.destination(name);
        if (destination && (wanted.empty() || name == wanted))
            destinations_.push_back(*destination);
    }
    if (!destinations_.empty()) return choose_lenders(**repository);
    if (wanted.empty()) return {};
    if (looks_like_path(wanted) || system::exists(wanted)) {
        std::error_code error;
        DestinationConfig folder;
        folder.name = wanted;
        folder.type = "local";
        folder.path = std::filesystem::absolute(wanted, error).lexically_normal();
        destinations_.push_back(std::move(folder));
        return {};
    }
    std::vector<std::string> names = (*repository)->destinations;
    auto const near = nearest_word(wanted, names);
    return fail(Fault::invalid, "there is no destination \"" + wanted + "\"")
        .with_code(2)
        .with_fix(near.empty() ? "perdure destination list" : "did you mean \"" + near + "\"?");
}

/// A chosen destination without keys can be read by the keyring of the others. Not written: who
/// changes keys looks for running sessions where keys are.
Result<void> Workspace::choose_lenders(RepositoryConfig const& repository) {
    if (std::ranges::any_of(destinations_, &DestinationConfig::keys)) return {};
    std::string homes;
    for (auto const& name : repository.destinations) {
        auto const* destination = config_.destination(name);
        if (!destination || !destination->keys) continue;
        lenders_.push_back(*destination);
        homes += (homes.empty() ? "" : ", ") + name;
    }
    if (options_.read_only) return {};
    auto const& first = destinations_.front();
    return fail(Fault::invalid,
                fmt::format("destination \"{}\" holds no keys (keys = false, {}): it is written "
                            "together with a key home",
                            first.name, spell_place(config_, first.place)))
        .with_code(2)
        .with_fix("leave --destination out; the keys are at " + homes);
}

store::DestinationOptions Workspace::store_options(DestinationConfig const& destination,
                                                   bool create) const {
    store::DestinationOptions one;
    one.name = destination.name;
    one.kind = destination.type;
    one.path = destination.path.string();
    one.create = create;
    one.read_only = options_.read_only;
    one.role = destination.keys ? store::LegRole::whole : store::LegRole::no_keys;
    one.upload_bytes_per_second = rate_of(destination.upload_mb_s, config_.limits.upload);
    one.download_bytes_per_second = rate_of(destination.download_mb_s, config_.limits.download);
    return one;
}

Error Workspace::no_key_home(store::MirrorStore& store) const {
    auto const absent = store::key_places(store).absent_homes;
    auto const& away = absent.empty() ? destinations_.front().name : absent.front();
    auto const* home = config_.destination(away);
    std::string const where =
        home ? fmt::format(" ({}, {})", home->path.string(), spell_place(config_, home->place))
             : "";
    return fail(Fault::unavailable,
                fmt::format("the keys of the repository cannot be reached: key home \"{}\"{} is "
                            "away, and \"{}\" holds none (keys = false)",
                            away, where, destinations_.front().name))
        .with_code(13)
        .with_fix("plug it in or mount it: perdure destination test " + away);
}

Result<std::shared_ptr<store::MirrorStore>> Workspace::store(std::set<std::string> const& to_make) {
    if (store_) return store_;
    PD_CHECK(repository_config());
    std::vector<store::DestinationOptions> options;
    for (auto const& destination : destinations_)
        options.push_back(store_options(destination, to_make.contains(destination.name)));
    for (auto const& lender : lenders_) {
        options.push_back(store_options(lender, false));
        options.back().role = store::LegRole::keys_only;
        options.back().read_only = true;
    }
    auto opened = store::open_mirror(options);
    if (!opened) {
        auto const& error = opened.error();
        bool const absent = error.fault() == Fault::not_found;
        auto const& first = destinations_.front();
        return fail(error.fault(), fmt::format("destination \"{}\" cannot be used\n{}", first.name,
                                               error.message()))
            .with_code(absent ? 10 : 13)
            .with_fix(absent || first.place.line == 0 ? fix_of_absent(*this, first)
                                                      : "perdure destination test " + first.name);
    }
    PD_CHECK(screen_destinations({.store = **opened,
                                  .destinations = config_.destinations,
                                  .state_folder = state_folder(),
                                  .fill_empty = options_.fill_empty,
                                  .stop = stop()}));
    if (store::key_places(**opened).homes.empty()) return no_key_home(**opened);
    store_ = std::move(*opened);
    return store_;
}

Result<repository::KeySecret> Workspace::key(std::string const& question) const {
    PD_TRY(auto const* config, repository_config());
    KeyReference reference = config->key;
    if (!question.empty() && reference.way == KeyReference::Way::prompt) reference.value = question;
    auto secret = load_key(reference, options_.ask_secret, options_.stop);
    if (secret) return secret;
    auto fix = secret.error().fix() + " (" + spell_place(config_, config->key.place) + ")";
    return Error(std::move(secret).error()).with_fix(std::move(fix));
}

Error Workspace::explain_open(Error error) {
    auto const config = repository_config();
    if (!config) return error;
    auto const& name = (*config)->name;
    auto const& first = destinations_.front();
    if (error.code() == 12) {
        return fail(error.fault(), fmt::format("this key does not open repository \"{}\" at {}\n{}",
                                               name, first.path.string(), error.message()))
            .with_code(12)
            .with_fix(fmt::format("correct [repository.{}].key ({}), or use the recovery phrase",
                                  name, spell_place(config_, (*config)->key.place)));
    }
    if (error.code() == 10) {
        auto const objects =
            store_ ? repository::holds_objects(*store_, stop()) : Result<bool>(false);
        if (objects && *objects) {
            return fail(
                       Fault::corrupt,
                       fmt::format("the config of the repository at {} is lost\nits packs, keys or "
                                   "snapshots are there",
                                   first.path.string()))
                .with_code(10)
                .with_fix(
                    "perdure repo repair, on a machine that used it before; else put the file "
                    "config back from a copy of the repository");
        }
        bool const broke_off = store_ && store_->head("config", stop());
        return fail(error.fault(),
                    fmt::format("{} holds no repository\n{}", first.path.string(), error.message()))
            .with_code(10)
            .with_fix(broke_off ? error.fix() : fix_of_absent(*this, first));
    }
    // A destination was made the key home of others that have the keys still.
    if (store_ && error.code() == 14) {
        auto const former = repository::former_key_homes(*store_, stop());
        if (former && !former->empty()) {
            error = std::move(error).with_fix("perdure backup sync: it brings the keys from " +
                                              former->front().place + " to the key homes");
        }
    }
    return std::move(error).within(fmt::format("repository \"{}\" cannot be opened", name));
}

Result<void> Workspace::open_repository() {
    PD_TRY(auto opened_store, store());
    PD_TRY(auto const secret, key());
    // A destination that was away must get no snapshot that rests on what it missed.
    if (destinations_.size() + lenders_.size() > 1) PD_CHECK(opened_store->compare_legs(stop()));
    repository::OpenOptions options;
    // A home that is read-only costs speed, and the memory of the newest state; never the backup.
    if (system::make_folders(cache_folder())) options.cache_folder = cache_folder();
    options.read_only = options_.read_only;
    options.threads = config_.limits.threads();
    repository::Outside const outside{system::real_clock(), system::real_random()};
    auto opened = repository::Repository::open(opened_store, secret, options, outside, stop());
    if (!opened && options.read_only && repository::is_rollback(opened.error())) {
        // It may be the only copy that is left: without this machine's memory it opens.
        pass_over({"keyring", opened.error().message() +
                                  "; this is an older copy of the repository, good to read: look "
                                  "for the newer one before anything is written"});
        options.cache_folder.clear();
        opened = repository::Repository::open(opened_store, secret, options, outside, stop());
    }
    if (!opened) return explain_open(std::move(opened).error());
    repository_ = std::move(*opened);
    return {};
}

Result<repository::Repository*> Workspace::repository() {
    if (repository_) return repository_.get();
    if (repository_failed_) return *repository_failed_;
    auto opened = open_repository();
    if (opened) return repository_.get();
    repository_failed_ = opened.error();
    return std::move(opened).error();
}

std::vector<store::LegHealth> Workspace::health() const {
    return store_ ? store_->health() : std::vector<store::LegHealth>{};
}

std::vector<data::Problem> unfit_destinations(Workspace const& workspace) {
    std::vector<data::Problem> problems;
    for (auto const& leg : workspace.health()) {
        if (!leg.degraded) continue;
        std::string why = leg.error ? leg.error->message() : "was missed";
        if (leg.error && !leg.error->fix().empty()) why += ": " + leg.error->fix();
        problems.push_back({"destination " + leg.name, std::move(why)});
    }
    return problems;
}

catalog::RunLog* Workspace::runs() {
    if (!runs_tried_) {
        runs_tried_ = true;
        auto opened = catalog::RunLog::open(state_folder() / "runs.db");
        if (opened) runs_.emplace(std::move(*opened));
    }
    return runs_ ? &*runs_ : nullptr;
}

system::Path Workspace::state_folder() const {
    return state_folder_of(config_.file);
}

system::Path Workspace::cache_folder() const {
    return standard_folder("CACHE_DIRECTORY", "XDG_CACHE_HOME", ".cache", "/var/cache");
}

Result<std::vector<SourceConfig>> Workspace::sources(std::vector<std::string> const& names) const {
    std::vector<SourceConfig> out;
    std::vector<std::string> known;
    for (auto const& source : config_.sources) known.push_back(source.options.name);
    for (auto const& name : names) {
        auto const* source = config_.source(name);
        if (!source) {
            auto const near = nearest_word(name, known);
            return fail(Fault::not_found, "there is no source \"" + name + "\"")
                .with_code(2)
                .with_fix(near.empty() ? "perdure source list" : "did you mean \"" + near + "\"?");
        }
        out.push_back(*source);
    }
    if (names.empty()) out = config_.sources;
    if (out.empty()) {
        return fail(Fault::invalid, config_.file.string() + " names no source")
            .with_code(201)
            .with_fix(
                "perdure source discover PATH, then perdure source add NAME --type … --path …");
    }
    std::ranges::stable_sort(out, {}, &SourceConfig::priority);
    return out;
}

}  // namespace perdure::service
