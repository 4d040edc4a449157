#include <fmt/format.h>

#include "data/selector.h"
#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "face/cli/table.h"
#include "service/restore.h"

namespace perdure::face {
namespace {

std::string_view equality_name(job::Equality equality) {
    switch (equality) {
        case job::Equality::equal_to_live:
            return "equal_to_live";
        case job::Equality::equal_to_recorded:
            return "equal_to_recorded";
        case job::Equality::changed_since:
            return "changed_since";
        case job::Equality::not_comparable:
            return "not_comparable";
        case job::Equality::different:
            return "different";
    }
    return "";
}

void tell_restored(Invocation& in, service::RestoreAnswer const& answer) {
    Table table({"source", "type", ">items", ">size", "folder"});
    JsonArray sources;
    std::uint64_t items = 0, bytes = 0;
    for (auto const& source : answer.report.sources) {
        items += source.items;
        bytes += source.bytes;
        table.add({source.name, source.type, spell_count(source.items), spell_bytes(source.bytes),
                   printable(source.folder.string())});
        JsonObject object;
        object.put("name", source.name).put("type", source.type).put("items", source.items);
        object.put("bytes", source.bytes).put_path("folder", source.folder.string());
        object.put("erased_subjects", source.erased_subjects);
        object.put("erased_blocks", source.erased_blocks);
        sources.add(object);
        if (source.erased_subjects > 0) {
            in.out().warn(
                fmt::format("  {}: {} left out, their keys are destroyed", source.name,
                            plural(source.erased_subjects, "erased person", "erased people")));
        }
    }
    table.print(in.out());
    JsonObject actions;
    actions.put(answer.overwrote ? "overwritten" : "created", items);
    actions.put("skipped", answer.report.problems.size()).put("deleted", 0);
    in.summary().put("snapshot", answer.snapshot.id()).put("items", items).put("bytes", bytes);
    in.summary().put("actions", actions).put("sources", sources);
    in.summary().put("duration_s", answer.report.duration_s);
}

}  // namespace

std::string_view equality_words(job::Equality equality) {
    switch (equality) {
        case job::Equality::equal_to_live:
            return "equal to the live source";
        case job::Equality::equal_to_recorded:
            return "equal to the digest taken at backup";
        case job::Equality::changed_since:
            return "equal, but for what changed live since";
        case job::Equality::not_comparable:
            return "complete; nothing to compare with";
        case job::Equality::different:
            return "DIFFERENT";
    }
    return "";
}

namespace {

/// Restoring into what is there, or a part of a database, needs a plan; a folder of its own does
/// not.
bool needs_plan(Arguments const& arguments) {
    auto const target = arguments.value("--to");
    std::error_code error;
    if (target == "live" || std::filesystem::is_regular_file(target, error)) return true;
    for (auto const* name :
         {"--type", "--project", "--category", "--collection", "--tag", "--subject", "--since",
          "--until", "--where", "--merge-strategy", "--delete", "--map-column"}) {
        if (arguments.has(name)) return true;
    }
    for (std::size_t at = 1; at < arguments.positional.size(); ++at) {
        auto const selector = data::parse_selector(arguments.positional[at]);
        using Kind = data::Selector::Kind;
        if (selector &&
            (selector->pattern || selector->kind == Kind::type || selector->kind == Kind::record)) {
            return true;
        }
    }
    return false;
}

}  // namespace

Result<int> run_restore(Invocation& in) {
    auto const& arguments = in.arguments();
    if (!arguments.value("--to").empty() && needs_plan(arguments)) return restore_in_place(in);
    service::RestoreCall call;
    call.snapshot = arguments.positional.front();
    call.select.assign(arguments.positional.begin() + 1, arguments.positional.end());
    call.folder = arguments.value("--to");
    call.confirm = arguments.value("--confirm");
    if (call.folder.empty()) {
        return fail(Fault::invalid, "restore needs a folder to restore to")
            .with_code(2)
            .with_fix("perdure restore " + call.snapshot + " --to DIR, or --to live");
    }
    if (auto const at = arguments.value("--at"); !at.empty()) {
        auto time = parse_time(at);
        if (!time) return Error(time.error()).within("--at").with_code(2);
        call.at = *time;
    }
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const snapshot, service::find_snapshot(*workspace, call.snapshot, call.at));
    std::optional<service::RestoreAnswer> answer;
    {
        ProgressView progress(in.out(), "restore", service::expected_bytes(snapshot, call.select));
        call.progress = progress.hook();
        PD_TRY(answer, service::restore(*workspace, call));
    }
    tell_restored(in, *answer);
    if (answer->gap) {
        in.out().line(fmt::format("state of {}, {} before the time asked for",
                                  local_time(answer->snapshot.finished),
                                  spell_seconds(static_cast<double>(answer->gap->count()))));
        in.summary().put("gap_s", answer->gap->count());
    }
    in.problems(answer->report.problems);
    auto const& style = in.out().out_style();
    in.out().line();
    in.out().line(
        fmt::format("{} restored snapshot {} in {}",
                    answer->report.problems.empty() ? style.green("✓") : style.yellow("!"),
                    style.bold(service::short_id(answer->snapshot.id())),
                    spell_seconds(answer->report.duration_s)));
    if (answer->report.lost > 0) {
        return fail(Fault::corrupt, plural(answer->report.lost, "file or row", "files or rows") +
                                        " could not be read back; everything else was restored")
            .with_code(14)
            .with_fix("perdure repo check --read-data, then perdure repo repair");
    }
    return answer->report.problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

Result<int> run_restore_drill(Invocation& in) {
    auto const& arguments = in.arguments();
    PD_TRY(auto workspace, open_to_read(in));
    service::DrillCall call;
    if (!arguments.positional.empty()) call.snapshot = arguments.positional.front();
    call.sources = arguments.values("--source");
    call.scratch = arguments.value("--scratch");
    static_cast<void>(workspace->repository());  // asks before the bar is drawn
    std::optional<job::DrillReport> report;
    {
        ProgressView progress(in.out(), "drill", 0);
        call.progress = progress.hook();
        PD_TRY(report, service::drill(*workspace, call));
    }
    Table table({"source", "result", ">items", ">time", "proof"});
    JsonArray sources;
    auto const& style = in.out().out_style();
    for (auto const& source : report->sources) {
        table.add({source.name, source.passed() ? style.green("✓ passed") : style.red("✗ failed"),
                   spell_count(source.restored.items), spell_seconds(source.restore_s),
                   std::string(equality_words(source.equality))});
        JsonObject object;
        object.put("name", source.name).put("passed", source.passed());
        object.put("equality", equality_name(source.equality));
        object.put("digest", to_hex(source.restored.hash));
        object.put("expected", to_hex(source.expected.hash));
        object.put("items", source.restored.items).put("restore_s", source.restore_s);
        sources.add(object);
    }
    table.print(in.out());
    for (auto const& source : report->sources) in.problems(source.problems);
    in.summary().put("snapshot", report->snapshot_id).put("passed", report->passed());
    in.summary().put("sources", sources).put("rto_s", report->rto_s);
    in.summary().put("rpo_s", report->drilled.seconds - report->taken.seconds);
    in.out().line();
    in.out().line(report->passed() ? fmt::format("{} restored and proven in {}", style.green("✓"),
                                                 spell_seconds(report->rto_s))
                                   : fmt::format("{} the restored copy is not what was backed up",
                                                 style.red("✗")));
    return report->passed() ? service::exit_code::ok : service::exit_code::integrity;
}

}  // namespace perdure::face
