#include "service/upkeep.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/spell.h"
#include "repository/config_object.h"
#include "repository/index/index.h"
#include "repository/keyring/keyring.h"
#include "repository/pins.h"
#include "repository/upkeep/repair/kept_config.h"
#include "repository/upkeep/verify/writer_chain.h"
#include "service/health/not_reached.h"
#include "service/health/own_snapshots.h"
#include "service/receipts.h"
#include "service/recorded_run.h"
#include "service/setup/keys.h"
#include "service/snapshots.h"
#include "store/own_names.h"

namespace perdure::service {
namespace {

std::string counted(std::uint64_t count, std::string const& one) {
    return spell_count(count) + " " + one + (count == 1 ? "" : "s");
}

std::vector<std::string> all_sources(Workspace const& workspace) {
    std::vector<std::string> out;
    for (auto const& source : workspace.config().sources) out.push_back(source.options.name);
    return out;
}

policy::RetentionRules to_rules(RetentionConfig const& config) {
    policy::RetentionRules out{.last = config.last,
                               .hourly = config.hourly,
                               .daily = config.daily,
                               .weekly = config.weekly,
                               .monthly = config.monthly,
                               .yearly = config.yearly};
    if (config.within) {
        out.within = std::chrono::duration_cast<std::chrono::seconds>(*config.within);
    }
    return out;
}

Result<void> choose_rules(Workspace const& workspace, RetentionCall const& call,
                          RetentionAnswer& answer) {
    if (call.rules) {
        answer.rules = *call.rules;
        answer.rules_from = "command line";
        return {};
    }
    auto const& config = workspace.config();
    auto const* rule = config.retention_rule();
    if (!rule) {
        return fail(Fault::invalid, config.retention.empty()
                                        ? "there are no retention rules"
                                        : "of several retention sections none is called default")
            .with_code(2)
            .with_fix("give --keep 5 or --keep-daily 7 …, or add [retention.default]");
    }
    answer.rules = to_rules(*rule);
    answer.rules_from = "[retention." + rule->name + "]";
    return {};
}

/// Snapshots are judged among their likes: same writer, same sources.
std::string group_of(repository::Snapshot const& snapshot) {
    std::vector<std::string> names;
    for (auto const& source : snapshot.sources) names.push_back(source.name);
    std::ranges::sort(names);
    std::string out = to_hex(snapshot.writer);
    for (auto const& name : names) out += " " + name;
    return out;
}

Result<void> remove_expired(Workspace& workspace, RetentionAnswer& answer) {
    RecordedRun record(workspace, "retention", all_sources(workspace));
    auto opened = workspace.repository();
    if (!opened) return record.failed(std::move(opened).error());
    auto* repository = *opened;
    std::size_t removed = 0;
    for (auto& judged : answer.judged) {
        if (judged.verdict.keep) continue;
        auto gone = repository->remove_snapshot(judged.snapshot.session, workspace.stop());
        if (!gone && gone.error().fault() == Fault::cancelled) {
            return record.failed(std::move(gone).error());
        }
        judged.removed = gone.has_value();
        if (gone) {
            ++removed;
        } else {
            answer.problems.push_back(
                {"snapshot " + short_id(judged.snapshot.id()), gone.error().message()});
        }
    }
    for (auto& place : not_reached(workspace)) answer.problems.push_back(std::move(place));
    record.done(answer.problems, fmt::format("{} of {} deleted", removed,
                                             counted(answer.judged.size(), "snapshot")));
    return {};
}

}  // namespace

namespace {

constexpr std::size_t strays_max = 100;

/// Those that could not be opened, or are not this repository's.
std::vector<data::Problem> absent_destinations(Workspace& workspace) {
    std::vector<data::Problem> absent;
    auto const store = workspace.store();
    if (!store) return absent;
    auto const names = (*store)->absent_legs();
    for (auto& problem : unfit_destinations(workspace)) {
        bool const away = std::ranges::any_of(
            names, [&](auto const& name) { return problem.path == "destination " + name; });
        if (away) absent.push_back(std::move(problem));
    }
    return absent;
}

/// What lies between objects and is none; and the destinations that do not answer.
Result<std::vector<data::Problem>> find_strays(store::ObjectStore& store, std::stop_token stop) {
    std::vector<data::Problem> strays;
    for (store::ObjectStore* leg : store.legs()) {
        auto const listed = leg->list(
            "",
            [&](store::ObjectInfo const& info) -> Result<void> {
                if (store::is_own_name(info.name) || strays.size() >= strays_max) return {};
                strays.push_back({info.name, "no object of a repository, at " + leg->describe() +
                                                 ": it is passed over, and can be deleted"});
                return {};
            },
            stop);
        if (listed) continue;
        if (listed.error().fault() == Fault::cancelled) return listed.error();
        strays.push_back({leg->describe(), "it stopped answering: " + listed.error().message()});
    }
    return strays;
}

/// The name of the destination that describes itself so; empty: none.
std::string name_of_place(store::MirrorStore& store, std::string const& place) {
    auto const legs = store.legs();
    auto const absent = store.absent_legs();
    auto open = legs.begin();
    for (auto const& leg : store.health()) {
        if (std::ranges::find(absent, leg.name) != absent.end() || open == legs.end()) continue;
        if ((*open++)->describe() == place) return leg.name;
    }
    return {};
}

/// Adds what was found out about destinations, and names each once: who compared them before, or
/// failed there, has named some of them already.
void add_places(Workspace& workspace, std::vector<data::Problem> const& found,
                std::vector<data::Problem>& destinations) {
    auto const store = workspace.store();
    for (data::Problem problem : found) {
        auto const name = store ? name_of_place(**store, problem.path) : std::string();
        if (!name.empty()) problem.path = "destination " + name;
        bool const told = !name.empty() && std::ranges::any_of(destinations, [&](auto const& one) {
            return one.path == problem.path;
        });
        if (!told) destinations.push_back(std::move(problem));
    }
}

}  // namespace

namespace {

/// A check proves something of what the snapshots hold that are there, and nothing of a source that
/// was never backed up. Of which sources a snapshot is that nobody can read, nobody knows.
std::vector<std::string> proven_sources(Workspace const& workspace, VerifyAnswer const& answer,
                                        std::vector<repository::Snapshot> const& snapshots) {
    if (!answer.damaged_snapshots.empty()) return all_sources(workspace);
    std::set<std::string> names;
    for (auto const& snapshot : snapshots) {
        for (auto const& source : snapshot.sources) names.insert(source.name);
    }
    return {names.begin(), names.end()};
}

}  // namespace

Result<VerifyAnswer> verify(Workspace& workspace, VerifyCall const& call) {
    VerifyAnswer answer;
    auto sources = all_sources(workspace);
    auto opened = workspace.repository();
    Result<std::vector<repository::Snapshot>> chosen = std::vector<repository::Snapshot>();
    if (opened && call.snapshot.empty()) {
        chosen = (*opened)->snapshots(&answer.damaged_snapshots, workspace.stop());
    } else if (opened) {
        auto found = find_snapshot(workspace, call.snapshot);
        if (found) answer.snapshot = *found;
        if (found) chosen->push_back(std::move(*found));
        if (!found) chosen = std::move(found).error();
    }
    if (opened && chosen) sources = proven_sources(workspace, answer, *chosen);
    RecordedRun record(workspace, "verify", sources);
    if (!opened) return record.failed(std::move(opened).error());
    if (!chosen) return record.failed(std::move(chosen).error());
    auto* repository = *opened;
    repository::VerifyOptions options;
    if (call.sample) options.sample_fraction = *call.sample;
    options.level = call.read_data ? repository::VerifyLevel::read_data
                    : call.sample  ? repository::VerifyLevel::sample
                                   : repository::VerifyLevel::structure;
    options.progress = call.progress;
    if (answer.snapshot) {
        options.snapshots = {answer.snapshot->session};
        record.run().snapshot = answer.snapshot->id();
    }
    auto report = repository::verify(*repository, options, workspace.stop());
    if (!report) return record.failed(std::move(report).error());
    answer.report = std::move(*report);
    record.run().items = answer.report.blobs;
    record.run().bytes_read = answer.report.bytes_read;
    if (answer.passed()) {
        if (!answer.snapshot) {
            auto const listed = repository->snapshots(nullptr, workspace.stop());
            if (!listed) return record.failed(listed.error());
            auto const hidden = hidden_own_snapshots(workspace, *repository, *listed);
            if (!hidden) return record.failed(hidden.error());
            auto& gaps = answer.report.gaps;
            gaps.insert(gaps.end(), hidden->begin(), hidden->end());
        }
        answer.misplaced_keys = misplaced_keys(workspace);
        std::vector<data::Problem> noted = answer.misplaced_keys;
        answer.destinations =
            answer.snapshot ? absent_destinations(workspace) : unfit_destinations(workspace);
        add_places(workspace, answer.report.unread, answer.destinations);
        if (!answer.snapshot) {
            auto const strays = find_strays(repository->store(), workspace.stop());
            if (!strays) return record.failed(strays.error());
            add_places(workspace, *strays, answer.destinations);
        }
        noted.insert(noted.end(), answer.destinations.begin(), answer.destinations.end());
        for (auto const& gap : answer.report.gaps) noted.push_back({gap.object, gap.detail});
        record.done(noted, counted(answer.report.snapshots, "snapshot") + ", " +
                               counted(answer.report.packs, "pack"));
    } else {
        if (!answer.snapshot) record.run().sources = all_sources(workspace);
        static_cast<void>(record.failed(fail(Fault::corrupt, "stored data is damaged")));
    }
    return answer;
}

namespace {

/// Snapshots that were made, are not there, and were deleted by nobody.
Result<std::vector<repository::Finding>> all_gaps(Workspace& workspace,
                                                  repository::Repository& repository) {
    PD_TRY(auto const snapshots, repository.snapshots(nullptr, workspace.stop()));
    PD_TRY(auto gaps, repository::find_gaps(repository.store(), snapshots, workspace.stop()));
    PD_TRY(auto const hidden, hidden_own_snapshots(workspace, repository, snapshots));
    gaps.insert(gaps.end(), hidden.begin(), hidden.end());
    return gaps;
}

/// Without its config no repository opens, and what does not open is mended by nobody else.
Result<std::optional<repository::Mended>> mend_config(Workspace& workspace, bool dry_run) {
    auto const store = workspace.store();
    if (!store || workspace.repository()) return std::optional<repository::Mended>();
    PD_TRY(auto mended, repository::put_back_config(**store, workspace.cache_folder(), dry_run,
                                                    workspace.stop()));
    if (mended && !dry_run) workspace.reset();
    return mended;
}

}  // namespace

Result<RepairAnswer> repair(Workspace& workspace, RepairCall const& call) {
    RecordedRun record(workspace, call.dry_run ? "repair (dry run)" : "repair", {});
    auto const config = mend_config(workspace, call.dry_run);
    if (!config) return record.failed(config.error());
    if (*config && call.dry_run) {  // more can be told once it is back
        record.done({}, "the config can be put back");
        return RepairAnswer{.report = {.dry_run = true, .mended = {**config}}};
    }
    auto opened = workspace.repository();
    if (!opened) return record.failed(std::move(opened).error());
    auto* repository = *opened;
    repository::RepairOptions options;
    options.dry_run = call.dry_run;
    options.progress = call.progress;
    auto report = repository::repair(*repository, options, workspace.stop());
    if (!report) return record.failed(std::move(report).error());
    if (*config) report->mended.insert(report->mended.begin(), **config);
    auto gaps = all_gaps(workspace, *repository);
    if (!gaps) return record.failed(std::move(gaps).error());
    RepairAnswer answer{std::move(*report), std::move(*gaps), absent_destinations(workspace)};
    add_places(workspace, answer.report.unread, answer.destinations);
    std::vector<data::Problem> losses = answer.destinations;
    for (auto const& loss : answer.report.losses) {
        losses.push_back({loss.source + ": " + loss.path, loss.reason});
    }
    for (auto const& gap : answer.gaps) losses.push_back({gap.object, gap.detail});
    record.done(losses, fmt::format("{} mended, {} lost", answer.report.mended.size(),
                                    answer.report.losses_total));
    return answer;
}

namespace {

/// A store that hides or lost snapshots may give them back: as long as nobody says that they are
/// gone for good, what they rest on stays.
Result<void> check_none_is_missing(Workspace& workspace, repository::Repository& repository,
                                   CompactCall const& call) {
    PD_TRY(auto const gaps, all_gaps(workspace, repository));
    if (gaps.empty()) return {};
    PD_TRY(auto const* config, workspace.repository_config());
    std::string what = "snapshots are missing that nobody deleted, and their data would go:";
    for (auto const& gap : gaps) what += fmt::format("\n{}: {}", gap.object, gap.detail);
    what += "\nperdure backup sync brings them back where another destination holds them";
    return check_confirmation(call.confirm, {config->name}, what);
}

}  // namespace

Result<CompactAnswer> compact(Workspace& workspace, CompactCall const& call) {
    RecordedRun record(workspace, call.dry_run ? "compact (dry run)" : "compact", {});
    auto opened = workspace.repository();
    if (!opened) return record.failed(std::move(opened).error());
    auto* repository = *opened;
    repository::CollectOptions options;
    options.dry_run = call.dry_run;
    if (call.grace) options.grace = *call.grace;
    options.progress = call.progress;
    auto const complete = check_none_is_missing(workspace, *repository, call);
    if (!complete) return record.failed(complete.error());
    auto report = repository::collect(*repository, options, workspace.stop());
    if (!report) return record.failed(std::move(report).error());
    CompactAnswer answer{.report = std::move(*report)};
    if (!call.dry_run) answer.problems = settle_keys(workspace);
    for (auto const& finding : answer.report.kept_because) {
        if (finding.kind == repository::Finding::Kind::damaged)
            answer.problems.push_back({finding.object, finding.detail});
    }
    record.done(answer.problems, spell_bytes(answer.report.bytes_freed) + " freed");
    return answer;
}

namespace {

/// A pack that one destination had collected and another still needed comes back without its part
/// of the index. Looked for each time: a sync that was killed, or had no key, left it to the next.
Result<void> adopt_packs(Workspace& workspace) {
    workspace.reset();
    PD_TRY(auto* repository, workspace.repository());
    return repository->index()->adopt_orphans(repository::Index::Orphans::stored, workspace.stop());
}

}  // namespace

namespace {

/// Only who has the key can tell a newer keyring from one that somebody made up. Nobody is asked
/// for a passphrase for it; where the keyring does not open, none of it goes. A dry run does
/// without: opening may mend the index.
std::optional<std::uint64_t> opened_epoch(Workspace& workspace, RepositoryConfig const& config) {
    if (config.key.way == KeyReference::Way::prompt) return std::nullopt;
    auto const repository = workspace.repository();
    std::uint64_t const epoch = repository ? (*repository)->keyring().epoch() : 0;
    workspace.reset();
    return epoch;
}

/// Needs no key.
std::set<repository::SessionId> ended_sessions(Workspace& workspace, store::ObjectStore& store) {
    auto const repository = repository::repository_at(store, workspace.stop());
    if (!repository || !*repository) return {};
    return repository::ended_here(repository::marks_folder(workspace.cache_folder(), **repository));
}

/// What lagged before is looked at anew.
void restore_legs(store::MirrorStore& store) {
    for (auto const& leg : store.health()) store.restore_leg(leg.name);
}

}  // namespace

Result<SyncAnswer> sync(Workspace& workspace, bool dry_run, repository::UpkeepProgress progress) {
    PD_TRY(auto store, workspace.store());
    PD_TRY(auto const* config, workspace.repository_config());
    auto const away = unfit_destinations(workspace);  // nothing was compared yet
    RecordedRun record(workspace, dry_run ? "sync (dry run)" : "sync", {});
    // Before anything of the keyring travels: a tombstone may not bury what it knows nothing of.
    if (!dry_run) {
        auto folded = fold_keys(workspace);
        if (!folded) return record.failed(std::move(folded).error());
    }
    auto retired =
        dry_run ? repository::former_key_homes(*store, workspace.stop()) : retire_keys(workspace);
    if (!retired) return record.failed(std::move(retired).error());
    auto report = repository::sync_legs(
        *store,
        {.dry_run = dry_run,
         .opened_epoch = dry_run ? std::nullopt : opened_epoch(workspace, *config),
         .ended_here = ended_sessions(workspace, *store),
         .progress = std::move(progress)},
        workspace.stop());
    if (!report) return record.failed(std::move(report).error());
    restore_legs(*store);
    SyncAnswer answer{.report = std::move(*report), .retired = std::move(*retired)};
    for (auto const& place : answer.retired) {
        if (place.pending.empty()) continue;
        answer.problems.push_back({"keys at " + place.place, place.pending});
    }
    for (auto const& leg : answer.report.legs) {
        if (!leg.complete) answer.problems.push_back({leg.destination, leg.problem});
    }
    // Equal destinations come without a key; what a change of keys left open needs one, and nobody
    // is asked for a passphrase only for that.
    bool const whole = answer.problems.empty();
    if (!dry_run && config->key.way != KeyReference::Way::prompt) {
        auto const indexed = adopt_packs(workspace);
        if (whole) answer.problems = settle_keys(workspace);
        if (!indexed) answer.problems.push_back({"index", indexed.error().message()});
    } else if (!dry_run && answer.report.packs_returned > 0) {
        answer.problems.push_back(
            {"index", fmt::format("{} packs came back that it does not name, and without the "
                                  "passphrase nobody can add them: run `perdure repo repair`",
                                  answer.report.packs_returned)});
    }
    answer.problems.insert(answer.problems.end(), away.begin(), away.end());
    record.done(answer.problems, whole ? "destinations brought to the same state"
                                       : "some destinations are not whole");
    return answer;
}

Result<repository::RepositoryStatistics> statistics(Workspace& workspace) {
    PD_TRY(auto* repository, workspace.repository());
    return repository::measure(*repository, workspace.stop());
}

Result<RetentionAnswer> apply_retention(Workspace& workspace, RetentionCall const& call) {
    RetentionAnswer answer;
    PD_CHECK(choose_rules(workspace, call, answer));
    PD_TRY(auto const list, list_snapshots(workspace));
    std::vector<policy::Candidate> candidates;
    std::map<std::string, repository::Snapshot const*> by_id;
    auto const receipts = first_receipts(list.snapshots);
    for (std::size_t at = 0; at < list.snapshots.size(); ++at) {
        auto const& snapshot = list.snapshots[at];
        policy::Candidate one;
        one.id = snapshot.id();
        one.group = group_of(snapshot);
        one.claimed = snapshot.finished;
        one.received = receipts[at];
        one.pinned = list.pins.contains(one.id);
        one.sequence = snapshot.sequence;
        one.safety = is_safety(snapshot);
        by_id[one.id] = &snapshot;
        candidates.push_back(std::move(one));
    }
    // A dry run may not ask for the store's clock, which costs a file; it knows that clock's last
    // word. One that is a day ahead is wrong.
    PD_TRY(auto now, (*workspace.store())->now(workspace.stop()));
    if (call.dry_run) {
        auto const credible = now + std::chrono::hours(24);
        for (auto const& snapshot : list.snapshots) {
            if (snapshot.received <= credible) now = std::max(now, snapshot.received);
        }
    }
    PD_TRY(auto verdicts, policy::judge(answer.rules, std::move(candidates), now));
    for (auto& verdict : verdicts) {
        auto const* snapshot = by_id.at(verdict.id);
        answer.judged.push_back({*snapshot, std::move(verdict), false});
    }
    if (!call.dry_run) PD_CHECK(remove_expired(workspace, answer));
    return answer;
}

}  // namespace perdure::service
