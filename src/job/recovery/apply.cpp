// The order that makes a kill at any moment leave before or after:
//   compare under a read lock → safety snapshot → write lock on every database → compare again →
//   write inside the transactions → journals on the disk → run.json says "prepared" → commit, one
//   after the other → run.json says "done".
// A kill before "prepared": no transaction was committed, SQLite rolls them back. After it:
// settle_runs looks which databases show the changes, and takes the committed ones back unless all
// are.
#include "job/recovery/apply.h"

#include <fmt/format.h>

#include <chrono>

#include "job/recovery/files.h"
#include "job/recovery/plan.h"

namespace perdure::job {

namespace {

Error stale(std::string what) {
    return fail(Fault::conflict, "the plan is stale: " + std::move(what))
        .with_code(15)
        .with_fix("make it again with perdure restore plan, and read it again");
}

/// One source; exactly one of the two merges is used.
struct AtWork {
    RecoveryPlace const* place = nullptr;
    BroughtBack copy;
    std::unique_ptr<origin::Merge> rows;
    std::unique_ptr<origin::TreeMerge> files;
};

class Apply {
public:
    Apply(repository::Repository& repository, ApplyRequest const& request, std::stop_token stop)
        : repository_(repository), request_(request), stop_(std::move(stop)) {}

    Result<ApplyReport> run() {
        for (auto const& place : request_.places) {
            AtWork work{.place = &place, .copy = {}, .rows = {}, .files = {}};
            if (place.source->rows) {
                PD_TRY(work.copy, bring_back_rows(repository_, *place.source, request_.scratch,
                                                  request_.progress, stop_));
                note(work.copy.problems);
            }
            sources_.push_back(std::move(work));
        }
        PD_CHECK(compare(Pass::look));
        if (report_.writes == 0) return std::move(report_);
        PD_TRY(report_.safety, request_.safety());
        PD_CHECK(write());
        PD_CHECK(verify());
        return std::move(report_);
    }

private:
    enum class Pass { look, write };

    void note(std::vector<data::Problem> const& problems) {
        report_.problems.insert(report_.problems.end(), problems.begin(), problems.end());
    }

    /// Compares every source; the items must be exactly those of the plan. With Pass::write the
    /// databases are locked and the files are staged.
    Result<void> compare(Pass pass) {
        crypto::Sha256 state;
        report_.sources = data::Json{data::Json::Array{}};
        report_.writes = 0;
        for (auto& work : sources_) {
            PD_TRY(auto json, work.place->source->rows ? compare_rows(work, pass, state)
                                                       : compare_files(work, pass, state));
            report_.sources.add(std::move(json));
        }
        auto const seen = to_hex(state.finish());
        if (pass == Pass::look) {
            for (auto& work : sources_) {
                work.rows.reset();
                work.files.reset();
            }
        }
        if (seen == request_.plan.summary.text_of("state")) return {};
        return stale("the target changed since it was made");
    }

    Result<data::Json> compare_rows(AtWork& work, Pass pass, crypto::Sha256& state) {
        auto const mode =
            pass == Pass::write ? origin::Merge::Mode::write : origin::Merge::Mode::read;
        PD_TRY(work.rows, open_merge(work.copy, *work.place, request_.scope,
                                     request_.plan.overrides, mode, stop_));
        PD_TRY(auto json, compare_merge(
                              *work.rows, *work.place,
                              [&](data::Json const& item) -> Result<void> {
                                  state.update(as_bytes(item.canonical()));
                                  return {};
                              },
                              stop_));
        report_.writes += work.rows->changes().size();
        return json;
    }

    Result<data::Json> compare_files(AtWork& work, Pass pass, crypto::Sha256& state) {
        FilesRequest files{.source = work.place->source, .target = work.place->target};
        files.overrides = request_.plan.overrides;
        if (pass == Pass::write) files.stage = stage_name(request_.run);
        PD_TRY(auto found,
               merge_files(repository_, files, request_.scope, request_.progress, stop_));
        if (pass == Pass::look) note(found.problems);
        work.files = std::move(found.merge);
        state.update(as_bytes(work.files->state()));
        for (auto const& [name, count] : work.files->summary().decisions) {
            auto const decision = data::parse_decision(name);
            if (decision ? data::may_write(*decision) : true) report_.writes += count;
        }
        return files_summary(*work.place, work.files->summary());
    }

    Result<void> write() {
        RecoveryRun run{.id = request_.run, .verb = "restore"};
        run.snapshot = request_.snapshot.id();
        run.safety = report_.safety;
        run.plan = request_.plan.digest;
        run.started = to_timestamp(std::chrono::system_clock::now());
        for (auto const& place : request_.places) {
            run.sources.push_back({place.source->name,
                                   place.source->rows ? "rows" : "files",
                                   place.target.path,
                                   0,
                                   {}});
        }
        PD_TRY(auto folder, RunFolder::create(request_.recovery, std::move(run)));
        auto const locked = std::chrono::steady_clock::now();
        auto written = write_all(folder);
        for (auto& work : sources_) work.rows.reset();  // rolls back what was not committed
        report_.locked_s =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - locked).count();
        // One source took its changes, another did not: back to before.
        if (!written) PD_CHECK(settle_runs(repository_, request_.recovery, {}));
        return written;
    }

    Result<void> write_all(RunFolder& folder) {
        PD_CHECK(compare(Pass::write));
        auto const domain = repository_.domains().common();
        for (std::size_t at = 0; at < sources_.size(); ++at) {
            auto& source = folder.run().sources[at];
            if (auto* rows = sources_[at].rows.get()) {
                PD_CHECK(rows->write(stop_));
                source.dangled = rows->dangled();
                PD_TRY(source.changes,
                       write_row_journal(folder.journal(at), domain, rows->changes(), stop_));
            } else {
                PD_CHECK(sources_[at].files->settle_stage());
                PD_TRY(source.changes, write_file_journal(folder.journal(at), domain,
                                                          sources_[at].files->changes()));
            }
        }
        PD_CHECK(folder.set_state("prepared"));
        for (auto& work : sources_) {
            if (!work.files) continue;
            PD_CHECK(origin::swap_files(work.place->target.path, stage_name(request_.run),
                                        work.files->changes()));
        }
        for (auto& work : sources_) {
            if (work.rows) PD_CHECK(work.rows->commit());
        }
        PD_CHECK(folder.set_state("done"));
        for (auto& work : sources_) {
            if (!work.files) continue;
            PD_CHECK(origin::drop_stage(work.place->target.path, stage_name(request_.run)));
        }
        return {};
    }

    /// Reads every change back from its journal and looks for it in the target.
    Result<void> verify() {
        PD_TRY(auto const folder, RunFolder::open(request_.recovery, request_.run));
        auto const domain = repository_.domains().common();
        for (std::size_t at = 0; at < sources_.size(); ++at) {
            auto const& source = folder.run().sources[at];
            if (source.kind == "files") {
                PD_TRY(auto const changes, read_file_journal(folder.journal(at), domain));
                for (auto const& change : changes) {
                    ++(origin::still_there(source.target, change) ? report_.verified
                                                                  : report_.changed_since);
                }
                continue;
            }
            PD_TRY(auto const tables, journal_tables(folder.journal(at), domain));
            PD_TRY(auto undo, origin::RowUndo::open(source.target, tables,
                                                    origin::Merge::Mode::read, 30'000, stop_));
            PD_CHECK(read_row_journal(
                folder.journal(at), domain,
                {.tables = {}, .change = [&](origin::Change const& change) -> Result<void> {
                     PD_TRY(int const shown, undo->shows(change));
                     ++(shown > 0 ? report_.verified : report_.changed_since);
                     return {};
                 }}));
        }
        return {};
    }

    repository::Repository& repository_;
    ApplyRequest const& request_;
    std::stop_token stop_;
    std::vector<AtWork> sources_;
    ApplyReport report_;
};

}  // namespace

Result<ApplyReport> apply_recovery(repository::Repository& repository, ApplyRequest const& request,
                                   std::stop_token stop) {
    return Apply(repository, request, std::move(stop)).run();
}

}  // namespace perdure::job
