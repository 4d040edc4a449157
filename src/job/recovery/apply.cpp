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

#include "job/recovery/plan.h"

namespace perdure::job {

namespace {

Error stale(std::string what) {
    return fail(Fault::conflict, "the plan is stale: " + std::move(what))
        .with_code(15)
        .with_fix("make it again with perdure restore plan, and read it again");
}

struct RowsAtWork {
    RecoveryPlace const* place = nullptr;
    BroughtBack copy;
    std::unique_ptr<origin::Merge> merge;
};

class Apply {
public:
    Apply(repository::Repository& repository, ApplyRequest const& request, std::stop_token stop)
        : repository_(repository), request_(request), stop_(std::move(stop)) {}

    Result<ApplyReport> run() {
        for (auto const& place : request_.places) {
            RowsAtWork work{.place = &place, .copy = {}, .merge = {}};
            PD_TRY(work.copy, bring_back_rows(repository_, *place.source, request_.scratch,
                                              request_.progress, stop_));
            report_.problems.insert(report_.problems.end(), work.copy.problems.begin(),
                                    work.copy.problems.end());
            rows_.push_back(std::move(work));
        }
        PD_CHECK(compare(origin::Merge::Mode::read));
        if (report_.writes == 0) return std::move(report_);
        PD_TRY(report_.safety, request_.safety());
        PD_CHECK(write());
        PD_CHECK(verify());
        return std::move(report_);
    }

private:
    /// Opens and compares every database; the items must be exactly those of the plan.
    Result<void> compare(origin::Merge::Mode mode) {
        crypto::Sha256 state;
        report_.sources = data::Json{data::Json::Array{}};
        report_.writes = 0;
        for (auto& work : rows_) {
            work.merge.reset();
            PD_TRY(work.merge, open_merge(work.copy, *work.place, request_.scope,
                                          request_.plan.overrides, mode, stop_));
            PD_TRY(auto json, compare_merge(
                                  *work.merge, *work.place,
                                  [&](data::Json const& item) -> Result<void> {
                                      state.update(as_bytes(item.canonical()));
                                      return {};
                                  },
                                  stop_));
            report_.writes += work.merge->changes().size();
            report_.sources.add(std::move(json));
        }
        if (to_hex(state.finish()) != request_.plan.summary.text_of("state")) {
            return stale("the target changed since it was made");
        }
        if (mode == origin::Merge::Mode::read) {
            for (auto& work : rows_) work.merge.reset();
        }
        return {};
    }

    Result<void> write() {
        RecoveryRun run{.id = request_.run, .verb = "restore"};
        run.snapshot = request_.snapshot.id();
        run.safety = report_.safety;
        run.plan = request_.plan.digest;
        run.started = to_timestamp(std::chrono::system_clock::now());
        for (auto const& place : request_.places) {
            run.sources.push_back({place.source->name, "rows", place.target.path, 0, {}});
        }
        PD_TRY(auto folder, RunFolder::create(request_.recovery, std::move(run)));
        auto const locked = std::chrono::steady_clock::now();
        auto written = write_all(folder);
        for (auto& work : rows_) work.merge.reset();  // rolls back what was not committed
        report_.locked_s =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - locked).count();
        if (!written && !committing_) static_cast<void>(folder.remove());
        if (!written && committing_) {
            // One database took its changes, another did not: back to before.
            PD_CHECK(settle_runs(repository_, request_.recovery, {}));
        }
        return written;
    }

    Result<void> write_all(RunFolder& folder) {
        PD_CHECK(compare(origin::Merge::Mode::write));
        for (std::size_t at = 0; at < rows_.size(); ++at) {
            auto& merge = *rows_[at].merge;
            PD_CHECK(merge.write(stop_));
            folder.run().sources[at].dangled = merge.dangled();
            PD_TRY(folder.run().sources[at].changes,
                   write_row_journal(folder.journal(at), repository_.domains().common(),
                                     merge.changes(), stop_));
        }
        PD_CHECK(folder.set_state("prepared"));
        committing_ = true;
        for (auto& work : rows_) PD_CHECK(work.merge->commit());
        return folder.set_state("done");
    }

    /// Reads every change back from its journal and looks for it in the database.
    Result<void> verify() {
        PD_TRY(auto const folder, RunFolder::open(request_.recovery, request_.run));
        for (std::size_t at = 0; at < rows_.size(); ++at) {
            auto const domain = repository_.domains().common();
            PD_TRY(auto const tables, journal_tables(folder.journal(at), domain));
            PD_TRY(auto undo, origin::RowUndo::open(folder.run().sources[at].target, tables,
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
    std::vector<RowsAtWork> rows_;
    bool committing_ = false;
    ApplyReport report_;
};

}  // namespace

Result<ApplyReport> apply_recovery(repository::Repository& repository, ApplyRequest const& request,
                                   std::stop_token stop) {
    return Apply(repository, request, std::move(stop)).run();
}

}  // namespace perdure::job
