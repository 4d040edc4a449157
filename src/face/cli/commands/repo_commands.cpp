#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "face/cli/commands/handlers.h"
#include "face/cli/progress.h"
#include "face/cli/table.h"
#include "service/config/units.h"
#include "service/restore.h"
#include "service/upkeep.h"

namespace perdure::face {
namespace {

/// "5%" or "0.05" as a fraction.
Result<double> parse_fraction(std::string text) {
    bool const percent = text.ends_with('%');
    if (percent) text.pop_back();
    double value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    double const fraction = percent || value > 1 ? value / 100 : value;
    bool const whole = error == std::errc() && end == text.data() + text.size();
    if (whole && fraction > 0 && fraction <= 1) return fraction;
    return fail(Fault::invalid, "--sample: a part such as 5% is wanted").with_code(2);
}

repository::UpkeepProgress upkeep_hook(ProgressView& view) {
    return {[&view](std::string_view phase, std::uint64_t done, std::uint64_t total) {
        view.step(phase, done, total);
    }};
}

void tell_findings(Invocation& in, std::vector<repository::Finding> const& findings) {
    auto const& style = in.out().out_style();
    for (auto const& finding : findings) {
        in.out().line(fmt::format(
            "  {} {}: {}{}", style.red(repository::finding_name(finding.kind)), finding.object,
            printable(finding.detail), finding.repairable ? style.dim("  (can be repaired)") : ""));
        JsonObject object;
        object.put("kind", repository::finding_name(finding.kind)).put("object", finding.object);
        object.put("detail", finding.detail).put("repairable", finding.repairable);
        in.out().event("finding", object);
    }
}

Error damage(service::VerifyAnswer const& answer) {
    auto const& report = answer.report;
    std::string why;
    if (!report.findings.empty()) {
        why = report.findings.front().object + ": " + report.findings.front().detail;
    } else if (!answer.damaged_snapshots.empty()) {
        why =
            answer.damaged_snapshots.front().path + ": " + answer.damaged_snapshots.front().reason;
    }
    // A snapshot that cannot be read may have been met by both: it is one damage.
    auto const also_found = [&](data::Problem const& snapshot) {
        return std::ranges::find(report.findings, snapshot.path, &repository::Finding::object) !=
               report.findings.end();
    };
    auto const met_twice = std::ranges::count_if(answer.damaged_snapshots, also_found);
    auto const count = report.findings_total + answer.damaged_snapshots.size() -
                       static_cast<std::size_t>(met_twice);
    return fail(Fault::corrupt, plural(count, "damage was", "damages were") + " found\n" + why)
        .with_code(14)
        .with_fix("perdure repo repair --dry-run");
}

void tell_gaps(Invocation& in) {
    in.out().line(
        "  The store hides these snapshots or lost them: they were signed, and no one deleted them "
        "with perdure.\n"
        "  What to do: perdure backup sync brings them back from another destination; else find "
        "out "
        "who changed the store.");
}

Result<int> verify(Invocation& in, std::string const& snapshot) {
    auto const& arguments = in.arguments();
    service::VerifyCall call;
    call.snapshot = snapshot;
    call.read_data = arguments.has("--read-data");
    if (auto const sample = arguments.value("--sample"); !sample.empty()) {
        PD_TRY(call.sample, parse_fraction(sample));
    }
    PD_TRY(auto workspace, open_to_read(in));
    static_cast<void>(workspace->repository());  // asks before the bar is drawn
    std::optional<service::VerifyAnswer> answer;
    {
        ProgressView progress(in.out(), "verify", 0);
        call.progress = upkeep_hook(progress);
        PD_TRY(answer, service::verify(*workspace, call));
    }
    auto const& report = answer->report;
    in.summary().put("snapshots", report.snapshots).put("blobs", report.blobs);
    in.summary().put("packs", report.packs).put("packs_read", report.packs_read);
    in.summary().put("bytes_read", report.bytes_read).put("blobs_read", report.blobs_read);
    in.summary().put("destinations_total", report.destinations_total);
    in.summary().put("destinations_read", report.destinations_read);
    in.summary().put("findings", report.findings_total);
    in.summary().put("gaps", report.gaps.size()).put("passed", answer->passed());
    if (answer->snapshot) in.summary().put("snapshot", answer->snapshot->id());
    tell_findings(in, report.findings);
    tell_findings(in, report.gaps);
    if (!answer->passed()) return damage(*answer);
    if (!report.gaps.empty()) tell_gaps(in);
    std::string depth = report.packs_read == 0
                            ? "structure is whole"
                            : fmt::format("{} read and proven", spell_bytes(report.bytes_read));
    if (report.destinations_total > 1)
        depth += fmt::format(" at {} of {} destinations", report.destinations_read,
                             report.destinations_total);
    in.out().line(fmt::format("{} {}: {}, {}, {}", in.out().out_style().green("✓"),
                              answer->snapshot
                                  ? "snapshot " + service::short_id(answer->snapshot->id())
                                  : plural(report.snapshots, "snapshot"),
                              plural(report.blobs, "blob"), plural(report.packs, "pack"), depth));
    in.problems(answer->misplaced_keys);
    in.problems(answer->destinations);
    bool const all = report.gaps.empty() && answer->misplaced_keys.empty();
    return all && answer->destinations.empty() ? service::exit_code::ok
                                               : service::exit_code::partial;
}

policy::RetentionRules rules_of(Arguments const& arguments) {
    auto const count = [&](char const* name) {
        return static_cast<unsigned>(std::min<std::uint64_t>(arguments.number(name, 0), 1'000'000));
    };
    policy::RetentionRules rules{.last = std::max(count("--keep"), count("--keep-last")),
                                 .hourly = count("--keep-hourly"),
                                 .daily = count("--keep-daily"),
                                 .weekly = count("--keep-weekly"),
                                 .monthly = count("--keep-monthly"),
                                 .yearly = count("--keep-yearly")};
    return rules;
}

Result<int> retention(Invocation& in, bool dry_run) {
    auto const& arguments = in.arguments();
    service::RetentionCall call;
    call.dry_run = dry_run;
    auto rules = rules_of(arguments);
    if (auto const text = arguments.value("--keep-within"); !text.empty()) {
        auto within = service::parse_duration(text);
        if (!within) return Error(within.error()).within("--keep-within").with_code(2);
        rules.within = std::chrono::duration_cast<std::chrono::seconds>(*within);
    }
    bool given = false;
    for (auto const& [name, values] : arguments.options) given |= name.starts_with("--keep");
    if (given) call.rules = rules;
    PD_TRY(auto workspace, dry_run ? open_to_read(in) : open_workspace(in));
    PD_TRY(auto const answer, service::apply_retention(*workspace, call));
    auto const& style = in.out().out_style();
    Table table({"snapshot", "taken", "", "because"});
    std::size_t kept = 0, removed = 0;
    for (auto const& judged : answer.judged) {
        bool const keep = judged.verdict.keep;
        kept += keep;
        removed += judged.removed;
        std::string const act = keep             ? style.green("keep")
                                : dry_run        ? style.yellow("would go")
                                : judged.removed ? style.yellow("deleted")
                                                 : style.red("not deleted");
        table.add({service::short_id(judged.snapshot.id()),
                   local_time(service::taken(judged.snapshot)), act,
                   keep ? joined(judged.verdict.reasons) : "no rule keeps it"});
        JsonObject object;
        object.put("id", judged.snapshot.id()).put("keep", keep).put("removed", judged.removed);
        JsonArray reasons;
        for (auto const& reason : judged.verdict.reasons) reasons.add(reason);
        object.put("reasons", reasons);
        in.out().event("verdict", object);
    }
    table.print(in.out());
    in.problems(answer.problems);
    in.out().line();
    auto const going = answer.judged.size() - kept;
    in.out().line(dry_run
                      ? fmt::format("{} kept, {} would be deleted by {}; nothing was changed", kept,
                                    going, answer.rules_from)
                      : fmt::format("{} kept, {} deleted by {}", kept, removed, answer.rules_from));
    in.summary().put("kept", kept).put("expired", going).put("removed", removed);
    in.summary().put("dry_run", dry_run).put("rules", answer.rules_from);
    return answer.problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

/// What became of keys at destinations that are no key homes any more.
void tell_retired(Invocation& in, std::vector<repository::RetiredPlace> const& retired) {
    JsonArray places;
    for (auto const& place : retired) {
        JsonObject object;
        object.put("destination", place.place).put("objects", place.objects);
        object.put("removed", place.removed).put("revivable", place.revivable);
        if (!place.pending.empty()) object.put("pending", place.pending);
        places.add(object);
        auto const objects = plural(place.objects, "object");
        if (place.removed) {
            in.out().line(fmt::format("{}: {} of the keyring removed; it holds no keys now",
                                      printable(place.place), objects));
        } else if (place.pending.empty()) {
            in.out().line(fmt::format("{}: {} of the keyring would be removed",
                                      printable(place.place), objects));
        }
        if (place.revivable) {
            in.out().warn(
                "  it keeps old versions: whoever reads these and has a key opens what "
                "they opened, until the store forgets them");
        }
    }
    in.summary().put("retired", places);
}

}  // namespace

Result<int> run_backup_verify(Invocation& in) {
    auto const& words = in.arguments().positional;
    std::string const snapshot = words.empty() ? "latest" : words.front();
    PD_TRY(int const code, verify(in, snapshot));
    if (!in.arguments().has("--restore")) return code;
    return run_restore_drill(in);
}

Result<int> run_repo_check(Invocation& in) {
    return verify(in, "");
}
Result<int> run_backup_cleanup(Invocation& in) {
    return retention(in, in.arguments().has("--dry-run"));
}
Result<int> run_retention_preview(Invocation& in) {
    return retention(in, true);
}

Result<int> run_repo_repair(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    service::RepairCall call;
    call.dry_run = in.arguments().has("--dry-run");
    std::optional<service::RepairAnswer> answer;
    static_cast<void>(workspace->repository());  // asks before the bar is drawn
    {
        ProgressView progress(in.out(), "repair", 0);
        call.progress = upkeep_hook(progress);
        PD_TRY(answer, service::repair(*workspace, call));
    }
    auto const* report = &answer->report;
    auto const& style = in.out().out_style();
    for (auto const& mended : report->mended) {
        in.out().line(fmt::format("  {} {} by {}",
                                  style.green(call.dry_run ? "can mend" : "mended"), mended.object,
                                  mended.by));
        JsonObject object;
        object.put("object", mended.object).put("by", mended.by);
        in.out().event("mended", object);
    }
    tell_findings(in, report->left);
    tell_findings(in, answer->gaps);
    if (!answer->gaps.empty()) tell_gaps(in);
    std::vector<data::Problem> losses;
    for (auto const& loss : report->losses) {
        losses.push_back(
            {fmt::format("{} {}/{}", service::short_id(loss.snapshot), loss.source, loss.path),
             loss.reason});
    }
    in.problems(losses, "lost");
    in.summary().put("mended", report->mended.size()).put("left", report->left.size());
    in.summary().put("losses", report->losses_total).put("dry_run", call.dry_run);
    in.summary().put("gaps", answer->gaps.size());
    in.problems(answer->destinations);
    in.out().line(fmt::format("{} checked, {} {}, {} left, {} lost",
                              plural(report->packs_checked, "pack"), report->mended.size(),
                              call.dry_run ? "can be mended" : "mended", report->left.size(),
                              report->losses_total));
    bool const all = answer->gaps.empty() && answer->destinations.empty();
    if (report->left.empty() && report->losses_total == 0)
        return all ? service::exit_code::ok : service::exit_code::partial;
    return fail(Fault::corrupt, call.dry_run ? "not all of it could be mended"
                                             : "not all of it could be mended; it is named above")
        .with_code(14)
        .with_fix(
            "perdure backup --type full stores anew what the sources still hold; perdure backup "
            "delete ID gives up a snapshot; then perdure repo compact removes damaged packs that "
            "nobody needs");
}

Result<int> run_repo_compact(Invocation& in) {
    service::CompactCall call;
    call.dry_run = in.arguments().has("--dry-run");
    if (auto const text = in.arguments().value("--grace"); !text.empty()) {
        auto grace = service::parse_duration(text);
        if (!grace) return Error(grace.error()).within("--grace").with_code(2);
        call.grace = std::chrono::duration_cast<std::chrono::seconds>(*grace);
    }
    call.confirm = in.arguments().value("--confirm");
    PD_TRY(auto workspace, open_workspace(in));
    static_cast<void>(workspace->repository());  // asks before the bar is drawn
    std::optional<service::CompactAnswer> answer;
    {
        ProgressView progress(in.out(), "compact", 0);
        call.progress = upkeep_hook(progress);
        PD_TRY(answer, service::compact(*workspace, call));
    }
    auto const* report = &answer->report;
    in.out().line(fmt::format("{} needed, {} not needed any more", spell_bytes(report->bytes_live),
                              spell_bytes(report->bytes_dead)));
    in.out().line(
        fmt::format("{} deleted ({} freed), {} rewritten, {} waiting for their grace "
                    "period ({})",
                    plural(report->packs_deleted, "pack"), spell_bytes(report->bytes_freed),
                    plural(report->packs_rewritten, "pack"), report->packs_waiting,
                    spell_bytes(report->bytes_waiting)));
    for (auto const& session : report->waits_for) {
        in.out().line("  waits for session " + session +
                      ", which runs, or broke off within the last day");
    }
    in.summary().put("bytes_live", report->bytes_live).put("bytes_dead", report->bytes_dead);
    in.summary().put("packs_deleted", report->packs_deleted);
    in.summary().put("packs_condemned", report->packs_condemned);
    in.summary().put("packs_rewritten", report->packs_rewritten);
    in.summary().put("bytes_freed", report->bytes_freed).put("dry_run", report->dry_run);
    in.summary().put("packs_waiting", report->packs_waiting);
    in.problems(answer->problems);
    return answer->problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

Result<int> run_repo_stats(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const stats, service::statistics(*workspace));
    PD_TRY(auto const list, service::list_snapshots(*workspace));
    std::uint64_t logical = 0;
    for (auto const& snapshot : list.snapshots) {
        for (auto const& source : snapshot.sources) logical += source.bytes_total;
    }
    auto const total = stats.total_bytes();
    Table table({"what", ">objects", ">size"});
    auto const row = [&](char const* name, repository::ObjectCount const& count) {
        std::string words = name;
        std::ranges::replace(words, '_', ' ');
        table.add({words, spell_count(count.objects), spell_bytes(count.bytes)});
        JsonObject object;
        object.put("objects", count.objects).put("bytes", count.bytes);
        in.summary().put(name, object);
    };
    row("data_packs", stats.data_packs);
    row("meta_packs", stats.meta_packs);
    row("index", stats.index);
    row("snapshots", stats.snapshots);
    row("keyring", stats.keyring);
    row("other", stats.other);
    table.print(in.out());
    in.out().line();
    // Of little data the repository's own objects are the larger part: it saves nothing yet.
    std::string const saves =
        logical > total && total > 0
            ? fmt::format(": {:.1f} times less",
                          static_cast<double>(logical) / static_cast<double>(total))
            : "";
    in.out().line(fmt::format("{} stored for {} in {}{}", spell_bytes(total), spell_bytes(logical),
                              plural(list.snapshots.size(), "snapshot"), saves));
    in.out().line(fmt::format("{}, {}; compression {:.2f}; {} known, {} erased; key epoch {}",
                              plural(stats.blobs, "blob"), plural(stats.frames, "frame"),
                              stats.compression(), plural(stats.subjects, "person", "people"),
                              stats.erased, stats.epoch));
    in.summary().put("bytes_stored", total).put("bytes_logical", logical);
    in.summary().put("blobs", stats.blobs).put("blob_bytes", stats.blob_bytes);
    in.summary().put("compression", stats.compression()).put("subjects", stats.subjects);
    in.summary().put("epoch", stats.epoch).put("erased", stats.erased);
    return service::exit_code::ok;
}

Result<int> run_backup_sync(Invocation& in) {
    PD_TRY(auto workspace, open_to_fill(in));
    std::optional<service::SyncAnswer> answer;
    {
        ProgressView progress(in.out(), "sync", 0);
        PD_TRY(answer,
               service::sync(*workspace, in.arguments().has("--dry-run"), upkeep_hook(progress)));
    }
    auto const* report = &answer->report;
    tell_retired(in, answer->retired);
    Table table({"destination", ">copied", ">size", ">removed", ""});
    JsonArray legs;
    for (auto const& leg : report->legs) {
        table.add({leg.destination, spell_count(leg.objects_copied), spell_bytes(leg.bytes_copied),
                   spell_count(leg.objects_removed), leg.complete ? "complete" : leg.problem});
        JsonObject object;
        object.put("destination", leg.destination).put("complete", leg.complete);
        object.put("objects_copied", leg.objects_copied).put("bytes_copied", leg.bytes_copied);
        object.put("snapshots_copied", leg.snapshots_copied);
        object.put("snapshots_removed", leg.snapshots_removed);
        legs.add(object);
    }
    table.print(in.out());
    for (auto const& leg : report->legs) {
        if (leg.snapshots_removed == 0) continue;
        in.out().line(fmt::format("{}: {} {} there, deleted elsewhere before", leg.destination,
                                  plural(leg.snapshots_removed, "snapshot"),
                                  report->dry_run ? "would be deleted" : "deleted"));
    }
    tell_findings(in, report->findings);
    in.problems(answer->problems);
    in.summary().put("destinations", legs).put("findings", report->findings.size());
    if (!report->findings.empty()) return service::exit_code::integrity;
    return answer->problems.empty() ? service::exit_code::ok : service::exit_code::partial;
}

}  // namespace perdure::face
