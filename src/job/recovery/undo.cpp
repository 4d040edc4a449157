// Problem: take a run back, or settle one that was killed, over databases and folders that are in
// use and have no transaction in common.
//
// 1. An undo is a run of its own, with journals and the states preparing, prepared, done: what
//    apply.cpp says of a kill holds for it too, and it can itself be undone.
// 2. A run that was killed after "prepared" is complete when every source shows its changes, else
//    all that shows them is taken back. What a source shows is asked of it, never remembered.
// 3. What somebody changed since stays and is named; without --partly nothing is written then.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "job/recovery/apply.h"
#include "job/recovery/files.h"
#include "job/recovery/swap.h"

namespace perdure::job {

namespace {

constexpr std::size_t stays_max = 1000;
constexpr int busy_wait_ms = 30'000;

void count(UndoReport& report, origin::UndoItem const& item) {
    using enum origin::UndoItem::Verdict;
    if (item.text) return;
    switch (item.verdict) {
        case back:
            ++report.back;
            return;
        case merged:
            ++report.merged;
            return;
        case already:
            ++report.already;
            return;
        case kept:
            ++report.kept;
            if (report.stays.size() < stays_max) report.stays.push_back(item);
    }
}

class Undo {
public:
    Undo(repository::Repository& repository, UndoRequest const& request, std::stop_token stop)
        : repository_(repository), request_(request), stop_(std::move(stop)) {}

    Result<UndoReport> run() {
        PD_TRY(auto original, RunFolder::open(request_.recovery, request_.run));
        if (original.run().state != "done") {
            auto const by = original.run().undone_by;
            return fail(Fault::conflict,
                        fmt::format("run {} is {}{}", request_.run, original.run().state,
                                    by.empty() ? "" : " by run " + by))
                .with_code(15)
                .with_fix(by.empty() ? "there is nothing to take back"
                                     : "perdure restore undo " + by + " does it again");
        }
        PD_CHECK(judge(original, origin::Merge::Mode::read));
        if (request_.preview) return std::move(report_);
        if (report_.kept > 0 && !request_.partly) return refusal();
        return write(original);
    }

private:
    Error refusal() const {
        return fail(Fault::conflict,
                    fmt::format("{} of the restored records changed since and would have to stay; "
                                "the first: {}, {}",
                                report_.kept, report_.stays.front().record,
                                report_.stays.front().reason))
            .with_code(15)
            .with_fix("perdure restore undo RUN --partly takes back all the others");
    }

    /// What the stage cannot give a file (its owner, say) is told only; this stands in the way.
    Error unreadable(std::vector<data::Problem> const& lost) const {
        return fail(Fault::corrupt,
                    fmt::format("the snapshot of the state before does not give back {}: {}; "
                                "nothing was changed",
                                lost.front().path, lost.front().reason))
            .with_code(14)
            .with_fix(fmt::format("perdure repo repair may mend it; perdure restore undo {} "
                                  "--partly takes back all the others",
                                  request_.run));
    }

    Result<void> judge(RunFolder const& original, origin::Merge::Mode mode) {
        report_ = {};
        rows_.clear();
        files_.clear();
        swaps_.clear();
        for (std::size_t at = 0; at < original.run().sources.size(); ++at) {
            rows_.emplace_back();
            files_.emplace_back();
            auto const& kind = original.run().sources[at].kind;
            PD_CHECK(kind == "rows"   ? judge_rows(original, at, mode)
                     : kind == "swap" ? judge_swap(original, at, mode)
                                      : judge_files(original, at));
        }
        return {};
    }

    Result<void> note(origin::UndoItem const& item, bool tell) {
        count(report_, item);
        return request_.tell && tell && !item.text ? request_.tell(item) : Result<void>{};
    }

    Result<void> judge_files(RunFolder const& original, std::size_t at) {
        auto const& source = original.run().sources[at];
        PD_TRY(auto const changes,
               read_file_journal(original.journal(at), repository_.domains().common()));
        PD_TRY(auto const lost, lost_before(original, source.name, paths_back(changes)));
        for (auto const& change : changes) {
            bool const ours = origin::still_there(source.target, change);
            bool const held = !lost.contains(change.path);
            origin::UndoItem item{.table = "files", .record = source.name + "/" + change.path};
            if (!ours || !held) {
                item.verdict = origin::UndoItem::Verdict::kept;
                item.reason = ours ? "the snapshot of the state before does not hold it"
                                   : "it was changed after the restore";
            }
            PD_CHECK(note(item, true));
            if (ours && held) files_[at].push_back(change);
        }
        return {};
    }

    /// Of these names those that the snapshot of the state before cannot give back.
    Result<PathSet> lost_before(RunFolder const& original, std::string const& name, PathSet paths) {
        if (paths.empty()) return paths;
        PD_TRY(auto const before, snapshot_of(repository_, original.run().safety, stop_));
        PD_TRY(auto const* source, source_in(before, name));
        return not_held(repository_, *source, std::move(paths), stop_);
    }

    /// Looks at what is said to be back: the names that went or were replaced, and what was put.
    void look_at_files(RecoveryRun::Source const& source, std::size_t at,
                       origin::TreeMerge const& merge) {
        PathSet put;
        for (auto const& change : merge.changes()) {
            if (origin::still_there(source.target, change)) put.insert(change.path);
        }
        for (auto const& change : files_[at]) {
            std::error_code error;
            auto const status = std::filesystem::symlink_status(source.target / change.path, error);
            bool const goes_back = paths_back({change}).contains(change.path);
            bool const there = std::filesystem::exists(status);
            bool const folder = change.act == origin::FileChange::Act::folder;  // may hold others
            bool const lost = lost_[at].contains(change.path);
            if (folder || put.contains(change.path) || (there == goes_back && !lost)) continue;
            --report_.back;
            count(report_, {.verdict = origin::UndoItem::Verdict::kept,
                            .table = "files",
                            .record = source.name + "/" + change.path,
                            .reason = lost ? "its state before cannot be read any more"
                                           : "it was not put back"});
        }
    }

    /// A database that was replaced as a whole goes back as a whole, or not at all.
    Result<void> judge_swap(RunFolder const& original, std::size_t at, origin::Merge::Mode mode) {
        auto const& source = original.run().sources[at];
        if (source.keeps_old()) {
            auto const beside = damaged_name(source.target, original.run().id).string();
            return fail(Fault::conflict,
                        source.name + (source.damaged()
                                           ? " was damaged before that restore"
                                           : " held what no snapshot takes (masked columns, or "
                                             "another schema than the mapping's)"))
                .with_code(15)
                .with_fix("it lies beside as " + beside +
                          "; with the application stopped, rename it to have it back");
        }
        PD_TRY(auto const live, live_state(source.target, stop_));
        origin::UndoItem item{.table = "database", .record = source.name};
        if (live.text != source.after) {
            item.verdict = origin::UndoItem::Verdict::kept;
            item.reason = fmt::format(
                "the database was replaced as a whole and written to since, which going back as a "
                "whole would lose; single records: perdure restore plan {} {} --merge-strategy "
                "overwrite",
                original.run().safety.substr(0, 12), source.name);
        }
        PD_CHECK(note(item, mode == origin::Merge::Mode::read));
        if (live.text == source.after) swaps_.insert(at);
        return {};
    }

    Result<void> judge_rows(RunFolder const& original, std::size_t at, origin::Merge::Mode mode) {
        auto const domain = repository_.domains().common();
        PD_TRY(auto const tables, journal_tables(original.journal(at), domain));
        PD_TRY(auto undo, origin::RowUndo::open(original.run().sources[at].target, tables, mode,
                                                busy_wait_ms, stop_));
        PD_CHECK(read_row_journal(
            original.journal(at), domain,
            {.tables = {}, .change = [&](origin::Change const& change) -> Result<void> {
                 PD_TRY(auto const item, undo->take(change));
                 return note(item, mode == origin::Merge::Mode::read);
             }}));
        PD_TRY(auto const held, undo->hold_back(original.run().sources[at].dangled));
        for (auto const& item : held) {
            report_.back -= item.text ? 0 : 1;
            PD_CHECK(note(item, mode == origin::Merge::Mode::read));
        }
        if (mode == origin::Merge::Mode::write) rows_[at] = std::move(undo);
        return {};
    }

    Result<UndoReport> write(RunFolder& original) {
        RecoveryRun run{.id = request_.undo_run, .verb = "undo"};
        // What it takes back is what the other run put there, and the other way round.
        run.snapshot = original.run().safety;
        run.safety = original.run().snapshot;
        run.undoes = original.run().id;
        run.started = to_timestamp(std::chrono::system_clock::now());
        run.sources = original.run().sources;
        for (auto& source : run.sources) std::swap(source.before, source.after);
        PD_TRY(auto folder, RunFolder::create(request_.recovery, std::move(run)));
        auto const written = write_all(original, folder);
        rows_.clear();
        staged_swaps_.clear();
        if (!written) {
            PD_CHECK(settle_runs(repository_, request_.recovery, {}));
            return written.error();
        }
        original.run().undone_by = folder.run().id;
        PD_CHECK(original.set_state("undone"));
        return std::move(report_);
    }

    Result<void> prepare_files(RunFolder const& original, RunFolder& folder, std::size_t at,
                               std::vector<FilesAtWork>& staged) {
        if (files_[at].empty()) return write_none(folder, at);
        PD_TRY(auto const before, snapshot_of(repository_, original.run().safety, stop_));
        PD_TRY(staged[at], stage_undo(repository_, before, original.run().sources[at], files_[at],
                                      stage_name(folder.run().id), stop_));
        if (!staged[at].lost.empty() && !request_.partly) return unreadable(staged[at].lost);
        for (auto const& problem : staged[at].lost) lost_[at].insert(problem.path);
        std::ranges::copy_if(staged[at].problems, std::back_inserter(report_.problems),
                             [&](auto const& one) { return !lost_[at].contains(one.path); });
        if (staged[at].merge->summary().blocked > 0) {
            auto const& problem = staged[at].told->blocked.front();
            return fail(Fault::conflict, problem.path + ": " + problem.reason).with_code(15);
        }
        PD_CHECK(staged[at].merge->settle_stage());
        PD_TRY(folder.run().sources[at].changes,
               write_file_journal(folder.journal(at), repository_.domains().common(),
                                  staged[at].merge->changes()));
        return {};
    }

    Result<void> prepare_swap(RunFolder const& original, RunFolder& folder, std::size_t at) {
        auto const& source = original.run().sources[at];
        auto const domain = repository_.domains().common();
        if (!swaps_.contains(at)) return write_none(folder, at);
        std::optional<repository::Snapshot> before;
        repository::SourceSnapshot const* state = nullptr;
        if (source.before != "absent") {
            PD_TRY(before, snapshot_of(repository_, original.run().safety, stop_));
            PD_TRY(state, source_in(*before, source.name));
        }
        PD_TRY(auto swap, stage_swap(repository_, state, source.target, stage_name(folder.run().id),
                                     {}, stop_));
        if (swap.before.text != source.after) {
            return fail(Fault::conflict, source.name + " was written to meanwhile").with_code(15);
        }
        folder.run().sources[at].after = swap.after.text;
        PD_TRY(folder.run().sources[at].changes,
               write_file_journal(folder.journal(at), domain, swap.changes));
        staged_swaps_.emplace(at, std::move(swap));
        return {};
    }

    Result<void> write_none(RunFolder& folder, std::size_t at) {
        PD_TRY(folder.run().sources[at].changes,
               write_file_journal(folder.journal(at), repository_.domains().common(), {}));
        return {};
    }

    Result<void> write_all(RunFolder const& original, RunFolder& folder) {
        PD_CHECK(judge(original, origin::Merge::Mode::write));
        if (report_.kept > 0 && !request_.partly) return refusal();
        std::vector<FilesAtWork> staged(rows_.size());
        for (std::size_t at = 0; at < rows_.size(); ++at) {
            if (!rows_[at]) {
                bool const swap = original.run().sources[at].kind == "swap";
                PD_CHECK(swap ? prepare_swap(original, folder, at)
                              : prepare_files(original, folder, at, staged));
                continue;
            }
            PD_CHECK(rows_[at]->write(original.run().sources[at].dangled, stop_));
            folder.run().sources[at].dangled = rows_[at]->dangled();
            PD_TRY(folder.run().sources[at].changes,
                   write_row_journal(folder.journal(at), repository_.domains().common(),
                                     rows_[at]->changes(), stop_));
        }
        PD_CHECK(folder.set_state("prepared"));
        auto const stage = stage_name(folder.run().id);
        for (std::size_t at = 0; at < staged.size(); ++at) {
            if (!staged[at].merge) continue;
            PD_CHECK(origin::swap_files(folder.run().sources[at].target, stage,
                                        staged[at].merge->changes()));
        }
        for (auto& [at, swap] : staged_swaps_) {
            PD_CHECK(swap_database(swap, folder.run().sources[at].target, stage));
        }
        for (auto& undo : rows_) {
            if (undo) PD_CHECK(undo->commit());
        }
        PD_CHECK(folder.set_state("done"));
        for (std::size_t at = 0; at < staged.size(); ++at) {
            if (staged[at].merge) {
                look_at_files(folder.run().sources[at], at, *staged[at].merge);
            }
        }
        PD_TRY([[maybe_unused]] auto const kept,
               drop_stages(folder, repository_.domains().common()));
        return {};
    }

    repository::Repository& repository_;
    UndoRequest const& request_;
    std::stop_token stop_;
    std::vector<std::unique_ptr<origin::RowUndo>> rows_;  ///< by source; null: files
    std::vector<std::vector<origin::FileChange>> files_;
    std::map<std::size_t, PathSet> lost_;  ///< by source; what the snapshot does not give back
    std::set<std::size_t> swaps_;          ///< sources whose whole database goes back
    std::map<std::size_t, SwapAtWork> staged_swaps_;
    UndoReport report_;
};

/// 1: the database shows the run's changes; -1: it does not; 0: it cannot be told (none differ).
Result<int> shows(RunFolder const& folder, std::size_t at, repository::DomainPtr const& domain,
                  std::stop_token stop) {
    auto const& source = folder.run().sources[at];
    if (source.kind != "rows") {
        PD_TRY(auto const changes, read_file_journal(folder.journal(at), domain));
        if (changes.empty()) return 0;
        return origin::all_put(source.folder(), stage_name(folder.run().id), changes) ? 1 : -1;
    }
    PD_TRY(auto const tables, journal_tables(folder.journal(at), domain));
    PD_TRY(auto undo, origin::RowUndo::open(folder.run().sources[at].target, tables,
                                            origin::Merge::Mode::read, busy_wait_ms, stop));
    int votes = 0;
    PD_CHECK(read_row_journal(
        folder.journal(at), domain,
        {.tables = {}, .change = [&](origin::Change const& change) -> Result<void> {
             PD_TRY(int const vote, undo->shows(change));
             votes += vote;
             return {};
         }}));
    return votes > 0 ? 1 : (votes < 0 ? -1 : 0);
}

/// What stays: records that somebody changed since, or all of it, where the database refuses to
/// have it back. That is told, for there would be no way on otherwise.
Result<std::vector<std::string>> take_back(RunFolder const& folder, std::size_t at,
                                           repository::DomainPtr const& domain,
                                           std::stop_token stop) {
    std::vector<std::string> stay;
    PD_TRY(auto const tables, journal_tables(folder.journal(at), domain));
    PD_TRY(auto undo, origin::RowUndo::open(folder.run().sources[at].target, tables,
                                            origin::Merge::Mode::write, busy_wait_ms, stop));
    PD_CHECK(read_row_journal(
        folder.journal(at), domain,
        {.tables = {}, .change = [&](origin::Change const& change) -> Result<void> {
             PD_TRY(auto item, undo->take(change));
             bool const kept = item.verdict == origin::UndoItem::Verdict::kept && !item.text;
             if (kept && stay.size() < stays_max) stay.push_back(std::move(item.record));
             return {};
         }}));
    PD_TRY(auto const held, undo->hold_back(folder.run().sources[at].dangled));
    for (auto const& item : held) {
        if (!item.text && stay.size() < stays_max) stay.push_back(item.record);
    }
    auto const written = undo->write(folder.run().sources[at].dangled, stop);
    if (!written && written.error().fault() == Fault::conflict) {
        return std::vector{fmt::format("all of {}, since {}; the state before is in snapshot {}",
                                       folder.run().sources[at].name, written.error().message(),
                                       folder.run().safety.substr(0, 12))};
    }
    PD_CHECK(written);
    PD_CHECK(undo->commit());
    return stay;
}

system::Path place_of(RecoveryRun::Source const& source) {
    return source.kind == "rows" ? source.target : source.folder();
}

Result<std::string> settle(RunFolder& folder, repository::DomainPtr const& domain,
                           std::stop_token stop) {
    auto& run = folder.run();
    std::vector<std::size_t> shown;
    for (std::size_t at = 0; at < run.sources.size(); ++at) {
        // What is gone altogether can neither be finished nor taken back.
        if (!system::exists(place_of(run.sources[at]))) continue;
        PD_TRY(int const vote, shows(folder, at, domain, stop));
        if (vote >= 0) shown.push_back(at);
    }
    bool const all = shown.size() == run.sources.size();
    std::vector<std::string> stay;
    for (std::size_t at = 0; !all && at < run.sources.size(); ++at) {
        if (!system::exists(place_of(run.sources[at]))) continue;
        if (run.sources[at].kind != "rows") {  // even half of its names may have changed
            PD_TRY(auto const changes, read_file_journal(folder.journal(at), domain));
            PD_TRY(auto kept,
                   origin::swap_back(run.sources[at].folder(), stage_name(run.id), changes));
            for (auto& path : kept) stay.push_back(run.sources[at].name + "/" + path);
        } else if (std::ranges::find(shown, at) != shown.end()) {
            PD_TRY(auto kept, take_back(folder, at, domain, stop));
            std::ranges::move(kept, std::back_inserter(stay));
        }
    }
    PD_CHECK(folder.set_state(all ? "done" : "rolled-back"));
    PD_TRY([[maybe_unused]] auto const kept, drop_stages(folder, domain));
    auto told = fmt::format("run {} was interrupted: {}", run.id,
                            all ? "it had changed everything already, and is complete"
                                : "what it had changed was taken back");
    if (stay.empty()) return told;
    return told + fmt::format(", but for what somebody changed since: {}", fmt::join(stay, ", "));
}

/// An undo that is done and was killed before it could say so to the run it took back.
Result<void> mark_undone(system::Path const& recovery, RecoveryRun const& run) {
    if (run.undoes.empty() || run.state != "done") return {};
    auto original = RunFolder::open(recovery, run.undoes);
    if (!original || original->run().state != "done") return {};
    original->run().undone_by = run.id;
    return original->set_state("undone");
}

}  // namespace

Result<UndoReport> undo_recovery(repository::Repository& repository, UndoRequest const& request,
                                 std::stop_token stop) {
    return Undo(repository, request, std::move(stop)).run();
}

Result<std::vector<std::string>> drop_stages(RunFolder const& folder,
                                             repository::DomainPtr const& domain) {
    std::vector<std::string> kept;
    auto const& run = folder.run();
    for (std::size_t at = 0; at < run.sources.size(); ++at) {
        auto const& source = run.sources[at];
        if (source.kind == "rows") continue;
        bool const damaged = source.kind == "swap" && source.keeps_old() && run.state == "done";
        if (damaged) PD_CHECK(put_damaged_beside(folder, at, domain, kept));
        PD_CHECK(origin::drop_stage(source.folder(), stage_name(run.id)));
    }
    return kept;
}

Result<std::vector<std::string>> sweep_runs(repository::Repository& repository,
                                            system::Path const& recovery) {
    std::vector<std::string> half_way;
    for (auto& folder : RunFolder::list(recovery)) {
        auto const state = folder.run().state;
        if (state == "prepared") half_way.push_back(folder.run().id);
        if (state != "preparing" && state != "done") continue;
        PD_CHECK(drop_stages(folder, repository.domains().common()));
        if (state == "preparing") PD_CHECK(folder.remove());
    }
    return half_way;
}

Result<std::vector<std::string>> settle_runs(repository::Repository& repository,
                                             system::Path const& recovery, std::stop_token stop) {
    std::vector<std::string> told;
    for (auto& folder : RunFolder::list(recovery)) {
        if (folder.run().state == "preparing") {
            PD_CHECK(drop_stages(folder, repository.domains().common()));
            PD_CHECK(folder.remove());
            told.push_back(
                fmt::format("run {} was interrupted before it changed anything", folder.run().id));
        } else if (folder.run().state == "prepared") {
            PD_TRY(auto line, settle(folder, repository.domains().common(), stop));
            told.push_back(std::move(line));
        } else if (folder.run().state == "done") {
            PD_CHECK(drop_stages(folder, repository.domains().common()));
        }
        PD_CHECK(mark_undone(recovery, folder.run()));
    }
    return told;
}

}  // namespace perdure::job
