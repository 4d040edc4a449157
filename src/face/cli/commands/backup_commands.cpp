#include <fmt/format.h>

#include <chrono>

#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "face/cli/table.h"
#include "service/backup.h"

namespace perdure::face {
namespace {

using repository::SnapshotType;

std::optional<SnapshotType> type_of(std::string const& word) {
    if (word == "full") return SnapshotType::full;
    if (word == "incremental") return SnapshotType::incremental;
    if (word == "differential") return SnapshotType::differential;
    return std::nullopt;
}

/// How much a full backup will read, going by the newest snapshot of each source; 0: not known.
std::uint64_t guess_bytes(service::Workspace& workspace, service::BackupCall const& call) {
    if (call.type != SnapshotType::full) return 0;
    auto const sources = workspace.sources(call.sources);
    auto const list = service::list_snapshots(workspace);
    if (!sources || !list) return 0;
    std::uint64_t total = 0;
    for (auto const& source : *sources) {
        std::optional<std::uint64_t> newest;
        for (auto const& snapshot : list->snapshots) {
            for (auto const& each : snapshot.sources) {
                if (each.name == source.options.name) newest = each.bytes_total;
            }
        }
        if (!newest) return 0;
        total += *newest;
    }
    return total;
}

/// A misspelled name is told before anything opens; `backup lst` may have meant a command.
Result<void> check_names(service::Workspace const& workspace,
                         std::vector<std::string> const& names) {
    auto const sources = workspace.sources(names);
    if (sources) return {};
    auto const command = names.empty() ? "" : nearest_subcommand("backup", names.front());
    bool const guessed = sources.error().fix().starts_with("did you mean");
    if (workspace.config().source(names.empty() ? "" : names.front()) || command.empty() ||
        guessed) {
        return Error(sources.error());
    }
    return Error(sources.error()).with_fix("did you mean \"perdure backup " + command + "\"?");
}

void tell_sources(Invocation& in, service::BackupAnswer const& answer) {
    Table table({"source", "type", ">items", ">read", ">people"});
    JsonArray sources;
    for (auto const& source : answer.report.sources) {
        table.add({source.name, source.type, spell_count(source.items),
                   spell_bytes(source.bytes_read),
                   source.subjects ? spell_count(source.subjects) : ""});
        JsonObject object;
        object.put("name", source.name).put("type", source.type).put("items", source.items);
        object.put("bytes_read", source.bytes_read).put("bytes_total", source.bytes_total);
        object.put("subjects", source.subjects).put("skipped", source.problems_total);
        sources.add(object);
    }
    table.print(in.out());
    in.summary().put("sources", sources);
}

void summarise(Invocation& in, service::BackupAnswer const& answer) {
    auto const& report = answer.report;
    auto& summary = in.summary();
    if (report.snapshot) {
        summary.put("snapshot", report.snapshot->id());
        summary.put("snapshot_type", service::type_name(report.snapshot->type));
    } else {
        summary.put_null("snapshot");
    }
    summary.put("dry_run", !report.snapshot.has_value()).put("items", report.items);
    summary.put("bytes_read", report.bytes_read).put("bytes_new", report.statistics.bytes_new);
    summary.put("bytes_stored", report.statistics.bytes_stored);
    summary.put("duration_s", answer.duration_s).put("run", answer.run);
    JsonArray destinations;
    for (auto const& leg : answer.destinations) {
        JsonObject object;
        object.put("name", leg.name).put("complete", !leg.degraded);
        destinations.add(object);
    }
    summary.put("destinations", destinations);
}

}  // namespace

Result<int> run_backup(Invocation& in) {
    auto const& arguments = in.arguments();
    PD_TRY(auto workspace, open_workspace(in));
    service::BackupCall call;
    call.sources = arguments.positional;
    call.type = type_of(arguments.value("--type"));
    call.tags = arguments.values("--tag");
    call.dry_run = arguments.has("--dry-run");
    PD_CHECK(check_names(*workspace, call.sources));
    static_cast<void>(workspace->repository());  // asks before the bar is drawn
    std::optional<service::BackupAnswer> answer;
    {
        ProgressView progress(in.out(), "backup", guess_bytes(*workspace, call));
        call.progress = progress.hook();
        PD_TRY(answer, service::backup(*workspace, call));
    }
    tell_sources(in, *answer);
    for (auto const& [source, reason] : answer->report.emptied) {
        in.out().warn("note: " + printable(source) + " " + printable(reason));
    }
    in.problems(answer->problems);
    if (auto const unnamed = answer->report.problems_unnamed; unnamed > 0) {
        in.out().warn(
            fmt::format("  … and {} more that are counted, not named", spell_count(unnamed)));
    }
    summarise(in, *answer);
    auto const& report = answer->report;
    auto const& style = in.out().out_style();
    in.out().line();
    if (report.snapshot) {
        in.out().line(fmt::format("{} {} snapshot {} in {}: {} read, {} new, {} stored",
                                  answer->problems.empty() ? style.green("✓") : style.yellow("!"),
                                  service::type_name(report.snapshot->type),
                                  style.bold(service::short_id(report.snapshot->id())),
                                  spell_seconds(answer->duration_s), spell_bytes(report.bytes_read),
                                  spell_bytes(report.statistics.bytes_new),
                                  spell_bytes(report.statistics.bytes_stored)));
    } else {
        in.out().line(fmt::format("dry run, nothing was written: {} read, {} would be new",
                                  spell_bytes(report.bytes_read),
                                  spell_bytes(report.statistics.bytes_new)));
    }
    if (answer->problems.empty()) return service::exit_code::ok;
    in.out().line(fmt::format("  partial: {}", plural(answer->problems_total(), "thing was skipped",
                                                      "things were skipped")));
    return service::exit_code::partial;
}

}  // namespace perdure::face
