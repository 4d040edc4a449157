#include "service/restore.h"

#include <fmt/format.h>

#include <algorithm>

#include "service/recorded_run.h"
#include "service/snapshots.h"
#include "system/path/real_path.h"

namespace perdure::service {
namespace {

/// Empty or absent: nothing can be overwritten there.
Result<bool> holds_something(system::Path const& folder) {
    std::error_code error;
    auto const status = std::filesystem::status(folder, error);
    if (!std::filesystem::exists(status)) return false;
    if (!std::filesystem::is_directory(status)) {
        return fail(Fault::conflict, folder.string() + " is a file, not a folder")
            .with_code(2)
            .with_fix("name another folder with --to");
    }
    bool const empty = std::filesystem::is_empty(folder, error);
    if (error) return system::error_from_errno(error.value(), "reading " + folder.string());
    return !empty;
}

std::vector<std::string> names_of(repository::Snapshot const& snapshot,
                                  std::vector<std::string> const& select) {
    std::vector<std::string> out;
    for (auto const& source : snapshot.sources) {
        bool const wanted =
            select.empty() || std::ranges::any_of(select, [&](std::string const& path) {
                return path == source.name || path.starts_with(source.name + "/");
            });
        if (wanted) out.push_back(source.name);
    }
    return out;
}

Result<void> check_target(RestoreCall const& call, system::Path const& folder,
                          repository::Snapshot const& snapshot, bool& overwrite) {
    overwrite = false;
    for (auto const& name : names_of(snapshot, call.select)) {
        PD_TRY(bool const filled, holds_something(folder / name));
        overwrite = overwrite || filled;
    }
    PD_TRY(bool const any, holds_something(folder));
    overwrite = overwrite || any;
    if (!overwrite) return {};
    auto const name = folder.filename().string();
    return check_confirmation(
        call.confirm, {name.empty() ? folder.string() : name, folder.string()},
        folder.string() + " holds something already, which a restore may overwrite");
}

/// A source that this snapshot lacks may well be in another.
Result<void> check_sources(Workspace& workspace, repository::Snapshot const& snapshot,
                           RestoreCall const& call) {
    for (auto const& wanted : call.select) {
        auto const name = wanted.substr(0, wanted.find('/'));
        if (holds_source(snapshot, name)) continue;
        PD_TRY(auto const list, list_snapshots(workspace));
        auto const newest = newest_with(list.snapshots, name, call.at);
        if (!newest) continue;
        return fail(Fault::not_found,
                    fmt::format("snapshot {} has no source \"{}\"", short_id(snapshot.id()), name))
            .with_fix(
                fmt::format("the newest that holds it is of {}: perdure restore {} {} --to {}",
                            to_rfc3339(newest->finished), short_id(newest->id()), wanted,
                            call.folder.string()));
    }
    return {};
}

std::vector<job::Invariant> invariants_of(SourceConfig const& source) {
    std::vector<job::Invariant> out;
    for (auto const& one : source.invariants) out.push_back({one.name, one.sql, one.argv});
    return out;
}

void end_drill(RecordedRun& record, job::DrillReport const& report) {
    auto const source =
        std::ranges::find(report.sources, record.run().sources.front(), &job::DrilledSource::name);
    if (source == report.sources.end()) return;  // left as failed
    record.run().items = source->restored.items;
    if (source->passed() && source->equality == job::Equality::not_comparable) {
        return record.proved_nothing(
            fmt::format("restored and compared with nothing in {:.1f} s", source->restore_s));
    }
    if (source->passed()) {
        return record.done({}, fmt::format("restored and proven in {:.1f} s", source->restore_s));
    }
    std::string reason = "the restored copy is not what was backed up";
    if (!source->problems.empty()) {
        reason = source->problems.front().path + ": " + source->problems.front().reason;
    }
    static_cast<void>(record.failed(fail(Fault::corrupt, std::move(reason))));
}

}  // namespace

Result<void> check_place(Workspace const& workspace, system::Path const& folder) {
    auto const target = system::real_path(folder);
    for (auto const& destination : workspace.destinations()) {
        auto const below = target.lexically_relative(system::real_path(destination.path));
        if (below.empty() || below.begin()->string() == "..") continue;
        return fail(Fault::invalid, fmt::format("{} lies in the repository of destination \"{}\"",
                                                folder.string(), destination.name))
            .with_code(2)
            .with_fix("name another folder with --to");
    }
    return {};
}

std::uint64_t expected_bytes(repository::Snapshot const& snapshot,
                             std::vector<std::string> const& select) {
    std::uint64_t total = 0;
    for (auto const& path : select) {
        if (path.find('/') != std::string::npos) return 0;
    }
    auto const names = names_of(snapshot, select);
    for (auto const& source : snapshot.sources) {
        if (std::ranges::find(names, source.name) != names.end()) total += source.bytes_total;
    }
    return total;
}

Result<RestoreAnswer> restore(Workspace& workspace, RestoreCall const& call) {
    RestoreAnswer answer;
    PD_TRY(answer.snapshot, find_snapshot(workspace, call.snapshot, call.at));
    if (call.select.empty()) {
        PD_CHECK(tell_absent_sources(workspace, answer.snapshot, {call.snapshot, call.at}));
    }
    PD_CHECK(check_sources(workspace, answer.snapshot, call));
    if (call.at) {
        answer.gap = std::chrono::seconds(call.at->seconds - answer.snapshot.finished.seconds);
    }
    std::error_code error;
    auto folder = std::filesystem::absolute(call.folder, error).lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    PD_CHECK(check_place(workspace, folder));
    for (auto const& name : names_of(answer.snapshot, call.select))
        PD_CHECK(check_place(workspace, folder / name));
    PD_CHECK(check_target(call, folder, answer.snapshot, answer.overwrote));
    PD_TRY(auto owners,
           job::OwnerMap::create({.rules = call.map_owner, .by_name = !call.numeric_owners}));
    PD_TRY(auto paths, job::PathMap::create(call.map_path));
    RecordedRun record(workspace, "restore", names_of(answer.snapshot, call.select));
    auto opened = workspace.repository();
    if (!opened) return record.failed(std::move(opened).error());
    auto* repository = *opened;
    record.run().snapshot = answer.snapshot.id();
    job::RestoreRequest request;
    request.snapshot = answer.snapshot;
    request.select = call.select;
    request.folder = folder;
    request.overwrite = answer.overwrote;
    request.progress = call.progress;
    request.remap = std::make_shared<job::Remap const>(std::move(owners), std::move(paths));
    record.evidence("snapshot", to_hex(answer.snapshot.object_hash));
    auto report = job::restore(*repository, request, workspace.stop());
    if (!report && report.error().fault() == Fault::cancelled) {
        return record.failed(std::move(report).error().with_fix(
            fmt::format("{} holds a part of it; repeat it with --confirm {}", folder.string(),
                        folder.filename().string())));
    }
    if (!report) return record.failed(std::move(report).error());
    answer.report = std::move(*report);
    for (auto const& source : answer.report.sources) {
        record.run().items += source.items;
        record.run().bytes_read += source.bytes;
    }
    record.done(answer.report.problems, "restored into " + folder.string());
    return answer;
}

Result<job::DrillReport> drill(Workspace& workspace, DrillCall const& call) {
    job::DrillRequest request;
    PD_TRY(request.snapshot, find_snapshot(workspace, call.snapshot));
    if (call.sources.empty()) {
        PD_CHECK(tell_absent_sources(workspace, request.snapshot, {call.snapshot, {}}));
    }
    request.sources = call.sources;
    request.scratch_parent = call.scratch;
    request.progress = call.progress;
    for (auto const& source : workspace.config().sources) {
        request.live[source.options.name] = source.options;
        request.invariants[source.options.name] = invariants_of(source);
    }
    // One run a source: one that failed must not make the others look untested.
    std::vector<std::unique_ptr<RecordedRun>> records;
    for (auto const& name : names_of(request.snapshot, call.sources)) {
        records.push_back(
            std::make_unique<RecordedRun>(workspace, "drill", std::vector<std::string>{name}));
        records.back()->run().snapshot = request.snapshot.id();
    }
    auto opened = workspace.repository();
    auto report = opened ? job::drill(**opened, request, workspace.stop())
                         : Result<job::DrillReport>(opened.error());
    for (auto& record : records) {
        if (!report) static_cast<void>(record->failed(report.error()));
        if (report) end_drill(*record, *report);
    }
    return report;
}

}  // namespace perdure::service
