#include "service/setup/init.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "repository/config_object.h"
#include "repository/keyring/keyring.h"
#include "repository/upkeep/repair/sync.h"
#include "service/config/edit.h"
#include "service/last_backup.h"
#include "service/setup/keys.h"
#include "service/snapshots.h"

namespace perdure::service {

Result<void> make_key_file(system::Path const& path, system::Random& random) {
    crypto::Secret32 secret;
    random.fill(secret.span());
    std::string const text = "perdure-key 1 " + to_base64(secret.view()) + "\n";
    auto written = system::write_file(path, as_bytes(text), {.replace = false, .mode = 0600});
    if (written || written.error().fault() != Fault::conflict) return written;
    return fail(Fault::conflict, path.string() + " exists already")
        .with_fix("use it, or move it away");
}

Result<void> write_starter(system::Path const& file, system::Path const& destination) {
    StarterConfig options;
    options.destination_path = destination.string();
    auto written = system::write_file(file, as_bytes(starter_config(options)),
                                      {.replace = false, .mode = 0600});
    if (written || written.error().fault() != Fault::conflict) return written;
    return fail(Fault::conflict, file.string() + " exists already")
        .with_fix("edit it, or name another with --config");
}

namespace {

Result<void> ask_again(Workspace& workspace, repository::KeySecret const& first) {
    PD_TRY(auto const second, workspace.key("The same again:"));
    if (crypto::equal_constant_time(first.bytes.view(), second.bytes.view())) return {};
    return fail(Fault::invalid, "the two passphrases differ")
        .with_code(2)
        .with_fix("nothing was made; try again");
}

bool is_chosen(Workspace const& workspace, std::string const& name) {
    auto const& chosen = workspace.destinations();
    return std::ranges::find(chosen, name, &DestinationConfig::name) != chosen.end();
}

/// Their folders are made by the first write: who is refused has made nothing.
std::set<std::string> chosen_names(Workspace const& workspace) {
    std::set<std::string> names;
    for (auto const& destination : workspace.destinations()) names.insert(destination.name);
    return names;
}

/// Where no destination holds the repository that earlier runs wrote to, it is away, not missing.
Result<void> refuse_lost(Workspace& workspace, InitCall const& call,
                         RepositoryConfig const& repository) {
    auto const run = call.new_config ? std::nullopt : last_good_backup(workspace);
    if (!run) return {};
    for (auto const& destination : workspace.destinations()) {
        // One that only the command line names was never backed up to by this configuration.
        if (!workspace.config().destination(destination.name)) return {};
        if (system::exists(destination.path / "config")) return {};  // refused by its own error
    }
    std::string what = fmt::format("the repository that held snapshot {} of {} is not at {}",
                                   short_id(run->snapshot), to_rfc3339(run->started),
                                   workspace.destinations().front().path.string());
    for (auto const& other : repository.destinations) {
        if (is_chosen(workspace, other)) continue;
        what += fmt::format("; \"{}\" may hold it and is away", other);
    }
    return check_confirmation(call.confirm, {repository.name},
                              what + ": mount its disk, or begin anew with an empty one");
}

/// The name of a destination beside the chosen ones that holds the repository. A folder that only
/// the command line names is no part of it and gets a repository of its own.
Result<std::string> holder_elsewhere(Workspace& workspace, RepositoryConfig const& repository) {
    for (auto const& chosen : workspace.destinations())
        if (!workspace.config().destination(chosen.name)) return std::string();
    for (auto const& name : repository.destinations) {
        auto const* other = workspace.config().destination(name);
        if (!other || is_chosen(workspace, name)) continue;
        auto const place = store::open_store({.name = name,
                                              .kind = other->type,
                                              .path = other->path.string(),
                                              .read_only = true,
                                              .attempts_max = 1});
        if (!place) continue;  // away: it may hold it, and would be told apart when it is back
        auto const there = repository::repository_at(**place, workspace.stop());
        if (!there && there.error().fault() == Fault::cancelled) return there.error();
        if (!there || *there) return name;  // a config that cannot be read is one, too
    }
    return std::string();
}

/// Config and keyring: with these a destination says which repository it belongs to.
Result<InitAnswer> join(Workspace& workspace, InitCall const& call, InitAnswer answer) {
    for (auto const& destination : workspace.destinations()) {
        if (system::exists(destination.path / "config")) {
            return fail(Fault::conflict, destination.path.string() + " holds a repository already")
                .with_fix("perdure backup sync, if it is this one; else name another folder");
        }
        answer.destinations.push_back(destination.path.string());
    }
    PD_TRY(auto all, Workspace::open({.config_file = workspace.config().file,
                                      .destination = {},
                                      .fill_empty = call.confirm,
                                      .ask_secret = {},
                                      .passed_over = {},
                                      .stop = workspace.stop()}));
    PD_TRY(auto store, all->store(chosen_names(workspace)));
    for (auto const& leg : all->health()) {
        if (leg.error && is_chosen(workspace, leg.name)) return *leg.error;
    }
    PD_TRY(auto const report,
           repository::sync_legs(*store, {.joins = true, .progress = {}}, workspace.stop()));
    for (auto const& finding : report.findings) {
        return fail(Fault::corrupt, finding.object + ": " + finding.detail)
            .with_code(14)
            .with_fix("perdure repo repair");
    }
    return answer;
}

}  // namespace

Result<InitAnswer> init(Workspace& workspace, InitCall const& call) {
    PD_TRY(auto const* config, workspace.repository_config());
    InitAnswer answer;
    answer.repository = config->name;
    PD_TRY(answer.joined, holder_elsewhere(workspace, *config));
    if (!answer.joined.empty()) return join(workspace, call, std::move(answer));
    PD_CHECK(refuse_lost(workspace, call, *config));
    PD_TRY(auto store, workspace.store(chosen_names(workspace)));
    bool const wants_key = call.create_key && config->key.way == KeyReference::Way::file &&
                           !system::exists(config->key.value);
    // A key made for a repository that then is not made would only confuse: look first.
    PD_TRY(bool const there, repository::holds_objects(*store, workspace.stop()));
    if (there) {
        return fail(Fault::conflict, fmt::format("{} holds a repository already",
                                                 workspace.destinations().front().path.string()))
            .with_fix(
                "use it: perdure backup; or name another folder; a new destination of it joins by: "
                "perdure init --destination NAME");
    }
    if (wants_key) {
        PD_CHECK(make_key_file(config->key.value, system::real_random()));
        answer.key_file = config->key.value;
    }
    PD_TRY(auto const secret, workspace.key());
    // A typing error at the birth of a repository would lock everybody out of it.
    if (config->key.way == KeyReference::Way::prompt) PD_CHECK(ask_again(workspace, secret));
    repository::CreateOptions options;
    options.parity = config->parity;
    options.label = config->label;
    repository::Outside const outside{system::real_clock(), system::real_random()};
    PD_CHECK(repository::Repository::create(store, secret, options, outside, workspace.stop()));
    auto const legs = workspace.health();
    for (auto const& destination : workspace.destinations()) {
        auto const leg = std::ranges::find(legs, destination.name, &store::LegHealth::name);
        if (leg == legs.end() || !leg->degraded) {
            answer.destinations.push_back(destination.path.string());
            continue;
        }
        workspace.pass_over({"destination " + leg->name,
                             "was not made: " + (leg->error ? leg->error->message() : "no answer") +
                                 "; mend that, then perdure init --destination " + leg->name});
    }
    return answer;
}

namespace {

Result<std::string> kit_text(Workspace& workspace, std::string const& phrase) {
    PD_TRY(auto* repository, workspace.repository());
    std::string places;
    for (auto const& destination : workspace.destinations()) {
        places += "    " + destination.path.string() +
                  (destination.keys ? "\n" : "    (without keys: of no use alone)\n");
    }
    return fmt::format(
        "perdure-recovery 1\n\n"
        "Recovery kit for the repository {}\n\n"
        "    {}\n\n"
        "Print this page and keep it away from the machine that it is for. Whoever holds it and\n"
        "can reach the repository can read every backup in it.\n\n"
        "The repository rests at\n{}\n"
        "To restore on any machine:\n"
        "    1. install perdure and copy (or mount) the repository's folder\n"
        "    2. write a perdure.toml with [repository.main], the destination's path, and\n"
        "       key = {{ file = \"perdure-recovery.txt\" }}  (this text)\n"
        "    3. perdure backup list, then perdure restore latest --to DIR\n",
        to_hex(repository->id()), phrase, places);
}

}  // namespace

Result<std::string> make_recovery_kit(Workspace& workspace, system::Path const& file) {
    std::string const phrase = repository::make_recovery_phrase(system::real_random());
    PD_TRY(std::string const kit, kit_text(workspace, phrase));
    system::Path const unfinished = file.string() + ".part";
    if (!file.empty()) {
        if (system::exists(file)) {
            return fail(Fault::conflict, file.string() + " exists already")
                .with_fix("move it away, or name another with -o");
        }
        PD_CHECK(system::write_file(unfinished, as_bytes(kit), {.mode = 0600}));
    }
    repository::KeySecret secret;
    secret.kind = repository::KeySecret::Kind::recovery_phrase;
    secret.bytes = crypto::SecretBytes(to_bytes(std::string_view(phrase)));
    auto const added = add_key(workspace, {.secret = &secret, .label = "recovery kit"});
    if (!added) {
        if (!file.empty()) (void)system::remove_file(unfinished);
        return added.error();
    }
    if (!file.empty()) PD_CHECK(system::rename_without_replacing(unfinished, file));
    return kit;
}

}  // namespace perdure::service
