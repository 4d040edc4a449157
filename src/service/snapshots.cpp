#include "service/snapshots.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "repository/pins.h"
#include "service/health/not_reached.h"
#include "service/recorded_run.h"

namespace perdure::service {
namespace {

using repository::Snapshot;

constexpr std::size_t prefix_characters_min = 4;
constexpr std::size_t short_id_characters = 12;

bool is_hex(std::string const& word) {
    return std::ranges::all_of(
        word, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Error nothing(std::string message) {
    return fail(Fault::not_found, std::move(message)).with_fix("perdure backup list");
}

/// Whether a word is an id or the beginning of one; capitals are taken too.
bool begins_with(Snapshot const& snapshot, std::string word) {
    for (char& c : word) {
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
    }
    return word.size() >= prefix_characters_min && is_hex(word) && snapshot.id().starts_with(word);
}

std::vector<Snapshot const*> by_prefix(std::vector<Snapshot> const& all, std::string const& word) {
    std::vector<Snapshot const*> out;
    for (auto const& snapshot : all) {
        if (begins_with(snapshot, word)) out.push_back(&snapshot);
    }
    return out;
}

repository::PinSeal pin_seal(repository::Repository& repository) {
    return {repository.id(), repository.domains().common()};
}

/// The newest by the writers' clocks, which may have been wrong: what a writer itself numbered as
/// older than another of its snapshots is not the newest, whatever the clock said.
Snapshot const* newest_of(std::vector<Snapshot const*> fitting) {
    std::map<crypto::Digest, std::uint64_t> last;
    for (auto const* each : fitting) {
        auto& sequence = last[each->writer];
        sequence = std::max(sequence, each->sequence);
    }
    std::erase_if(fitting,
                  [&](auto const* each) { return each->sequence < last.at(each->writer); });
    return *std::ranges::max_element(fitting, {}, [](auto const* each) { return taken(*each); });
}

Error several_meanings(std::string const& word, Snapshot const& by_id) {
    return fail(Fault::invalid, fmt::format("\"{}\" is a tag, and the beginning of snapshot {}",
                                            word, short_id(by_id.id())))
        .with_code(2)
        .with_fix("give the id of the one that you mean, with more characters");
}

}  // namespace

Timestamp taken(repository::Snapshot const& snapshot) {
    return snapshot.finished.seconds != 0 ? snapshot.finished : snapshot.started;
}

bool is_safety(Snapshot const& snapshot) {
    return std::ranges::any_of(
        snapshot.tags, [](std::string const& tag) { return tag.starts_with("before-restore-"); });
}

std::string short_id(std::string const& id) {
    return id.substr(0, short_id_characters);
}

std::string_view type_name(repository::SnapshotType type) {
    switch (type) {
        case repository::SnapshotType::full:
            return "full";
        case repository::SnapshotType::incremental:
            return "incremental";
        case repository::SnapshotType::differential:
            return "differential";
    }
    return "";
}

Result<SnapshotList> list_snapshots(Workspace& workspace) {
    PD_TRY(auto* repository, workspace.repository());
    SnapshotList out;
    PD_TRY(out.snapshots, repository->snapshots(&out.damaged, workspace.stop()));
    PD_TRY(out.pins,
           repository::pins(repository->store(), pin_seal(*repository), workspace.stop()));
    return out;
}

Result<Snapshot> choose_snapshot(std::vector<Snapshot> const& all, std::string const& word,
                                 std::optional<Timestamp> at) {
    if (all.empty()) {
        return fail(Fault::not_found, "the repository holds no snapshot yet")
            .with_fix("perdure backup");
    }
    auto const with_prefix = by_prefix(all, word);
    bool const only_safety = std::ranges::all_of(all, is_safety);
    if (with_prefix.size() > 1) {
        std::string names;
        for (auto const* snapshot : with_prefix) names += " " + short_id(snapshot->id());
        return fail(Fault::invalid, fmt::format("\"{}\" fits several snapshots:{}", word, names))
            .with_code(2)
            .with_fix("give more characters");
    }
    std::vector<Snapshot const*> fitting = with_prefix;
    for (auto const& snapshot : all) {
        bool const tagged = std::ranges::find(snapshot.tags, word) != snapshot.tags.end();
        if (tagged && with_prefix.size() == 1 && with_prefix.front() != &snapshot &&
            word.size() < snapshot.id().size()) {
            return several_meanings(word, *with_prefix.front());
        }
        if (word == "latest" && !at && !only_safety && is_safety(snapshot)) continue;
        if (word == "latest" || (with_prefix.empty() && tagged)) fitting.push_back(&snapshot);
    }
    if (fitting.empty()) return nothing(fmt::format("there is no snapshot \"{}\"", word));
    if (at) std::erase_if(fitting, [&](auto const* s) { return taken(*s) > *at; });
    if (fitting.empty()) {
        return nothing(fmt::format("no snapshot is as old as {}; the oldest is of {}",
                                   to_rfc3339(*at), to_rfc3339(taken(all.front()))));
    }
    return *newest_of(std::move(fitting));
}

Result<Snapshot> find_snapshot(Workspace& workspace, std::string const& word,
                               std::optional<Timestamp> at) {
    PD_TRY(auto* repository, workspace.repository());
    std::vector<data::Problem> damaged;
    PD_TRY(auto const all, repository->snapshots(&damaged, workspace.stop()));
    auto chosen = choose_snapshot(all, word, at);
    if (damaged.empty()) return chosen;
    if (chosen) {
        // By its id no other can be meant; "latest" and a tag may mean the one that is unreadable.
        bool const named = begins_with(*chosen, word);
        if (!named) {
            for (auto const& problem : damaged) {
                workspace.pass_over({problem.path, "cannot be read, and may be the one that \"" +
                                                       word + "\" means: " + problem.reason});
            }
        }
        return chosen;
    }
    // Nothing readable fits, but something is there that cannot be read: that is the news.
    return fail(Fault::corrupt,
                fmt::format("{} of the snapshots cannot be read\n{}: {}", damaged.size(),
                            damaged.front().path, damaged.front().reason))
        .with_code(14);
}

bool holds_source(Snapshot const& snapshot, std::string const& source) {
    return std::ranges::find(snapshot.sources, source, &repository::SourceSnapshot::name) !=
           snapshot.sources.end();
}

std::optional<Snapshot> newest_with(std::vector<Snapshot> const& all, std::string const& source,
                                    std::optional<Timestamp> at) {
    std::vector<Snapshot const*> fitting;
    for (auto const& each : all) {
        bool const in_time = !at || taken(each) <= *at;
        if (holds_source(each, source) && !is_safety(each) && in_time) fitting.push_back(&each);
    }
    if (fitting.empty()) return std::nullopt;
    return *newest_of(std::move(fitting));
}

Result<void> tell_absent_sources(Workspace& workspace, Snapshot const& snapshot,
                                 Wanted const& wanted) {
    if (wanted.word != "latest") return {};
    std::optional<std::vector<Snapshot>> all;
    for (auto const& source : workspace.config().sources) {
        auto const& name = source.options.name;
        if (holds_source(snapshot, name)) continue;
        if (!all) {
            PD_TRY(auto* repository, workspace.repository());
            PD_TRY(all, repository->snapshots(nullptr, workspace.stop()));
        }
        auto const newest = newest_with(*all, name, wanted.at);
        if (!newest) continue;
        workspace.pass_over(
            {name, fmt::format("is not in this snapshot; the newest that holds it is {} of {}",
                               short_id(newest->id()), to_rfc3339(taken(*newest)))});
    }
    return {};
}

Result<void> check_confirmation(std::string const& given, std::vector<std::string> const& accepted,
                                std::string const& what) {
    if (!given.empty() && std::ranges::find(accepted, given) != accepted.end()) return {};
    auto const message =
        given.empty() ? what : fmt::format("{}; \"{}\" is not its name", what, given);
    return fail(Fault::denied, message)
        .with_code(17)
        .with_fix(fmt::format("if that is what you want: --confirm {}", accepted.front()));
}

namespace {

/// The one that a word names, also when nobody can read it any more: it would hold up every
/// compaction for ever. A beginning of its id names it, never a tag or "latest".
Result<Snapshot> find_to_delete(Workspace& workspace, std::string const& word) {
    auto found = find_snapshot(workspace, word);
    bool const by_id = word.size() >= short_id_characters && is_hex(word);
    if (found || found.error().fault() != Fault::corrupt || !by_id) return found;
    PD_TRY(auto const list, list_snapshots(workspace));
    std::optional<Snapshot> unreadable;
    for (auto const& problem : list.damaged) {
        auto const id = problem.path.substr(problem.path.find('/') + 1);
        auto const bytes = from_hex(id);
        if (!id.starts_with(word) || !bytes) continue;
        auto const session = repository::SessionId::from(*bytes);
        if (!session || unreadable) return found;
        unreadable.emplace().session = *session;
    }
    return unreadable ? *std::move(unreadable) : std::move(found);
}

}  // namespace

Result<Snapshot> delete_snapshot(Workspace& workspace, DeleteCall const& call) {
    PD_TRY(auto snapshot, find_to_delete(workspace, call.snapshot));
    std::string const id = snapshot.id();
    std::vector<std::string> accepted{short_id(id), id};
    if (call.snapshot != "latest") accepted.push_back(call.snapshot);
    bool const readable = snapshot.started.seconds != 0;
    PD_CHECK(check_confirmation(
        call.confirm, accepted,
        fmt::format("snapshot {} {} would be deleted", short_id(id),
                    readable ? "of " + to_rfc3339(snapshot.started) : "(it cannot be read)")));
    PD_TRY(auto* repository, workspace.repository());
    RecordedRun record(workspace, "delete", {});
    record.run().snapshot = id;
    auto removed = repository->remove_snapshot(snapshot.session, workspace.stop());
    if (!removed) {
        bool const pinned = removed.error().fault() == Fault::denied;
        auto error = std::move(removed).error();
        if (pinned && error.fix().empty()) {
            error = Error(std::move(error)).with_fix("perdure backup unpin " + short_id(id));
        }
        return record.failed(std::move(error));
    }
    record.done(not_reached(workspace), "deleted snapshot " + short_id(id));
    return snapshot;
}

Result<Snapshot> pin_snapshot(Workspace& workspace, std::string const& word,
                              std::string const& reason) {
    PD_TRY(auto snapshot, find_snapshot(workspace, word));
    PD_TRY(auto* repository, workspace.repository());
    PD_CHECK(repository::pin(repository->store(), pin_seal(*repository), snapshot.session, reason,
                             repository->outside().random, workspace.stop()));
    return snapshot;
}

Result<std::optional<std::string>> pin_of(Workspace& workspace, Snapshot const& snapshot) {
    PD_TRY(auto* repository, workspace.repository());
    return repository::pinned(repository->store(), pin_seal(*repository), snapshot.session,
                              workspace.stop());
}

Result<Snapshot> unpin_snapshot(Workspace& workspace, std::string const& word) {
    PD_TRY(auto snapshot, find_snapshot(workspace, word));
    PD_TRY(auto store, workspace.store());
    PD_CHECK(repository::unpin(*store, snapshot.session, workspace.stop()));
    return snapshot;
}

}  // namespace perdure::service
