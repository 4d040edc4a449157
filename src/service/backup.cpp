#include "service/backup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/spell.h"
#include "origin/git/work_trees.h"
#include "service/recorded_run.h"
#include "service/recovery/recovery.h"
#include "service/report/coverage.h"
#include "service/setup/keys.h"
#include "service/snapshots.h"
#include "system/process.h"

namespace perdure::service {
namespace {

Result<void> run_hook(std::string const& what, std::vector<std::string> const& argv,
                      std::stop_token stop) {
    if (argv.empty()) return {};
    // The application that a hook starts again lives on, with the hook's output.
    PD_TRY(system::Exit exit,
           system::run({.argv = argv, .leaves_others = true}, nullptr, std::move(stop)));
    if (exit.status == 0) return {};
    std::string said = exit.standard_error;
    while (said.ends_with('\n')) said.pop_back();
    return fail(Fault::unavailable, fmt::format("{} ended with status {}{}", what, exit.status,
                                                said.empty() ? "" : ": " + said))
        .with_code(1)
        .with_fix("run it by hand and see: " + argv.front());
}

/// Runs every source's `resume`, in reverse, however the backup ended.
class Hooks {
public:
    Hooks(std::vector<SourceConfig> const& sources, std::stop_token stop)
        : sources_(sources), stop_(std::move(stop)) {}
    ~Hooks() { static_cast<void>(resume()); }

    /// The sources that would not be quiesced: what is read of them now would be no one state.
    Result<std::vector<job::FailedSource>> quiesce() {
        std::vector<job::FailedSource> failed;
        for (auto const& source : sources_) {
            ++quiesced_;
            auto ready = run_hook("quiesce", source.quiesce, stop_);
            if (ready) continue;
            if (ready.error().fault() == Fault::cancelled) return std::move(ready).error();
            failed.push_back({source.options.name, std::move(ready).error()});
        }
        return failed;
    }
    /// The first failure; all are tried. Not stopped by Ctrl-C: the application must come back.
    Result<void> resume() {
        Result<void> first;
        while (quiesced_ > 0) {
            auto const& source = sources_[--quiesced_];
            auto result = run_hook(source.options.name + ": resume", source.resume, {});
            if (!result && first) first = std::move(result);
        }
        return first;
    }

private:
    std::vector<SourceConfig> const& sources_;
    std::stop_token stop_;
    std::size_t quiesced_ = 0;
};

/// Destinations that do not hold the snapshot, as problems; an error below the quorum.
Result<void> judge_destinations(Workspace& workspace, BackupAnswer& answer) {
    std::size_t good = 0;
    for (auto const& leg : answer.destinations) {
        if (!leg.degraded) {
            ++good;
            continue;
        }
        answer.problems.push_back(
            {"destination " + leg.name, leg.error ? leg.error->message() : "was missed"});
    }
    PD_TRY(auto const* config, workspace.repository_config());
    if (good >= config->quorum || config->quorum == 0) return {};
    return fail(Fault::unavailable,
                fmt::format("the snapshot is on {} of {} destinations, {} are demanded\n{}: {}",
                            good, answer.destinations.size(), config->quorum,
                            answer.problems.back().path, answer.problems.back().reason))
        .with_code(13)
        .with_fix("perdure destination test, then perdure backup sync");
}

/// A tag stands where a snapshot is named: what means something else there, or cannot be read in a
/// list, is none.
Result<void> check_tag(std::string const& tag) {
    constexpr std::size_t tag_bytes_max = 100;
    bool const printable =
        std::ranges::none_of(tag, [](unsigned char sign) { return sign < 0x20 || sign == 0x7f; });
    bool const taken = tag == "latest" || tag == "live" || tag.starts_with("--");
    if (printable && !taken && !tag.empty() && tag.size() <= tag_bytes_max) return {};
    return fail(Fault::invalid,
                taken ? fmt::format("\"{}\" means something else already", tag)
                      : std::string("a tag has 1 to 100 bytes, all of them printable"))
        .with_code(2)
        .with_fix("give another tag, such as --tag before-upgrade");
}

std::string fix_of(Workspace& workspace, job::FailedSource const& failed) {
    auto const* source = workspace.config().source(failed.name);
    bool const gone = failed.error.fault() == Fault::not_found;
    if (!failed.error.fix().empty() || !source || !gone) return failed.error.fix();
    return fmt::format("bring it back, or correct [source.{}] ({})", failed.name,
                       spell_place(workspace.config(), source->place));
}

data::Problem left_out(Workspace& workspace, job::FailedSource const& failed) {
    auto const fix = fix_of(workspace, failed);
    return {"source \"" + failed.name + "\"",
            "is not in this snapshot: " + failed.error.message() + (fix.empty() ? "" : "; " + fix)};
}

Error all_failed(Workspace& workspace, std::vector<job::FailedSource> const& failed) {
    std::string others;
    for (auto const& each : failed) {
        if (&each == &failed.front()) continue;
        others += "\nsource \"" + each.name + "\": " + each.error.message();
    }
    auto const& first = failed.front().error;
    return fail(first.fault(),
                "source \"" + failed.front().name + "\": " + first.message() + others)
        .with_code(first.code())
        .with_fix(fix_of(workspace, failed.front()));
}

/// Without the sources that cannot be quiesced, which are named as failed.
Result<job::BackupReport> backup_quiet(Hooks& hooks, repository::Repository& repository,
                                       job::BackupRequest& request, std::stop_token stop) {
    PD_TRY(auto failed, hooks.quiesce());
    job::BackupReport report;
    std::erase_if(request.sources, [&](auto const& source) {
        return std::ranges::find(failed, source.name, &job::FailedSource::name) != failed.end();
    });
    if (failed.empty() || !request.sources.empty()) {
        PD_TRY(report, job::backup(repository, request, std::move(stop)));
    }
    std::ranges::move(report.failed, std::back_inserter(failed));
    report.failed = std::move(failed);
    return report;
}

/// How much of each source is not in the snapshot as it should be.
void count_skipped(job::BackupReport const& report, catalog::Run& run) {
    for (auto const& source : report.sources) {
        if (source.problems_total > 0) run.skipped[source.name] = source.problems_total;
    }
}

/// A repository is its history and the work tree around it; what is not committed in another one is
/// nowhere else.
void tell_work_trees(Workspace& workspace, BackupAnswer& answer, catalog::Run& run) {
    for (auto const& read : answer.report.sources) {
        auto const* source = read.type == "git" ? workspace.config().source(read.name) : nullptr;
        if (!source) continue;
        for (auto const& tree : origin::work_trees_outside(source->options.path)) {
            if (!covered_by(workspace.config(), tree).empty()) continue;
            answer.problems.push_back(
                {read.name + ": " + tree.string(),
                 "is a work tree of this repository outside the source: what is not committed "
                 "there is not backed up; perdure source add NAME --type files --path " +
                     tree.string()});
            ++run.skipped[read.name];
        }
    }
}

std::string sentence_of(BackupAnswer const& answer) {
    auto const& report = answer.report;
    return fmt::format("{} items, {} read, {} stored", spell_count(report.items),
                       spell_bytes(report.bytes_read), spell_bytes(report.statistics.bytes_stored));
}

}  // namespace

Result<BackupAnswer> backup(Workspace& workspace, BackupCall const& call) {
    for (auto const& tag : call.tags) PD_CHECK(check_tag(tag));
    PD_TRY(auto const sources, workspace.sources(call.sources));
    job::BackupRequest request;
    std::vector<std::string> names;
    for (auto const& source : sources) {
        request.sources.push_back(source.options);
        names.push_back(source.options.name);
    }
    request.type = call.type;
    request.tags = call.tags;
    request.dry_run = call.dry_run;
    request.past_failed_sources = true;
    auto const& limits = workspace.config().limits;
    request.read_bytes_per_second = static_cast<std::uint64_t>(limits.read_mb_s.value_or(0) * 1e6);
    request.progress = call.progress;

    RecordedRun record(workspace, call.dry_run ? "backup (dry run)" : "backup", names);
    BackupAnswer answer;
    answer.run = record.run().id;
    auto repository = workspace.repository();
    if (!repository) return record.failed(std::move(repository).error());

    if (!call.dry_run) answer.problems = sweep_restores(workspace);
    Hooks hooks(sources, workspace.stop());
    auto report = backup_quiet(hooks, **repository, request, workspace.stop());
    auto const resumed = hooks.resume();
    if (!report) return record.failed(std::move(report).error());
    if (report->sources.empty() && !report->failed.empty()) {
        return record.failed(all_failed(workspace, report->failed));
    }

    answer.report = std::move(*report);
    answer.problems.insert(answer.problems.end(), answer.report.problems.begin(),
                           answer.report.problems.end());
    auto& run = record.run();
    count_skipped(answer.report, run);
    tell_work_trees(workspace, answer, run);
    answer.destinations = workspace.health();
    answer.duration_s = record.elapsed_s();
    if (!resumed) answer.problems.push_back({"hook", resumed.error().message()});
    run.snapshot = answer.report.snapshot ? answer.report.snapshot->id() : "";
    run.items = answer.report.items;
    if (answer.report.snapshot) {
        record.evidence("snapshot", to_hex(answer.report.snapshot->object_hash));
        for (auto const& source : answer.report.snapshot->sources) {
            if (!source.rows) continue;
            record.evidence("source " + source.name, to_hex(source.digest.hash));
        }
    }
    run.bytes_read = answer.report.bytes_read;
    run.bytes_new = answer.report.statistics.bytes_new;
    run.bytes_stored = answer.report.statistics.bytes_stored;
    if (auto judged = judge_destinations(workspace, answer); !judged) {
        return record.failed(std::move(judged).error());
    }
    if (!call.dry_run) {
        for (auto& problem : settle_keys(workspace)) answer.problems.push_back(std::move(problem));
    }
    // What failed is a run of its own: the others must not make it look backed up.
    for (auto const& failed : answer.report.failed) std::erase(run.sources, failed.name);
    record.done(answer.problems, sentence_of(answer), answer.report.problems_unnamed);
    for (auto const& failed : answer.report.failed) {
        answer.problems.push_back(left_out(workspace, failed));
        RecordedRun alone(workspace, record.run().verb, {failed.name});
        static_cast<void>(alone.failed(failed.error));
    }
    return answer;
}

}  // namespace perdure::service
