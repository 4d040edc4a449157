#include "service/setup/keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "repository/index/index.h"
#include "repository/own_sessions.h"
#include "service/recorded_run.h"
#include "service/snapshots.h"

namespace perdure::service {
namespace {

Result<repository::Keyring*> keyring_of(Workspace& workspace) {
    PD_TRY(auto* repository, workspace.repository());
    return &repository->keyring();
}

/// The old epoch, which the old keys open, may go once every running session knows the new one.
Result<repository::ChangeOptions> change_options(Workspace& workspace) {
    PD_TRY(auto* repository, workspace.repository());
    repository::ChangeOptions options;
    options.sessions_settled = [repository](std::uint64_t epoch,
                                            std::stop_token stop) -> Result<bool> {
        auto& store = repository->store();
        auto const marks = repository::marks_folder(repository->index()->cache_folder());
        return repository::living_know_epoch(store, store, epoch, marks, std::move(stop));
    };
    return options;
}

Result<repository::SlotInfo> find_slot(repository::Keyring const& keyring,
                                       std::string const& word) {
    std::vector<repository::SlotInfo> found;
    for (auto const& slot : keyring.slots()) {
        if (to_hex(slot.id).starts_with(word) || slot.label == word) found.push_back(slot);
    }
    if (found.size() == 1) return found.front();
    return fail(Fault::not_found, found.empty() ? fmt::format("there is no key \"{}\"", word)
                                                : fmt::format("\"{}\" fits several keys", word))
        .with_code(2)
        .with_fix("perdure key list");
}

/// Key homes that were away or are not used: what lies there does not open with a new key.
std::vector<data::Problem> homes_without(Workspace& workspace, std::string const& what) {
    std::vector<data::Problem> problems;
    auto const health = workspace.health();
    for (auto const& destination : workspace.destinations()) {
        auto const leg = std::ranges::find(health, destination.name, &store::LegHealth::name);
        if (!destination.keys || leg == health.end() || !leg->degraded) continue;
        problems.push_back(
            {"destination " + destination.name,
             "does not open with " + what +
                 " yet: when it is back, run `perdure backup sync` with another key"});
    }
    return problems;
}

}  // namespace

Result<repository::SlotId> add_key(Workspace& workspace, AddKeyCall const& call) {
    PD_TRY(auto* keyring, keyring_of(workspace));
    PD_TRY(auto const options, change_options(workspace));
    RecordedRun record(workspace, "key add", {});
    auto added =
        keyring->add_slot({.secret = *call.secret, .label = call.label}, options, workspace.stop());
    if (!added) return record.failed(std::move(added).error());
    auto const problems = homes_without(workspace, "this key");
    for (auto const& problem : problems) workspace.pass_over(problem);
    record.done(problems, "added key " + call.label);
    return added;
}

Result<KeyList> list_keys(Workspace& workspace) {
    PD_TRY(auto* keyring, keyring_of(workspace));
    return KeyList{keyring->slots(), keyring->opened_slot(), keyring->epoch()};
}

Result<repository::ChangeReport> remove_key(Workspace& workspace, RemoveKeyCall const& call) {
    PD_TRY(auto* keyring, keyring_of(workspace));
    PD_TRY(auto const slot, find_slot(*keyring, call.slot));
    auto const id = to_hex(slot.id).substr(0, 8);
    if (slot.id == keyring->opened_slot()) {
        return fail(Fault::invalid, fmt::format("key {} is the one in use now", id))
            .with_code(2)
            .with_fix("open the repository with another key, then remove this one");
    }
    PD_CHECK(
        check_confirmation(call.confirm, {id, to_hex(slot.id), slot.label},
                           fmt::format("key {} ({}) would open nothing any more", id, slot.label)));
    RecordedRun record(workspace, "key remove", {});
    PD_TRY(auto const options, change_options(workspace));
    auto removed = keyring->remove_slot(slot.id, options, workspace.stop());
    if (!removed) return record.failed(std::move(removed).error());
    record.done({}, "removed key " + id);
    return removed;
}

Result<repository::ChangeReport> rotate_keys(Workspace& workspace) {
    PD_TRY(auto* keyring, keyring_of(workspace));
    RecordedRun record(workspace, "key rotate", {});
    PD_TRY(auto const options, change_options(workspace));
    auto rotated = keyring->rotate(options, workspace.stop());
    if (!rotated) return record.failed(std::move(rotated).error());
    record.done({}, fmt::format("rotated to epoch {}", rotated->epoch));
    return rotated;
}

Result<repository::MergeReport> merge_keys(Workspace& workspace, std::string const& confirm) {
    PD_TRY(auto store, workspace.store());
    PD_TRY(auto const* config, workspace.repository_config());
    if (std::ranges::count_if(workspace.destinations(), &DestinationConfig::keys) < 2) {
        return fail(Fault::invalid, "there is one key home: nothing can have gone apart")
            .with_code(2);
    }
    PD_TRY(auto const secret, workspace.key());
    repository::MergeDestinations request{.store = store,
                                          .secret = secret,
                                          .cache_folder = workspace.cache_folder(),
                                          .outside = {system::real_clock(), system::real_random()},
                                          .dry_run = true};
    PD_TRY(auto const seen, repository::merge_destinations(request, workspace.stop()));
    if (!seen.forked) return seen;
    PD_CHECK(check_confirmation(
        confirm, {config->name},
        fmt::format("the destinations of \"{}\" hold different keyrings; {} of the keys are not "
                    "known to all and would open nothing any more",
                    config->name, seen.left_out.size())));
    RecordedRun record(workspace, "key merge", {});
    request.dry_run = false;
    auto merged = repository::merge_destinations(request, workspace.stop());
    if (!merged) return record.failed(std::move(merged).error());
    record.done({}, fmt::format("joined the keyrings in epoch {}", merged->epoch));
    return merged;
}

Result<void> fold_keys(Workspace& workspace) {
    PD_TRY(auto store, workspace.store());
    PD_TRY(bool const wanted, repository::homes_are_to_be_folded(*store, workspace.stop()));
    if (!wanted) return {};
    RecordedRun record(workspace, "key merge", {});
    auto secret = workspace.key();
    if (!secret) return record.failed(std::move(secret).error());
    auto folded =
        repository::fold_lagging_homes({.store = store,
                                        .secret = *secret,
                                        .cache_folder = workspace.cache_folder(),
                                        .outside = {system::real_clock(), system::real_random()}},
                                       workspace.stop());
    if (!folded) return record.failed(std::move(folded).error());
    record.done(
        {}, fmt::format("took in the keys of {} people, epoch {}", folded->joined, folded->epoch));
    return {};
}

std::vector<data::Problem> misplaced_keys(Workspace& workspace) {
    auto const store = workspace.store();
    if (!store) return {};
    auto const former = repository::former_key_homes(**store, workspace.stop());
    if (!former) return {};
    std::vector<data::Problem> problems;
    for (auto const& place : *former) {
        problems.push_back({"keys at " + place.place,
                            "it holds keys, though it is no key home (keys = false): run `perdure "
                            "backup sync`"});
    }
    return problems;
}

Result<std::vector<repository::RetiredPlace>> retire_keys(Workspace& workspace) {
    PD_TRY(auto store, workspace.store());
    PD_TRY(auto const former, repository::former_key_homes(*store, workspace.stop()));
    if (former.empty()) return former;
    std::vector<std::string> places;
    for (auto const& place : former) places.push_back(place.place);
    // The entry is the intent: it is on disk before anything is removed.
    RecordedRun record(workspace, "key retire", places);
    auto secret = workspace.key();
    if (!secret) return record.failed(std::move(secret).error());
    std::string told;
    auto retired = repository::retire_key_homes(
        {.store = store,
         .secret = *secret,
         .cache_folder = workspace.cache_folder(),
         .outside = {system::real_clock(), system::real_random()},
         .log =
             [&](std::string_view what) {
                 told += (told.empty() ? "" : "; ") + std::string(what);
                 return Result<void>();
             }},
        workspace.stop());
    if (!retired) return record.failed(std::move(retired).error());
    std::vector<data::Problem> problems;
    for (auto const& place : *retired) {
        if (!place.pending.empty()) problems.push_back({"keys at " + place.place, place.pending});
    }
    record.done(problems, told);
    return retired;
}

std::vector<data::Problem> settle_keys(Workspace& workspace) {
    auto const settle = [&]() -> Result<std::vector<data::Problem>> {
        PD_TRY(auto* keyring, keyring_of(workspace));
        auto problems = misplaced_keys(workspace);
        if (keyring->is_settled()) return problems;
        PD_TRY(auto const options, change_options(workspace));
        PD_TRY(auto const report, keyring->settle(options, workspace.stop()));
        if (report.waits_for_sessions) return problems;
        for (auto const& home : report.homes) {
            data::Problem problem{"keys at " + home.home, home.pending};
            bool const told = std::ranges::any_of(
                problems, [&](data::Problem const& one) { return one.path == problem.path; });
            if (!home.pending.empty() && !told) problems.push_back(std::move(problem));
        }
        return problems;
    };
    auto settled = settle();
    if (settled) return std::move(*settled);
    return {{"keys", settled.error().message()}};
}

}  // namespace perdure::service
