#include <fmt/format.h>

#include <algorithm>

#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "face/cli/table.h"
#include "service/report/drills.h"

namespace perdure::face {
namespace {

JsonArray sources_array(job::DrillReport const& report) {
    JsonArray sources;
    for (auto const& source : report.sources) {
        JsonObject object;
        object.put("name", source.name).put("passed", source.passed());
        object.put("equality", service::equality_name(source.equality));
        object.put("digest", to_hex(source.restored.hash));
        object.put("expected", to_hex(source.expected.hash));
        object.put("items", source.restored.items).put("restore_s", source.restore_s);
        object.put("not_judged", source.not_judged.size());
        sources.add(object);
    }
    return sources;
}

/// "Proven" is what was compared.
std::string passed_words(Style const& style, job::DrillReport const& report) {
    std::string unproven;
    for (auto const& source : report.sources) {
        if (source.equality != job::Equality::not_comparable) continue;
        unproven += (unproven.empty() ? "" : ", ") + source.name;
    }
    auto const took = spell_seconds(report.rto_s);
    if (unproven.empty())
        return fmt::format("{} restored and proven in {}", style.green("✓"), took);
    return fmt::format("{} restored in {}, but compared with nothing: {}", style.yellow("✓"), took,
                       unproven);
}

void tell_drill(Invocation& in, service::SignedDrill const& drill) {
    auto const& report = drill.report;
    auto& out = in.out();
    auto const& style = out.out_style();
    out.line(fmt::format("snapshot {} of {}{}", style.bold(service::short_id(report.snapshot_id)),
                         local_time(report.taken), drill.drawn ? ", drawn at random" : ""));
    Table table({"source", "result", ">items", ">time", "proof"});
    for (auto const& source : report.sources) {
        table.add({source.name, source.passed() ? style.green("✓ passed") : style.red("✗ failed"),
                   spell_count(source.restored.items), spell_seconds(source.restore_s),
                   std::string(equality_words(source.equality))});
    }
    table.print(out);
    for (auto const& source : report.sources) {
        in.problems(source.problems, "failed");
        tell_not_judged(out, source);
    }
    JsonObject object;
    object.put("snapshot", report.snapshot_id).put("passed", report.passed());
    object.put("drawn", drill.drawn).put("sources", sources_array(report));
    object.put("rto_s", report.rto_s).put("rpo_s", report.drilled.seconds - report.taken.seconds);
    object.put_path("report", drill.file.string());
    out.event("drill", object);
    out.line();
    out.line(report.passed()
                 ? passed_words(style, report)
                 : fmt::format("{} the restored copy is not what was backed up", style.red("✗")));
    if (!drill.file.empty()) out.line("  signed report: " + printable(drill.file.string()));
    if (!drill.trouble.empty()) out.warn("  the report was not kept: " + printable(drill.trouble));
}

}  // namespace

void tell_not_judged(Output& out, job::DrilledSource const& source) {
    for (auto const& [path, reason] : source.not_judged) {
        out.warn(fmt::format("  {} {}: {}", out.talk_style().yellow("not judged"), printable(path),
                             printable(reason)));
    }
}

Result<int> run_restore_drill(Invocation& in) {
    auto const& arguments = in.arguments();
    PD_TRY(auto workspace, open_to_read(in));
    service::DrillsCall call;
    call.drill.sources = arguments.values("--source");
    if (!arguments.positional.empty()) {
        auto const& word = arguments.positional.front();
        // A source's name means its latest snapshot; everything else is a snapshot.
        bool const source = workspace->config().source(word) != nullptr;
        (source ? call.drill.sources.emplace_back() : call.drill.snapshot) = word;
    }
    call.drill.scratch = arguments.value("--scratch");
    call.random = arguments.has("--random") || arguments.has("--seed");
    if (arguments.has("--seed")) call.seed = arguments.number("--seed", 0);
    static_cast<void>(workspace->repository());  // asks before the bar is drawn
    std::optional<std::vector<service::SignedDrill>> drills;
    {
        ProgressView progress(in.out(), "drill", 0);
        call.drill.progress = progress.hook();
        PD_TRY(drills, service::run_drills(*workspace, call));
    }
    bool passed = true;
    for (auto const& drill : *drills) {
        tell_drill(in, drill);
        passed = passed && drill.report.passed();
    }
    auto const& first = drills->front().report;
    in.summary().put("snapshot", first.snapshot_id).put("passed", passed);
    in.summary().put("sources", sources_array(first)).put("rto_s", first.rto_s);
    in.summary().put("rpo_s", first.drilled.seconds - first.taken.seconds);
    in.summary().put("drills", drills->size());
    in.summary().put_path("report", drills->front().file.string());
    return passed ? service::exit_code::ok : service::exit_code::integrity;
}

Result<int> run_restore_drill_list(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const drills, service::past_drills(workspace->state_folder()));
    auto& out = in.out();
    Table table({"when", "source", "snapshot", "result", ">items", ">RTO", ">RPO", "report"});
    bool intact = true;
    for (auto const& drill : drills) {
        intact = intact && drill.intact;
        auto const& style = out.out_style();
        bool const compared = drill.equality != "not_comparable";
        std::string const result = !drill.intact   ? style.red("✗ report changed")
                                   : !drill.passed ? style.red("✗ failed")
                                   : compared      ? style.green("✓ passed")
                                                   : style.yellow("✓ compared with nothing");
        auto const seconds = static_cast<double>(drill.rto_ms) / 1000;
        auto const when = parse_time(drill.when);
        table.add({when ? local_time(*when) : printable(drill.when), printable(drill.source),
                   service::short_id(drill.snapshot), result,
                   spell_count(static_cast<std::uint64_t>(drill.items)), spell_seconds(seconds),
                   spell_seconds(static_cast<double>(drill.rpo_s)),
                   printable(drill.file.filename().string())});
        JsonObject object;
        object.put("when", drill.when).put("source", drill.source);
        object.put("snapshot", drill.snapshot).put("passed", drill.passed);
        object.put("intact", drill.intact).put("equality", drill.equality);
        object.put("items", drill.items).put("problems", drill.problems);
        object.put("rto_ms", drill.rto_ms).put("rpo_s", drill.rpo_s);
        out.event("past_drill", object.put_path("report", drill.file.string()));
    }
    if (table.empty()) {
        out.line("no drill yet: perdure restore drill");
    } else {
        table.print(out);
    }
    in.summary().put("drills", drills.size()).put("intact", intact);
    return intact ? service::exit_code::ok : service::exit_code::integrity;
}

}  // namespace perdure::face
