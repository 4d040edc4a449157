#include "service/recovery/recovery.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/mapping_path.h"
#include "job/source_options.h"
#include "service/backup.h"
#include "service/recorded_run.h"
#include "service/recovery/recovery_places.h"
#include "service/recovery/selected_paths.h"
#include "service/report/custody.h"
#include "service/restore.h"
#include "service/snapshots.h"

namespace perdure::service {
namespace {

constexpr std::size_t runs_looked_at = 200;

system::Path recovery_folder(Workspace const& workspace) {
    return workspace.state_folder() / "recovery";
}

/// What earlier runs tell about how long this one will take.
struct Measured {
    std::optional<double> items_per_s, backup_s;
};
Measured measure(Workspace& workspace) {
    Measured out;
    auto* log = workspace.runs();
    auto const runs = log ? log->list(runs_looked_at) : Result<std::vector<catalog::Run>>();
    if (!log || !runs) return out;
    double items = 0, seconds = 0;
    for (auto const& run : *runs) {
        if (run.outcome != catalog::Outcome::ok || !run.finished) continue;
        auto const took = std::chrono::duration<double>(*run.finished - run.started).count() + 0.01;
        if (run.verb == "restore apply" || run.verb == "restore" || run.verb == "drill") {
            items += static_cast<double>(run.items);
            seconds += took;
        } else if (run.verb == "backup" && !out.backup_s) {
            out.backup_s = took;
        }
    }
    if (items > 0) out.items_per_s = items / seconds;
    return out;
}

Result<data::Strategy> strategy_of(Workspace& workspace, std::string const& given) {
    if (!given.empty()) return data::parse_strategy(given);
    return data::parse_strategy(
        workspace.config().settings.text("import.strategy").value_or("keep-newer"));
}

data::Json header_of(Workspace& workspace, repository::Snapshot const& snapshot,
                     std::string const& target, std::vector<job::RecoveryPlace> const& places) {
    data::Json header;
    header.put("program", "perdure " PERDURE_VERSION);
    header.put("config", workspace.config().file.string());
    header.put("snapshot", snapshot.id()).put("snapshot_object", to_hex(snapshot.object_hash));
    header.put("snapshot_time", to_rfc3339(snapshot.started)).put("target", target);
    data::Json list{data::Json::Array{}};
    for (auto const& place : places) {
        list.add(data::Json{}
                     .put("source", place.source->name)
                     .put("type", place.source->type)
                     .put_path("path", place.target.path.string())
                     .put_path("media", place.target.media.string()));
    }
    return header.put("sources", std::move(list));
}

std::vector<std::string> confirm_words(std::vector<job::RecoveryPlace> const& places,
                                       std::string const& target) {
    std::vector<std::string> names;
    for (auto const& place : places) names.push_back(place.source->name);
    std::vector<std::string> out = {fmt::format("{}", fmt::join(names, ","))};
    if (target != "live") {
        out.insert(out.begin(), system::Path(target).filename().string());
        out.push_back(target);
    }
    return out;
}

void add(std::vector<data::Problem>& problems, std::vector<data::Problem> const& more) {
    problems.insert(problems.end(), more.begin(), more.end());
}

Result<std::string> take_safety_snapshot(Workspace& workspace,
                                         std::vector<job::RecoveryPlace const*> const& places,
                                         std::string const& run) {
    if (places.empty()) return std::string();  // nothing is there that could be saved
    PD_TRY(auto* const repository, workspace.repository());
    job::BackupRequest request;
    for (auto const* place : places) {
        auto options = place->target;
        options.name = place->source->name;
        request.sources.push_back(std::move(options));
    }
    request.tags = {"before-restore-" + run};
    PD_TRY(auto const report, job::backup(*repository, request, workspace.stop()));
    return report.snapshot->id();
}

Result<system::Path> sign(Workspace& workspace, std::string const& kind, data::Json body) {
    PD_TRY(auto const keys, ReportKeys::open(workspace.state_folder()));
    if (auto head = custody_head(workspace.state_folder()); !head.is_null()) {
        body.put("custody", std::move(head));
    }
    return keep_report(workspace.state_folder() / "reports", kind,
                       keys.sign(kind, std::move(body)));
}

Result<void> settle(Workspace& workspace, repository::Repository& repository,
                    TellSettled const& tell) {
    PD_TRY(auto const told,
           job::settle_runs(repository, recovery_folder(workspace), workspace.stop()));
    if (tell && !told.empty()) tell(told);
    return {};
}

std::string run_name(RecordedRun& record) {
    if (record.run().id != 0) return std::to_string(record.run().id);
    return to_compact(to_timestamp(std::chrono::system_clock::now())).substr(0, 15) + "-r";
}

/// The snapshot of a plan, unchanged.
Result<repository::Snapshot> planned_snapshot(Workspace& workspace, job::Plan const& plan) {
    PD_TRY(auto const list, list_snapshots(workspace));
    auto const id = plan.header.text_of("snapshot");
    for (auto const& snapshot : list.snapshots) {
        if (snapshot.id() != id) continue;
        if (to_hex(snapshot.object_hash) == plan.header.text_of("snapshot_object")) {
            return snapshot;
        }
    }
    return fail(Fault::conflict, "the plan is stale: its snapshot " + short_id(id) +
                                     " is no longer in the repository")
        .with_code(15)
        .with_fix("make it again from another snapshot: perdure backup list");
}

Result<void> same_places(job::Plan const& plan, data::Json const& header) {
    auto const* before = plan.header.find("sources");
    auto const* now = header.find("sources");
    if (before && now && before->canonical() == now->canonical()) return {};
    return fail(Fault::conflict, "the plan is stale: the configuration names other places since")
        .with_code(15)
        .with_fix("make it again with perdure restore plan");
}

/// The snapshot, and what of it is meant: every word checked against what it holds.
struct Choice {
    repository::Snapshot snapshot;
    job::RecoveryScope scope;
    std::optional<std::chrono::seconds> gap;
};
Result<Choice> choose(Workspace& workspace, PlanCall const& call) {
    Choice out;
    PD_TRY(out.snapshot, find_snapshot(workspace, call.snapshot, call.at));
    if (call.at) {
        out.gap = std::chrono::seconds(call.at->seconds - out.snapshot.finished.seconds);
    }
    auto& scope = out.scope;
    PD_TRY(scope.selectors, data::parse_selectors(call.selectors));
    scope.filter = call.filter;
    PD_TRY(scope.strategy, strategy_of(workspace, call.strategy));
    scope.remove = call.remove;
    scope.columns = call.columns;
    scope.map_owner = call.map_owner;
    scope.map_path = call.map_path;
    scope.numeric_owners = call.numeric_owners;
    scope.swap = call.swap;
    scope.now = {to_timestamp(std::chrono::system_clock::now()).seconds, 0};
    PD_TRY(auto* const repository, workspace.repository());
    PD_TRY(auto const selectable, selectable_of(*repository, out.snapshot, workspace.stop()));
    PD_CHECK(data::check_selectors(scope.selectors, selectable));
    bool const part = std::ranges::any_of(scope.selectors, [](data::Selector const& selector) {
        return selector.kind == data::Selector::Kind::type ||
               selector.kind == data::Selector::Kind::record;
    });
    if (scope.swap && (part || !scope.filter.empty() || !scope.columns.empty())) {
        return fail(Fault::invalid, "--swap replaces databases as a whole, not a part of them")
            .with_code(2)
            .with_fix("leave out --swap: single records are written into the running database");
    }
    return out;
}

}  // namespace

Result<PlanAnswer> plan_restore(Workspace& workspace, PlanCall const& call) {
    PlanAnswer answer;
    PD_TRY(auto choice, choose(workspace, call));
    answer.snapshot = std::move(choice.snapshot);
    answer.gap = choice.gap;
    job::PlanRequest request;
    request.scope = std::move(choice.scope);
    PD_TRY(auto* const repository, workspace.repository());
    request.snapshot = answer.snapshot;
    PD_CHECK(check_selected_paths(*repository, answer.snapshot, request.scope.selectors,
                                  workspace.stop()));
    PD_TRY(auto places, places_of(workspace, answer.snapshot, request.scope, call.target));
    request.places = std::move(places.places);
    std::error_code error;
    auto const target =
        call.target == "live"
            ? call.target
            : std::filesystem::absolute(call.target, error).lexically_normal().string();
    request.header = header_of(workspace, answer.snapshot, target, request.places);
    auto const measured = measure(workspace);
    request.items_per_s = measured.items_per_s;
    request.safety_s = measured.backup_s;
    request.scratch = call.scratch;
    request.progress = call.progress;
    request.output = call.output;
    if (request.output.empty()) {
        auto const folder = workspace.state_folder() / "plans";
        PD_CHECK(system::make_folders(folder));
        request.output =
            folder / (to_compact(to_timestamp(std::chrono::system_clock::now())) + ".json");
    }
    PD_TRY(answer.report, job::plan_recovery(*repository, request, workspace.stop()));
    add(answer.report.problems, places.left_out);
    answer.plan = request.output;
    answer.in_place = true;
    answer.confirm = confirm_words(request.places, target);
    return answer;
}

Result<bool> is_new_place(Workspace& workspace, PlanCall const& call) {
    PD_TRY(auto const choice, choose(workspace, call));
    return std::ranges::none_of(choice.snapshot.sources, [&](auto const& source) {
        return job::selectors_of(choice.scope, source.name) &&
               system::exists(system::Path(call.target) / source.name);
    });
}

Result<PartAnswer> restore_part(Workspace& workspace, PlanCall const& call) {
    PartAnswer answer;
    PD_TRY(auto choice, choose(workspace, call));
    answer.snapshot = std::move(choice.snapshot);
    answer.gap = choice.gap;
    job::PartRequest request{.snapshot = answer.snapshot, .scope = std::move(choice.scope)};
    std::vector<std::string> names;
    for (auto const& source : request.snapshot.sources) {
        bool const filtered =
            !source.rows && !request.scope.filter.empty() && request.scope.selectors.empty();
        if (filtered || !job::selectors_of(request.scope, source.name)) continue;
        request.sources.push_back(&source);
        names.push_back(source.name);
    }
    std::error_code error;
    request.folder = std::filesystem::absolute(call.target, error).lexically_normal();
    for (auto const& name : names) PD_CHECK(check_place(workspace, request.folder / name));
    request.scratch = call.scratch;
    request.progress = call.progress;
    PD_TRY(auto* const repository, workspace.repository());
    PD_CHECK(check_selected_paths(*repository, request.snapshot, request.scope.selectors,
                                  workspace.stop()));
    RecordedRun record(workspace, "restore", names);
    record.run().snapshot = answer.snapshot.id();
    record.evidence("snapshot", to_hex(answer.snapshot.object_hash));
    auto report = job::restore_part(*repository, request, workspace.stop());
    if (!report) return record.failed(std::move(report).error());
    answer.report = std::move(*report);
    for (auto const& source : answer.report.sources) {
        record.run().items += source.files;
        for (auto const& table : source.tables) record.run().items += table.create;
        if (source.digest) record.evidence("rows of " + source.name, to_hex(*source.digest));
    }
    record.done(answer.report.problems, "a part, restored into " + request.folder.string());
    return answer;
}

Result<ApplyAnswer> apply_restore(Workspace& workspace, ApplyCall const& call) {
    job::ApplyRequest request;
    PD_TRY(request.plan, job::read_plan(call.plan));
    for (auto const& [record, decision] : call.overrides) {
        request.plan.overrides[record] = decision;
    }
    PD_TRY(request.snapshot, planned_snapshot(workspace, request.plan));
    auto const* scope = request.plan.header.find("scope");
    PD_TRY(request.scope, job::scope_from_json(scope ? *scope : data::Json{}));
    auto const target = request.plan.header.text_of("target");
    PD_TRY(auto places, places_of(workspace, request.snapshot, request.scope, target));
    request.places = std::move(places.places);
    PD_CHECK(
        same_places(request.plan, header_of(workspace, request.snapshot, target, request.places)));
    auto const writes = job::writes_of(request.plan.summary);
    if (writes > 0 || !request.plan.overrides.empty()) {
        PD_CHECK(
            check_confirmation(call.confirm, confirm_words(request.places, target),
                               fmt::format("this writes {} record{} or file{} in place", writes,
                                           writes == 1 ? "" : "s", writes == 1 ? "" : "s")));
    }
    ApplyAnswer answer;
    PD_TRY(auto* const repository, workspace.repository());
    PD_TRY(auto const lock, lock_runs(recovery_folder(workspace)));
    PD_CHECK(settle(workspace, *repository, call.settled));
    std::vector<std::string> names;
    for (auto const& place : request.places) names.push_back(place.source->name);
    RecordedRun record(workspace, "restore apply", names);
    record.run().snapshot = request.snapshot.id();
    request.run = run_name(record);
    request.recovery = recovery_folder(workspace);
    request.scratch = call.scratch;
    request.progress = call.progress;
    request.safety = [&](std::vector<job::RecoveryPlace const*> const& places) {
        return take_safety_snapshot(workspace, places, request.run);
    };
    auto report = job::apply_recovery(*repository, request, workspace.stop());
    if (!report) return record.failed(std::move(report).error());
    answer.report = std::move(*report);
    add(answer.report.problems, places.left_out);
    if (answer.report.writes > 0) answer.run = request.run;
    record.run().items = answer.report.writes;
    data::Json body;
    body.put("run", request.run).put("plan", request.plan.digest);
    body.put("header", request.plan.header).put("written", answer.report.writes);
    body.put("verified", answer.report.verified);
    body.put("changed_again_since", answer.report.changed_since);
    body.put("safety_snapshot", answer.report.safety).put("sources", answer.report.sources);
    PD_TRY(answer.signed_report, sign(workspace, "restore", std::move(body)));
    record.done(answer.report.problems, fmt::format("{} records and files written, {} verified",
                                                    answer.report.writes, answer.report.verified));
    return answer;
}

Result<UndoAnswer> undo_restore(Workspace& workspace, UndoCall const& call) {
    UndoAnswer answer;
    PD_TRY(auto* const repository, workspace.repository());
    PD_TRY(auto const lock, lock_runs(recovery_folder(workspace)));
    auto const known = job::RunFolder::open(recovery_folder(workspace), call.run);
    bool const unborn = known && known->run().state == "preparing";
    PD_CHECK(settle(workspace, *repository, call.settled));
    if (unborn) {
        return fail(Fault::conflict, "run " + call.run + " ended before it changed anything")
            .with_code(15)
            .with_fix("there is nothing to take back; what it had prepared is removed");
    }
    job::UndoRequest request{.recovery = recovery_folder(workspace), .run = call.run};
    request.preview = true;
    request.partly = call.partly;
    PD_TRY(answer.report, job::undo_recovery(*repository, request, workspace.stop()));
    if (call.preview) return answer;
    PD_TRY(auto const folder, job::RunFolder::open(request.recovery, call.run));
    auto const names = folder.run().names();
    PD_CHECK(
        check_confirmation(call.confirm, {fmt::format("{}", fmt::join(names, ","))},
                           fmt::format("this changes {} record{} or file{} in place",
                                       answer.report.back + answer.report.merged,
                                       answer.report.back + answer.report.merged == 1 ? "" : "s",
                                       answer.report.back + answer.report.merged == 1 ? "" : "s")));
    RecordedRun record(workspace, "restore undo", names);
    request.preview = false;
    request.undo_run = run_name(record);
    auto report = job::undo_recovery(*repository, request, workspace.stop());
    if (!report) return record.failed(std::move(report).error());
    answer.report = std::move(*report);
    answer.run = request.undo_run;
    record.run().items = answer.report.back + answer.report.merged;
    data::Json body;
    body.put("run", request.undo_run).put("undoes", call.run);
    body.put("back", answer.report.back).put("merged", answer.report.merged);
    body.put("already", answer.report.already).put("kept", answer.report.kept);
    PD_TRY(answer.signed_report, sign(workspace, "undo", std::move(body)));
    record.done(answer.report.problems,
                fmt::format("run {} taken back: {} records and files", call.run,
                            answer.report.back + answer.report.merged));
    return answer;
}

std::vector<data::Problem> sweep_restores(Workspace& workspace) {
    auto const recovery = recovery_folder(workspace);
    auto const repository = workspace.repository();
    if (!repository || job::RunFolder::list(recovery).empty()) return {};
    auto const lock = lock_runs(recovery);
    if (!lock) return {};  // a restore is at work, and cleans up itself
    auto const half_way = job::sweep_runs(**repository, recovery);
    if (!half_way) return {{"restore", half_way.error().message()}};
    std::vector<data::Problem> out;
    for (auto const& run : *half_way) {
        out.push_back({"restore", "run " + run +
                                      " was interrupted half-way, so the live data may be a "
                                      "mixture: perdure restore undo " +
                                      run + " puts it right"});
    }
    return out;
}

std::vector<job::RecoveryRun> restore_runs(Workspace& workspace) {
    std::vector<job::RecoveryRun> out;
    for (auto const& folder : job::RunFolder::list(recovery_folder(workspace))) {
        out.push_back(folder.run());
    }
    return out;
}

}  // namespace perdure::service
