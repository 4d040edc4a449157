#include <fmt/format.h>

#include <algorithm>

#include "data/selector.h"
#include "face/cli/commands/filter_options.h"
#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "face/cli/table.h"
#include "service/restore.h"

namespace perdure::face {
namespace {

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
        case job::Equality::as_permitted:
            return "equal in all that this user may read and set";
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
          "--until", "--where", "--merge-strategy", "--delete", "--map-column", "--swap"}) {
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
    for (std::size_t at = 1; at < arguments.positional.size(); ++at) {
        PD_TRY(auto const selector, data::parse_selector(arguments.positional[at]));
        call.select.push_back(selector.source + (selector.path.empty() ? "" : "/") + selector.path);
    }
    call.folder = arguments.value("--to");
    call.confirm = arguments.value("--confirm");
    call.map_owner = arguments.values("--map-owner");
    call.map_path = arguments.values("--map-path");
    call.numeric_owners = arguments.has("--numeric-owners");
    if (call.folder.empty()) {
        return fail(Fault::invalid, "restore needs a folder to restore to")
            .with_code(2)
            .with_fix("perdure restore " + call.snapshot + " --to DIR, or --to live");
    }
    PD_TRY(call.at, at_option(arguments));
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
    for (auto const& source : answer->snapshot.sources) {
        auto const of =
            std::ranges::find(answer->report.sources, source.name, &job::RestoredSource::name);
        if (source.problems_total == 0 || of == answer->report.sources.end()) continue;
        in.out().warn(fmt::format("  {}: the backup had skipped {}: perdure backup show {}",
                                  source.name, plural(source.problems_total, "thing"),
                                  service::short_id(answer->snapshot.id())));
    }
    in.problems(answer->report.problems);
    auto const& style = in.out().out_style();
    bool const whole = answer->report.problems.empty() && !in.passed_over();
    in.out().line();
    in.out().line(fmt::format("{} restored snapshot {} in {}",
                              whole ? style.green("✓") : style.yellow("!"),
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

}  // namespace perdure::face
