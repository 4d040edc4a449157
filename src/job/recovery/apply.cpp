// The order that makes a kill at any moment leave before or after:
//   compare under a read lock → safety snapshot → write lock on every database → compare again →
//   write inside the transactions, stage files and whole databases beside → journals on the disk →
//   run.json says "prepared" → names change, transactions commit → run.json says "done".
// A kill before "prepared": no transaction was committed, SQLite rolls them back. After it:
// settle_runs looks which databases show the changes, and takes the committed ones back unless all
// are.
#include "job/recovery/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>

#include "job/recovery/files.h"
#include "job/recovery/plan.h"
#include "job/recovery/swap.h"
#include "origin/merge/files/look_beneath.h"
#include "system/path/real_path.h"

namespace perdure::job {

namespace {

constexpr std::uint64_t blocked_told_max = 100;  ///< records of one table, one by one

Error stale(std::string what) {
    return fail(Fault::conflict, "the plan is stale: " + std::move(what))
        .with_code(15)
        .with_fix("make it again with perdure restore plan, and read it again");
}

/// One source, or the media of one: exactly one of the three is used.
struct AtWork {
    RecoveryPlace const* place = nullptr;
    std::string kind;  ///< as in RecoveryRun::Source
    BroughtBack const* copy = nullptr;
    system::Path database;  ///< of a swap: the file itself, not a link to it
    std::unique_ptr<origin::Merge> rows;
    FilesAtWork files;
    PathSet goes;  ///< files of which the state that is there goes
    std::optional<SwapAtWork> swap;
    bool unsaved = false;  ///< of a swap, as in RecoveryRun::Source
};

class Apply {
public:
    Apply(repository::Repository& repository, ApplyRequest const& request, std::stop_token stop)
        : repository_(repository),
          request_(request),
          overrides_(request.plan.overrides),
          stop_(std::move(stop)) {}

    Result<ApplyReport> run() {
        for (auto const& place : request_.places) PD_CHECK(add_parts(place));
        PD_CHECK(compare(Pass::look));
        if (report_.writes == 0) return std::move(report_);
        PD_TRY(report_.safety, request_.safety(saved_));
        PD_CHECK(spare_unsaved());
        PD_CHECK(write());
        PD_CHECK(verify());
        return std::move(report_);
    }

private:
    enum class Pass { look, write };

    Result<void> add_parts(RecoveryPlace const& place) {
        if (!place.source->rows) {
            parts_.push_back({.place = &place, .kind = "files"});
            return {};
        }
        if (request_.scope.swap) {
            auto file = system::real_path(place.target.path);
            parts_.push_back({.place = &place, .kind = "swap", .database = std::move(file)});
            return {};
        }
        PD_TRY(auto copy, bring_back_rows(repository_, *place.source, request_.scratch,
                                          place.target.media, request_.progress, stop_));
        note(copy.problems);
        copies_.push_back(std::move(copy));
        parts_.push_back({.place = &place, .kind = "rows", .copy = &copies_.back()});
        if (copies_.back().media_differ) {
            parts_.push_back({.place = &place, .kind = "media", .copy = &copies_.back()});
        }
        return {};
    }

    void note(std::vector<data::Problem> const& problems) {
        report_.problems.insert(report_.problems.end(), problems.begin(), problems.end());
    }

    /// Only while writing it shows what cannot be as it was; the rest was told by the look before.
    void note_new(std::vector<data::Problem> const& problems) {
        std::set<std::pair<std::string, std::string>> told;
        for (auto const& each : report_.problems) told.emplace(each.path, each.reason);
        for (auto const& each : problems)
            if (!told.contains({each.path, each.reason})) report_.problems.push_back(each);
    }

    /// Compares every source; the items must be exactly those of the plan. With Pass::write the
    /// databases are locked and the files are staged.
    Result<void> compare(Pass pass) {
        crypto::Sha256 state;
        report_.sources = data::Json{data::Json::Array{}};
        report_.writes = 0;
        saved_.clear();
        for (std::size_t at = 0; at < parts_.size(); ++at) {
            PD_TRY(auto json, compare_part(at, pass, state));
            if (json) report_.sources.add(std::move(*json));
        }
        auto const seen = to_hex(state.finish());
        if (pass == Pass::look) {
            for (auto& work : parts_) {
                work.goes = work.files.told ? work.files.told->goes : PathSet();
                work.rows.reset();
                work.files = {};
            }
        }
        if (seen == request_.plan.summary.text_of("state")) return {};
        return stale("the target changed since it was made");
    }

    static std::string why_unsaved(system::File const& root, std::string const& path) {
        bool const other_letters = origin::takes_other_letters(root.descriptor(), path) &&
                                   origin::readable_beneath(root.descriptor(), path);
        if (other_letters) {
            return "stays as it is: it is called in other letters there, which are the same name "
                   "on this file system, so the snapshot of the state before does not hold it by "
                   "this one: rename it, then once more";
        }
        return "stays as it is: the snapshot of the state before does not hold it, since it "
               "cannot be read or the configuration leaves it out";
    }

    /// What the safety snapshot does not hold could never come back: it stays as it is.
    Result<void> spare_unsaved() {
        std::optional<repository::Snapshot> safety;
        for (auto& work : parts_) {
            if (work.goes.empty()) continue;
            auto unsaved = std::move(work.goes);
            auto const& name = work.place->source->name;
            if (!report_.safety.empty()) {
                if (!safety) {
                    PD_TRY(safety, snapshot_of(repository_, report_.safety, stop_));
                }
                PD_TRY(auto const* saved, source_in(*safety, name));
                PD_TRY(unsaved, not_held(repository_, *saved, std::move(unsaved), stop_));
            }
            if (unsaved.empty()) continue;
            auto const& target = work.place->target;
            PD_TRY(auto const root,
                   origin::open_root(work.place->source->rows ? target.media : target.path));
            for (auto const& path : unsaved) {
                overrides_[name + "/" + path] = data::Decision::skip;
                report_.problems.push_back({name + "/" + path, why_unsaved(root, path)});
            }
        }
        return {};
    }

    Result<std::optional<data::Json>> compare_part(std::size_t at, Pass pass,
                                                   crypto::Sha256& state) {
        auto& work = parts_[at];
        bool const media = work.kind == "media";
        if (!media && work.kind != "swap") saved_.push_back(work.place);
        if (work.kind == "rows") {
            PD_TRY(auto json, compare_rows(work, pass, state));
            return std::optional(std::move(json));
        }
        if (work.kind == "swap") {
            PD_TRY(auto json, compare_swap(work, pass, state));
            return std::optional(std::move(json));
        }
        FilesRequest files{.source = work.place->source, .target = work.place->target};
        if (media) {
            auto chosen =
                media_request(*work.place, *work.copy, *parts_[at - 1].rows, request_.scope);
            if (!chosen) return std::optional<data::Json>();
            files = std::move(*chosen);
        }
        PD_TRY(auto json, compare_files(work, std::move(files), pass, state));
        return std::optional(std::move(json));
    }

    /// A record that cannot be put back is no success, unless the person declined it.
    void note_blocked(data::Json const& item, std::map<std::string, std::uint64_t>& told) {
        if (item.text_of("finding") != "blocked") return;
        auto const count = ++told[item.text_of("table")];
        auto const record = item.text_of("record");
        if (count > blocked_told_max || request_.plan.overrides.contains(record)) return;
        report_.problems.push_back({record, item.text_of("reason")});
    }

    /// Tables of which no record was told one by one, or not all.
    void note_tables(data::Json const& source, std::map<std::string, std::uint64_t> const& told) {
        auto const* tables = source.find("tables");
        if (!tables || !tables->array()) return;
        for (auto const& table : *tables->array()) {
            auto const name = table.text_of("table");
            auto const blocked = static_cast<std::uint64_t>(table.integer_of("blocked"));
            auto const known = told.find(name);
            auto const count = known == told.end() ? 0 : std::min(known->second, blocked_told_max);
            if (blocked <= count) continue;
            report_.problems.push_back(
                {source.text_of("name") + ":" + name,
                 fmt::format("{} {} cannot be put back; restore plan says why", blocked - count,
                             blocked - count == 1 ? "record" : "records")});
        }
    }

    Result<data::Json> compare_rows(AtWork& work, Pass pass, crypto::Sha256& state) {
        auto const mode =
            pass == Pass::write ? origin::Merge::Mode::write : origin::Merge::Mode::read;
        PD_TRY(work.rows,
               open_merge(*work.copy, *work.place, request_.scope, overrides_, mode, stop_));
        std::map<std::string, std::uint64_t> told;  // of blocked records, by table
        PD_TRY(auto json, compare_merge(
                              *work.rows, *work.place,
                              [&](data::Json const& item) -> Result<void> {
                                  state.update(as_bytes(item.canonical()));
                                  if (pass == Pass::look) note_blocked(item, told);
                                  return {};
                              },
                              stop_));
        if (pass == Pass::look) note_tables(json, told);
        report_.writes += work.rows->changes().size();
        return json;
    }

    Result<data::Json> compare_files(AtWork& work, FilesRequest files, Pass pass,
                                     crypto::Sha256& state) {
        files.overrides = overrides_;
        if (pass == Pass::write) files.stage = stage_name(request_.run);
        PD_TRY(work.files,
               merge_files(repository_, files, request_.scope, request_.progress, stop_));
        if (pass == Pass::look) {
            note(work.files.problems);
            note(work.files.told->blocked);
        } else {
            note_new(work.files.problems);
        }
        auto const& merge = *work.files.merge;
        state.update(as_bytes(files_state(*work.place, merge)));
        for (auto const& [name, count] : merge.summary().decisions) {
            auto const decision = data::parse_decision(name);
            if (decision ? data::may_write(*decision) : true) report_.writes += count;
        }
        return files_summary(*work.place, merge.summary());
    }

    Result<data::Json> compare_swap(AtWork& work, Pass pass, crypto::Sha256& state) {
        auto const& target = work.database;
        LiveState live;
        if (pass == Pass::look) {
            PD_TRY(live, live_state(target, stop_));
            if (live.readable()) {
                PD_TRY(bool const saved, can_be_saved(work.place->target, stop_));
                work.unsaved = !saved;
            }
        } else {
            PD_TRY(auto swap, stage_swap(repository_, work.place->source, target,
                                         stage_name(request_.run), request_.progress, stop_));
            note(swap.problems);
            live = swap.before;
            work.swap.emplace(std::move(swap));
        }
        state.update(as_bytes(live.text));
        if (live.readable() && !work.unsaved) saved_.push_back(work.place);
        ++report_.writes;
        data::Json json;
        json.put("name", work.place->source->name).put("kind", "rows").put("swap", true);
        return json.put_path("target", target.string());
    }

    Result<void> write() {
        RecoveryRun run{.id = request_.run, .verb = "restore"};
        run.snapshot = request_.snapshot.id();
        run.safety = report_.safety;
        run.plan = request_.plan.digest;
        run.started = to_timestamp(std::chrono::system_clock::now());
        for (auto const& work : parts_) {
            auto const& target = work.place->target;
            RecoveryRun::Source source{.name = work.place->source->name, .kind = work.kind};
            source.target = work.kind == "media"  ? target.media
                            : work.kind == "swap" ? work.database
                                                  : target.path;
            run.sources.push_back(std::move(source));
        }
        PD_TRY(auto folder, RunFolder::create(request_.recovery, std::move(run)));
        auto const locked = std::chrono::steady_clock::now();
        auto written = write_all(folder);
        for (auto& work : parts_) {
            work.rows.reset();  // rolls back what was not committed
            work.swap.reset();  // lets go of the database
        }
        report_.locked_s =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - locked).count();
        // One source took its changes, another did not: back to before.
        if (!written) PD_CHECK(settle_runs(repository_, request_.recovery, {}));
        return written;
    }

    Result<void> write_all(RunFolder& folder) {
        PD_CHECK(compare(Pass::write));
        auto const domain = repository_.domains().common();
        for (std::size_t at = 0; at < parts_.size(); ++at) {
            PD_CHECK(prepare(parts_[at], folder, at, domain));
        }
        PD_CHECK(folder.set_state("prepared"));
        auto const stage = stage_name(request_.run);
        for (std::size_t at = 0; at < parts_.size(); ++at) {
            if (!parts_[at].files.merge) continue;
            PD_CHECK(origin::swap_files(folder.run().sources[at].target, stage,
                                        parts_[at].files.merge->changes()));
        }
        for (auto& work : parts_) {
            if (work.swap) PD_CHECK(swap_database(*work.swap, work.database, stage));
        }
        for (auto& work : parts_) {
            if (work.rows) PD_CHECK(work.rows->commit());
        }
        PD_CHECK(folder.set_state("done"));
        PD_TRY(report_.kept_beside, drop_stages(folder, domain));
        return {};
    }

    Result<void> prepare(AtWork& work, RunFolder& folder, std::size_t at,
                         repository::DomainPtr const& domain) {
        auto& source = folder.run().sources[at];
        if (work.rows) {
            PD_CHECK(work.rows->write(stop_));
            source.dangled = work.rows->dangled();
            PD_TRY(source.changes,
                   write_row_journal(folder.journal(at), domain, work.rows->changes(), stop_));
            return {};
        }
        std::vector<origin::FileChange> none;
        if (work.swap) {
            source.before = work.swap->before.text;
            source.after = work.swap->after.text;
            source.unsaved = work.unsaved;
        } else if (work.files.merge) {
            PD_CHECK(work.files.merge->settle_stage());
        }
        auto const& changes = work.swap          ? work.swap->changes
                              : work.files.merge ? work.files.merge->changes()
                                                 : none;
        PD_TRY(source.changes, write_file_journal(folder.journal(at), domain, changes));
        return {};
    }

    /// Reads every change back from its journal and looks for it in the target.
    Result<void> verify() {
        PD_TRY(auto const folder, RunFolder::open(request_.recovery, request_.run));
        auto const domain = repository_.domains().common();
        for (std::size_t at = 0; at < parts_.size(); ++at) {
            auto const& source = folder.run().sources[at];
            if (source.kind != "rows") {
                PD_TRY(auto const changes, read_file_journal(folder.journal(at), domain));
                for (auto const& change : changes) {
                    ++(origin::still_there(source.folder(), change) ? report_.verified
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
    std::map<std::string, data::Decision> overrides_;  ///< the plan's, and what has to stay
    std::stop_token stop_;
    std::deque<BroughtBack> copies_;  ///< parts point into it
    std::vector<AtWork> parts_;
    std::vector<RecoveryPlace const*> saved_;  ///< what a safety snapshot can take
    ApplyReport report_;
};

}  // namespace

Result<ApplyReport> apply_recovery(repository::Repository& repository, ApplyRequest const& request,
                                   std::stop_token stop) {
    return Apply(repository, request, std::move(stop)).run();
}

}  // namespace perdure::job
