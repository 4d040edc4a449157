#include "service/export/export.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "service/export/archive_options.h"
#include "service/export/export_history.h"
#include "service/recorded_run.h"
#include "service/snapshots.h"

namespace perdure::service {
namespace {

std::optional<std::uint64_t> number_of_environment(char const* name) {
    char const* const text = std::getenv(name);
    if (!text || *text < '0' || *text > '9') return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

/// Trees have files, not records.
Error no_records(SourceConfig const& source, std::vector<SourceConfig> const& all) {
    std::string databases;
    for (auto const& each : all) {
        if (each.options.type != "sqlite") continue;
        databases += (databases.empty() ? "" : ", ") + each.options.name;
    }
    auto const& options = source.options;
    return fail(Fault::unsupported,
                fmt::format("source \"{}\" is of type {} and holds files, not records",
                            options.name, options.type))
        .with_code(2)
        .with_fix(fmt::format("perdure restore latest {} --to DIR brings its files{}", options.name,
                              databases.empty() ? "" : "; records are in: " + databases));
}

Result<SourceConfig> choose_source(Workspace& workspace, ExportCall const& call) {
    PD_TRY(auto const all, workspace.sources({}));
    if (!call.source.empty()) {
        PD_TRY(auto const named, workspace.sources({call.source}));
        if (named.front().options.type == "sqlite") return named.front();
        return no_records(named.front(), all);
    }
    std::vector<SourceConfig> suitable;
    std::string names;
    for (auto const& source : all) {
        bool const has_records = !source.options.mapping.records.empty() || call.all_tables;
        if (source.options.type != "sqlite" || !has_records) continue;
        suitable.push_back(source);
        names += (names.empty() ? "" : ", ") + source.options.name;
    }
    if (suitable.size() == 1) return suitable.front();
    if (suitable.empty()) {
        return fail(Fault::invalid, "no source has records")
            .with_code(2)
            .with_fix("add [source.NAME.records.TYPE], or export --all-tables");
    }
    return fail(Fault::invalid, "several sources have records: " + names)
        .with_code(2)
        .with_fix("choose one: perdure export --source NAME …");
}

/// SOURCE_DATE_EPOCH (reproducible-builds.org) makes exports of different days equal.
Timestamp start_time() {
    if (auto const seconds = number_of_environment("SOURCE_DATE_EPOCH")) {
        return {static_cast<std::int64_t>(*seconds), 0};
    }
    return to_timestamp(std::chrono::system_clock::now());
}

/// Tests kill an export between two of its checkpoints.
std::uint64_t checkpoint_records() {
    return number_of_environment("PERDURE_CHECKPOINT_RECORDS").value_or(0);
}

}  // namespace

Result<ExportAnswer> export_records(Workspace& workspace, ExportCall const& call) {
    PD_TRY(auto const source, choose_source(workspace, call));
    ExportAnswer answer{.source = source.options.name};
    repository::Repository* repository = nullptr;
    if (!call.snapshot.empty() || call.at) {
        auto const word = call.snapshot.empty() ? std::string("latest") : call.snapshot;
        PD_TRY(answer.snapshot, find_snapshot(workspace, word, call.at));
        PD_TRY(repository, workspace.repository());
    }
    PD_TRY(auto const options, with_archive_options(workspace, call));
    RecordedRun record(workspace, "export", {source.options.name});
    auto report = job::export_records(repository,
                                      {.source = source.options,
                                       .snapshot = answer.snapshot,
                                       .filter = call.filter,
                                       .fields = call.fields,
                                       .redact = call.redact,
                                       .order = call.order,
                                       .format = call.format,
                                       .options = options,
                                       .title = call.title,
                                       .media = call.media,
                                       .output = call.output,
                                       .parcel = call.parcel.copy(),
                                       .replace = call.replace,
                                       .unmapped_tables = call.all_tables,
                                       .now = start_time(),
                                       .words = call.words,
                                       .checkpoint_records = checkpoint_records(),
                                       .progress = call.progress},
                                      workspace.stop());
    if (!report) return record.failed(std::move(report).error());
    std::error_code unseen;
    if (std::filesystem::is_regular_file(call.output, unseen)) {
        record.evidence(call.output.filename().string(), to_hex(report->proof.digest));
    }
    record.run().items = report->summary.records;
    record.done(report->problems,
                fmt::format("{} records as {}", report->summary.records, call.format));
    answer.report = std::move(*report);
    remember_export(workspace, call, answer);
    return answer;
}

}  // namespace perdure::service
