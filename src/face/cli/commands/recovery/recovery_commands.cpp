#include <fmt/format.h>

#include "face/cli/commands/filter_options.h"
#include "face/cli/commands/handlers.h"
#include "face/cli/commands/recovery/plan_text.h"
#include "face/cli/progress.h"
#include "face/cli/table.h"
#include "service/recovery/recovery.h"

namespace perdure::face {
namespace {

constexpr std::uint64_t details_shown = 10;

Result<std::map<std::string, std::string>> column_wishes(Arguments const& arguments) {
    std::map<std::string, std::string> out;
    for (auto const& text : arguments.values("--map-column")) {
        auto const cut = text.find('=');
        auto const dot = text.find('.');
        if (cut == std::string::npos || dot == std::string::npos || dot > cut || dot == 0) {
            return fail(Fault::invalid, "--map-column \"" + text + "\" is not TABLE.OLD=NEW")
                .with_code(2)
                .with_fix("--map-column memories.name=title, or memories.name= to leave it behind");
        }
        out[text.substr(0, cut)] = text.substr(cut + 1);
    }
    return out;
}

Result<std::map<std::string, data::Decision>> override_wishes(Arguments const& arguments) {
    std::map<std::string, data::Decision> out;
    for (auto const& text : arguments.values("--override")) {
        auto const cut = text.rfind('=');
        auto const decision = cut == std::string::npos
                                  ? std::nullopt
                                  : data::parse_decision(std::string_view(text).substr(cut + 1));
        if (!decision) {
            return fail(Fault::invalid, "--override \"" + text + "\" is not RECORD=DECISION")
                .with_code(2)
                .with_fix(
                    "--override app:memory/17=skip; insert, replace, keep, duplicate or skip");
        }
        out[text.substr(0, cut)] = *decision;
    }
    return out;
}

Result<service::PlanCall> plan_call(Arguments const& arguments, std::string const& target_option) {
    service::PlanCall call;
    call.snapshot = arguments.positional.front();
    call.selectors.assign(arguments.positional.begin() + 1, arguments.positional.end());
    PD_TRY(call.filter, filter_of(arguments));
    PD_TRY(call.at, at_option(arguments));
    PD_TRY(call.columns, column_wishes(arguments));
    call.strategy = arguments.value("--merge-strategy");
    call.target = arguments.value(target_option, "live");
    call.remove = arguments.has("--delete");
    call.swap = arguments.has("--swap");
    call.map_owner = arguments.values("--map-owner");
    call.map_path = arguments.values("--map-path");
    call.numeric_owners = arguments.has("--numeric-owners");
    call.output = arguments.value("--output");
    call.scratch = arguments.value("--scratch");
    return call;
}

void tell_gap(Invocation& in, repository::Snapshot const& snapshot,
              std::optional<std::chrono::seconds> const& gap) {
    if (!gap) return;
    in.out().line(fmt::format("state of {}, {} before the time asked for",
                              local_time(snapshot.finished),
                              spell_seconds(static_cast<double>(gap->count()))));
    in.summary().put("gap_s", gap->count());
}

void tell_head(Invocation& in, service::PlanAnswer const& answer, service::PlanCall const& call) {
    auto const& style = in.out().out_style();
    auto const now = to_timestamp(std::chrono::system_clock::now());
    in.out().line(fmt::format("From snapshot {} of {}, {}, into {}",
                              style.bold(service::short_id(answer.snapshot.id())),
                              local_time(service::taken(answer.snapshot)),
                              spell_age(service::taken(answer.snapshot), now),
                              call.target == "live" ? "the live data" : printable(call.target)));
    tell_gap(in, answer.snapshot, answer.gap);
}

/// The first differing records, field by field: what a person wants to see before all else.
Result<void> tell_details(Invocation& in, service::PlanAnswer const& answer,
                          std::uint64_t details) {
    std::uint64_t shown = 0, differing = 0;
    PD_TRY([[maybe_unused]] auto const plan,
           job::read_plan(answer.plan, [&](std::string_view line) -> Result<void> {
               if (in.out().json()) {
                   in.out().event("item", JsonObject{}.raw("item", line));
                   return {};
               }
               // Members are sorted: what differs and what comes on its own are told apart unread.
               bool const plain = line.find(R"("finding":"create")") != line.npos &&
                                  line.find(R"("because":)") == line.npos;
               if (plain || ++differing > details) return {};
               PD_TRY(auto const item, data::Json::parse(line));
               if (shown++ == 0) in.out().line();
               tell_plan_item(in, item);
               return {};
           }));
    if (differing > shown) {
        in.out().line(
            fmt::format("  … and {} more, in the plan file", spell_count(differing - shown)));
    }
    return {};
}

Result<void> tell_plan(Invocation& in, service::PlanAnswer const& answer,
                       service::PlanCall const& call) {
    tell_head(in, answer, call);
    if (!in.out().json()) tell_plan_summary(in, answer.report.summary);
    PD_CHECK(tell_details(in, answer, in.arguments().number("--details", details_shown)));
    in.problems(answer.report.problems);
    in.summary().put("snapshot", answer.snapshot.id()).put("digest", answer.report.digest);
    in.summary().put_path("plan", answer.plan.string());
    in.summary().raw("header", answer.report.header.canonical());
    in.summary().raw("plan_summary", answer.report.summary.canonical());
    in.summary().put("writes", job::writes_of(answer.report.summary));
    in.summary().put("confirm", answer.confirm.front());
    return {};
}

Result<service::PlanAnswer> make_plan(Invocation& in, service::Workspace& workspace,
                                      service::PlanCall& call) {
    PD_TRY(auto const opened, workspace.repository());  // asks before the bar is drawn
    static_cast<void>(opened);
    ProgressView progress(in.out(), "compare", 0);
    call.progress = progress.hook();
    return service::plan_restore(workspace, call);
}

service::TellSettled tell_settled(Invocation& in) {
    return [&in](std::vector<std::string> const& settled) {
        for (auto const& line : settled) in.out().warn("note: " + printable(line));
    };
}

int tell_applied(Invocation& in, service::ApplyAnswer const& answer) {
    auto const& report = answer.report;
    auto const& style = in.out().out_style();
    data::Json summary;
    summary.put("sources", report.sources);
    in.problems(report.problems);
    in.summary().put("run", answer.run).put("written", report.writes);
    in.summary().put("verified", report.verified).put("changed_since", report.changed_since);
    in.summary().put("safety_snapshot", report.safety);
    in.summary().raw("sources", report.sources.canonical());
    in.summary().put("locked_s", report.locked_s);
    in.summary().put_path("report", answer.signed_report.string());
    in.out().line();
    for (auto const& file : report.kept_beside) {
        in.out().warn("the file from before was kept: " + printable(file));
    }
    auto const mark = report.problems.empty() ? style.green("✓") : style.yellow("!");
    if (report.writes == 0) {
        in.out().line(fmt::format("{} nothing {} written", mark,
                                  report.problems.empty() ? "had to be" : "was"));
    } else {
        in.out().line(fmt::format("{} {}; {} read back and right; writers waited {}", mark,
                                  spell_decisions(summary), spell_count(report.verified),
                                  spell_seconds(report.locked_s)));
        if (report.changed_since > 0) {
            in.out().line(fmt::format("  the application changed {} again since",
                                      plural(report.changed_since, "row", "rows")));
        }
        auto const saved =
            report.safety.empty()
                ? std::string("there was no state before that could be saved")
                : "the state before is in snapshot " + service::short_id(report.safety);
        in.out().line(
            report.kept_beside.empty()
                ? fmt::format("  {}; perdure restore undo {} takes this back", saved, answer.run)
                : "  with the application stopped, the file that was kept takes this "
                  "back: give it its old name");
    }
    in.out().line(fmt::format("  signed report: {}", printable(answer.signed_report.string())));
    return report.problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

Result<int> apply(Invocation& in, service::Workspace& workspace, service::ApplyCall call) {
    std::optional<service::ApplyAnswer> answer;
    {
        ProgressView progress(in.out(), "restore", 0);
        call.progress = progress.hook();
        call.settled = tell_settled(in);
        PD_TRY(answer, service::apply_restore(workspace, call));
    }
    return tell_applied(in, *answer);
}

void tell_part(Invocation& in, service::PartAnswer const& answer) {
    JsonArray sources;
    for (auto const& source : answer.report.sources) {
        in.out().line(fmt::format("{} → {}", in.out().out_style().bold(printable(source.name)),
                                  printable(source.folder.string())));
        Table table({"", ">records", "taken because"});
        JsonArray tables;
        for (auto const& one : source.tables) {
            if (one.chosen == 0) continue;
            std::string why;
            if (one.needed > 0) {
                why = fmt::format("{} needed: others refer to them", spell_count(one.needed));
            }
            if (one.belonging > 0) {
                why += fmt::format("{}{} belong to selected records", why.empty() ? "" : ", ",
                                   spell_count(one.belonging));
            }
            table.add({printable(one.type), spell_count(one.create), why});
            tables.add(JsonObject{}
                           .put("table", one.table)
                           .put("records", one.create)
                           .put("needed", one.needed)
                           .put("belonging", one.belonging)
                           .put("blocked", one.blocked));
        }
        if (source.files > 0) table.add({"files", spell_count(source.files), ""});
        if (!table.empty()) table.print(in.out());
        JsonObject object;
        object.put("name", source.name).put("type", source.type).put("tables", tables);
        object.put("files", source.files).put_path("folder", source.folder.string());
        if (source.digest) {
            object.put("digest", to_hex(*source.digest));
            in.out().line("  equal to the snapshot's rows, digest " +
                          to_hex(*source.digest).substr(0, 12));
        }
        sources.add(object);
    }
    in.summary().put("snapshot", answer.snapshot.id()).put("sources", sources);
}

Result<int> part_of(Invocation& in, service::Workspace& workspace, service::PlanCall call) {
    static_cast<void>(workspace.repository());  // asks before the bar is drawn
    std::optional<service::PartAnswer> answer;
    {
        ProgressView progress(in.out(), "restore", 0);
        call.progress = progress.hook();
        PD_TRY(answer, service::restore_part(workspace, call));
    }
    tell_part(in, *answer);
    tell_gap(in, answer->snapshot, answer->gap);
    in.problems(answer->report.problems);
    in.out().line();
    bool const whole = answer->report.problems.empty();
    auto const& style = in.out().out_style();
    in.out().line(fmt::format(
        "{} restored a part of snapshot {} into {}", whole ? style.green("✓") : style.yellow("!"),
        style.bold(service::short_id(answer->snapshot.id())), printable(call.target)));
    return whole ? service::exit_code::ok : service::exit_code::partial;
}

Result<int> list_runs(Invocation& in, service::Workspace& workspace) {
    Table table({"run", "what", "when", "state", "sources"});
    JsonArray list;
    for (auto const& run : service::restore_runs(workspace)) {
        auto const names = run.names();
        auto const state = run.undone_by.empty() ? run.state : run.state + " by " + run.undone_by;
        table.add({run.id, run.verb + (run.undoes.empty() ? "" : " of " + run.undoes),
                   local_time(run.started), state, joined(names)});
        list.add(JsonObject{}.put("run", run.id).put("verb", run.verb).put("state", run.state));
    }
    table.print(in.out());
    if (table.empty()) in.out().line("no restore in place yet");
    in.summary().put("runs", list);
    return service::exit_code::ok;
}

}  // namespace

Result<int> run_restore_plan(Invocation& in) {
    PD_TRY(auto call, plan_call(in.arguments(), "--target"));
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const answer, make_plan(in, *workspace, call));
    PD_CHECK(tell_plan(in, answer, call));
    in.out().line();
    in.out().line("Nothing was changed. The plan: " + printable(answer.plan.string()));
    in.out().line("It shows people's data as it is, so only you can read it (mode 0600).");
    if (job::writes_of(answer.report.summary) > 0) {
        in.out().line(fmt::format("  perdure restore apply {} --confirm {}",
                                  printable(answer.plan.string()),
                                  printable(answer.confirm.front())));
        bool const beside = keeps_old(answer.report.summary);
        in.out().line(
            beside ? "does exactly this; what a snapshot cannot take stays beside."
                   : "does exactly this, after a safety snapshot; perdure restore undo takes it "
                     "back.");
        in.out().line(
            "Another decision for one record: --override RECORD=DECISION, or in the "
            "plan's \"overrides\".");
    }
    auto const blocked = job::blocked_of(answer.report.summary);
    in.problems(blocked, "blocked");
    bool const whole = blocked.empty() && answer.report.problems.empty();
    return whole ? service::exit_code::ok : service::exit_code::partial;
}

Result<int> run_restore_apply(Invocation& in) {
    service::ApplyCall call;
    call.plan = in.arguments().positional.front();
    call.confirm = in.arguments().value("--confirm");
    call.scratch = in.arguments().value("--scratch");
    PD_TRY(call.overrides, override_wishes(in.arguments()));
    PD_TRY(auto workspace, open_workspace(in));
    return apply(in, *workspace, std::move(call));
}

/// restore … --to live: plan, show, confirm, apply. A part into a new folder asks nothing.
Result<int> restore_in_place(Invocation& in) {
    PD_TRY(auto call, plan_call(in.arguments(), "--to"));
    std::error_code error;
    if (call.target != "live" && !std::filesystem::is_regular_file(call.target, error)) {
        PD_TRY(auto reading, open_to_read(in));
        PD_TRY(bool const fresh, service::is_new_place(*reading, call));
        if (fresh) return part_of(in, *reading, std::move(call));
    }
    PD_TRY(auto workspace, open_workspace(in));
    PD_TRY(auto const answer, make_plan(in, *workspace, call));
    PD_CHECK(tell_plan(in, answer, call));
    return apply(in, *workspace,
                 {.plan = answer.plan,
                  .confirm = in.arguments().value("--confirm"),
                  .scratch = call.scratch});
}

Result<int> run_restore_undo(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    if (in.arguments().positional.empty()) return list_runs(in, *workspace);
    service::UndoCall call;
    call.run = in.arguments().positional.front();
    call.confirm = in.arguments().value("--confirm");
    call.preview = in.arguments().has("--dry-run");
    call.partly = in.arguments().has("--partly");
    call.settled = tell_settled(in);
    PD_TRY(auto const answer, service::undo_restore(*workspace, call));
    auto const& report = answer.report;
    for (auto const& item : report.stays) {
        in.out().line(fmt::format("  {} stays: {}", printable(item.record), item.reason));
        in.out().event("stays", JsonObject{}.put("record", item.record).put("why", item.reason));
    }
    in.summary().put("back", report.back).put("merged", report.merged);
    in.summary().put("already", report.already).put("kept", report.kept);
    in.summary().put("run", answer.run).put("undoes", call.run);
    auto const& style = in.out().out_style();
    auto const done = report.back + report.merged;
    if (call.preview) {
        in.out().line(fmt::format("would take back {}, {} with later changes kept; {} would stay",
                                  plural(done, "record", "records"), spell_count(report.merged),
                                  spell_count(report.kept)));
        return report.kept ? service::exit_code::partial : service::exit_code::ok;
    }
    in.problems(report.problems);
    bool const whole = report.kept == 0 && report.problems.empty();
    in.out().line(fmt::format(
        "{} run {} taken back: {} as before{}", whole ? style.green("✓") : style.yellow("!"),
        call.run, plural(done, "record is", "records are"),
        report.merged
            ? fmt::format(", {} of them with later changes kept", spell_count(report.merged))
            : ""));
    in.out().line(fmt::format("  perdure restore undo {} does it again; signed report: {}",
                              answer.run, printable(answer.signed_report.string())));
    return whole ? service::exit_code::ok : service::exit_code::partial;
}

}  // namespace perdure::face
