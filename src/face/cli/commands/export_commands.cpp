#include <fmt/format.h>

#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "face/cli/table.h"
#include "format/format.h"
#include "service/export.h"

namespace perdure::face {
namespace {

Result<std::optional<Timestamp>> time_option(Arguments const& arguments, std::string const& name) {
    auto const text = arguments.value(name);
    if (text.empty()) return std::optional<Timestamp>();
    auto time = parse_time(text);
    if (!time) return Error(time.error()).within(name).with_code(2);
    return std::optional<Timestamp>(*time);
}

Result<data::RecordFilter> filter_of(Arguments const& arguments) {
    data::RecordFilter filter;
    filter.types = arguments.values("--type");
    filter.projects = arguments.values("--project");
    filter.categories = arguments.values("--category");
    filter.collections = arguments.values("--collection");
    filter.tags = arguments.values("--tag");
    filter.subjects = arguments.values("--subject");
    PD_TRY(filter.since, time_option(arguments, "--since"));
    PD_TRY(filter.until, time_option(arguments, "--until"));
    filter.where_text = arguments.value("--where");
    if (!filter.where_text.empty()) {
        auto where = data::Where::parse(filter.where_text);
        if (!where) return Error(where.error()).within("--where").with_code(2);
        filter.where = std::move(*where);
    }
    return filter;
}

void tell_exported(Invocation& in, service::ExportAnswer const& answer,
                   service::ExportCall const& call) {
    auto const& summary = answer.report.summary;
    Table table({"type", ">records"});
    for (auto const& [type, records] : summary.per_type) table.add({type, spell_count(records)});
    table.print(in.out());
    for (auto const& omission : summary.omissions) {
        JsonObject object;
        object.put("record", omission.record).put("what", omission.what);
        in.out().event("omission", object);
    }
    in.summary().put("source", answer.source).put("format", call.format);
    if (answer.snapshot) in.summary().put("snapshot", answer.snapshot->id());
    in.summary().put("records_read", answer.report.records_read);
    in.summary().put("records", summary.records).put("media", summary.media);
    in.summary().put("files", summary.files).put("bytes", summary.bytes);
    in.summary().put("omissions", summary.omissions_total);
    in.summary().put_path("output", call.output.string());
    if (summary.omissions_total == 0) return;
    in.out().warn(fmt::format("{} could not be held exactly by {}; the first: {}, {}",
                              plural(summary.omissions_total, "value", "values"), call.format,
                              summary.omissions.front().record, summary.omissions.front().what));
}

}  // namespace

Result<int> run_export(Invocation& in) {
    auto const& arguments = in.arguments();
    service::ExportCall call;
    call.source = arguments.value("--source");
    call.snapshot = arguments.value("--snapshot");
    call.format = arguments.value("--format", "json");
    call.output = arguments.value("--output");
    call.all_tables = arguments.has("--all-tables");
    if (auto const dialect = arguments.value("--dialect"); !dialect.empty()) {
        call.options["dialect"] = dialect;
    }
    PD_TRY(call.at, time_option(arguments, "--at"));
    PD_TRY(call.filter, filter_of(arguments));
    auto const kind = format::find_format(call.format);
    if (!kind) return Error(kind.error()).with_code(2);
    if (call.output.empty()) {
        return fail(Fault::invalid, "export needs a place to write to")
            .with_code(2)
            .with_fix("perdure export --format " + call.format + " -o records." +
                      std::string((*kind)->extension));
    }
    PD_TRY(auto workspace, open_workspace(in));
    std::optional<service::ExportAnswer> answer;
    {
        ProgressView progress(in.out(), "export", 0);
        call.progress = progress.hook();
        PD_TRY(answer, service::export_records(*workspace, call));
    }
    tell_exported(in, *answer, call);
    in.problems(answer->report.problems);
    bool const whole =
        answer->report.problems.empty() && answer->report.summary.omissions_total == 0;
    auto const& style = in.out().out_style();
    in.out().line();
    in.out().line(fmt::format(
        "{} exported {} of {} into {}", whole ? style.green("✓") : style.yellow("!"),
        plural(answer->report.summary.records, "record", "records"),
        answer->snapshot ? "snapshot " + service::short_id(answer->snapshot->id()) : "live data",
        printable(call.output.string())));
    return whole ? service::exit_code::ok : service::exit_code::partial;
}

}  // namespace perdure::face
