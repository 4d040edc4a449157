#include <fmt/format.h>

#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "service/report/migration.h"
#include "service/report/runbook.h"

namespace perdure::face {
namespace {

constexpr std::size_t lines_shown_max = 60;

using Write = Result<service::WrittenReport> (*)(service::Workspace&, service::ReportCall const&);

Result<int> write_report(Invocation& in, service::ReportCall call, Write write) {
    call.folder = in.arguments().value("--output", "perdure-reports");
    PD_TRY(auto workspace, open_to_read(in));
    std::optional<service::WrittenReport> report;
    {
        ProgressView progress(in.out(), "report", 0);
        call.progress = progress.hook();
        PD_TRY(report, write(*workspace, call));
    }
    auto& out = in.out();
    std::size_t shown = 0;
    for (auto const& line : report->lines) {
        if (shown++ == lines_shown_max) break;
        out.line(printable(line));
    }
    if (report->lines.size() > lines_shown_max) {
        out.line(fmt::format("… and {} more in {}", report->lines.size() - lines_shown_max,
                             printable(report->text.string())));
    }
    auto const& style = out.out_style();
    out.line();
    out.line(fmt::format("{} signed: {}", report->passed ? style.green("✓") : style.red("✗"),
                         printable(report->file.string())));
    in.summary().put_path("report", report->file.string()).put("passed", report->passed);
    in.summary().put_path("text", report->text.string());
    if (report->attachment) in.summary().put_path("attachment", report->attachment->string());
    return report->passed ? service::exit_code::ok : service::exit_code::integrity;
}

service::ReportCall snapshot_call(Invocation& in) {
    service::ReportCall call;
    if (!in.arguments().positional.empty()) call.snapshot = in.arguments().positional.front();
    return call;
}

}  // namespace

Result<int> run_report_inventory(Invocation& in) {
    service::ReportCall call;
    call.place = in.arguments().positional.empty() ? "." : in.arguments().positional.front();
    return write_report(in, std::move(call), service::report_inventory);
}

Result<int> run_report_integrity(Invocation& in) {
    return write_report(in, snapshot_call(in), service::report_integrity);
}

Result<int> run_report_permissions(Invocation& in) {
    auto call = snapshot_call(in);
    call.restored = in.arguments().value("--restored");
    if (call.restored.empty()) {
        return fail(Fault::invalid, "report permissions needs the folder that was restored into")
            .with_code(2)
            .with_fix("perdure report permissions " + call.snapshot + " --restored DIR");
    }
    call.map_owner = in.arguments().values("--map-owner");
    call.map_path = in.arguments().values("--map-path");
    call.numeric_owners = in.arguments().has("--numeric-owners");
    return write_report(in, std::move(call), service::report_permissions);
}

Result<int> run_report_restore(Invocation& in) {
    auto call = snapshot_call(in);
    call.sources = in.arguments().values("--source");
    call.scratch = in.arguments().value("--scratch");
    return write_report(in, std::move(call), service::report_restore);
}

Result<int> run_report_custody(Invocation& in) {
    return write_report(in, {}, service::report_custody);
}

Result<int> run_report_runbook(Invocation& in) {
    system::Path const file = in.arguments().value("--output");
    if (!file.empty() && system::exists(file) && !in.arguments().has("--replace")) {
        return fail(Fault::conflict, file.string() + " exists already")
            .with_code(15)
            .with_fix("perdure report runbook -o FILE --replace, or name another file");
    }
    PD_TRY(auto workspace, open_to_read(in));
    auto const runbook = service::make_runbook(*workspace);
    if (file.empty()) {
        in.out().line(std::string_view(runbook.markdown).substr(0, runbook.markdown.size() - 1));
        in.summary().put("markdown", runbook.markdown);
    } else {
        PD_CHECK(system::write_file(file, as_bytes(runbook.markdown),
                                    {.replace = in.arguments().has("--replace"), .mode = 0644}));
        in.out().line("wrote " + printable(file.string()) + ": print it and keep it elsewhere");
        in.summary().put_path("runbook", file.string());
    }
    in.problems(runbook.problems);
    return runbook.problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

}  // namespace perdure::face
