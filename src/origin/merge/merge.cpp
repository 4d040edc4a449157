#include "origin/merge/merge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "origin/merge/compare.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

class SqliteMerge final : public Merge {
public:
    SqliteMerge(MergeRequest request, Mode mode, Connection connection)
        : request_(std::move(request)), mode_(mode), connection_(std::move(connection)) {}
    ~SqliteMerge() override {
        changes_.reset();
        ties_.reset();
        if (!committed_) static_cast<void>(connection_.run("ROLLBACK"));
    }

    Result<void> prepare(std::stop_token stop) {
        Layout snapshot;
        {
            PD_TRY(auto copy, Connection::open(request_.snapshot.path, {}));
            PD_TRY(snapshot, read_layout(copy, false));
        }
        auto attached =
            connection_.run("ATTACH DATABASE " +
                            literal(file_uri(request_.snapshot.path) + "?mode=ro") + " AS snap");
        if (!attached) {
            bool const encoding =
                attached.error().message().find("text encoding") != std::string::npos;
            if (!encoding) return attached;
            return fail(Fault::unsupported,
                        "the snapshot and the target store text "
                        "in different encodings")
                .with_code(15)
                .with_fix("restore the whole database into another folder");
        }
        auto begun = connection_.run(mode_ == Mode::write ? "BEGIN IMMEDIATE" : "BEGIN");
        if (!begun && begun.error().fault() == Fault::unavailable) {
            return std::move(begun)
                .error()
                .within("the application holds the database")
                .with_code(11)
                .with_fix("try again, or stop what writes for so long");
        }
        PD_CHECK(begun);
        PD_TRY(auto const target, read_layout(connection_, false));
        PD_TRY(auto tables, write_tables(connection_, target));
        PD_TRY(auto changes, ChangeList::create(connection_, std::move(tables)));
        changes_.emplace(std::move(changes));
        if (mode_ == Mode::read) changes_->only_count();
        PD_TRY(pairing_, pair_tables(connection_, snapshot, target,
                                     {.mapping = request_.snapshot.mapping,
                                      .mask = request_.snapshot.mask,
                                      .columns = request_.columns,
                                      .swap = request_.swap}));
        PD_TRY(auto ties, Ties::find(connection_, pairing_, request_.snapshot.mapping));
        ties_.emplace(std::move(ties));
        PD_TRY(scope_, Scope::choose(connection_, pairing_, *ties_,
                                     {.selectors = request_.selectors,
                                      .filter = request_.filter,
                                      .snapshot = request_.snapshot},
                                     std::move(stop)));
        return {};
    }

    std::vector<SchemaDifference> const& differences() const override {
        return pairing_.differences;
    }
    bool all_media() const override { return scope_.whole(); }
    std::vector<std::string> const& media() const override { return scope_.media(); }
    ChangeList& changes() override { return *changes_; }

    Result<std::vector<TableSummary>> compare(
        std::function<Result<void>(MergeItem const&)> const& tell, std::stop_token stop) override {
        if (!request_.fresh) PD_CHECK(ties_->prepare());
        PD_TRY(auto removals,
               Removals::find(connection_, pairing_, scope_, *changes_,
                              {.remove = request_.remove && !request_.swap && !request_.fresh,
                               .strategy = request_.strategy,
                               .source = request_.target.name}));
        Stage const stage{connection_, request_,  pairing_, scope_,
                          *ties_,      *changes_, removals, tell};
        std::vector<TableSummary> out;
        for (auto const at : ties_->order()) {
            if (!scope_.holds_rows_of(at) && !scope_.selected(at)) continue;
            auto summary = compare_table(stage, at, stop);
            if (!summary) {
                return std::move(summary).error().within("table " + pairing_.pairs[at].table);
            }
            out.push_back(std::move(*summary));
        }
        return out;
    }

    Result<void> write(std::stop_token stop) override {
        PD_ASSERT(mode_ == Mode::write);
        PD_CHECK(system::step(system::Step::write, request_.target.path.string()));
        auto written = changes_->write(stop);
        if (!written && !changes_->refused().empty()) {
            return std::move(written).error().with_fix(fmt::format(
                "leave it out: restore plan, then restore apply PLAN --override {}=skip",
                changes_->refused()));
        }
        PD_CHECK(written);
        PD_CHECK(check_collations(connection_));
        DanglingCounts allowed;
        if (request_.fresh) PD_CHECK(count_own_faults(allowed));
        PD_TRY(dangled_,
               check_references(connection_, request_.target.path, *changes_, allowed, true, stop));
        return {};
    }

    Result<std::pair<crypto::Digest, crypto::Digest>> digests(std::stop_token stop) override {
        crypto::Sha256 taken, written;
        for (std::size_t at = 0; at < pairing_.pairs.size(); ++at) {
            auto const& pair = pairing_.pairs[at];
            if (!pair.refused.empty() || pair.key.empty()) continue;
            std::string mine, theirs;
            for (auto const& column : pair.columns) {
                mine += (mine.empty() ? "s." : ", s.") + identifier(column.snapshot);
                theirs += (theirs.empty() ? "l." : ", l.") + identifier(column.target);
            }
            auto const order = [](std::vector<std::string> const& place) {
                return fmt::format(" ORDER BY {}", fmt::join(place, ", "));
            };
            if (scope_.holds_rows_of(at)) {
                PD_CHECK(hash_rows(
                    taken, pair,
                    "SELECT " + mine + scope_.from(at, pair) + order(pair.snapshot_place("s")),
                    stop));
            }
            PD_CHECK(hash_rows(written, pair,
                               fmt::format("SELECT {} FROM {} l{}", theirs, pair.target_name(),
                                           order(pair.target_place("l"))),
                               stop));
        }
        return std::pair(taken.finish(), written.finish());
    }

    DanglingCounts const& dangled() const override { return dangled_; }
    Result<void> commit() override {
        PD_CHECK(system::step(system::Step::sync, request_.target.path.string()));
        PD_CHECK(connection_.run("COMMIT"));
        committed_ = true;
        return {};
    }

private:
    /// A table without rows leaves no trace, chosen or not.
    Result<void> hash_rows(crypto::Sha256& hash, TablePair const& pair, std::string const& sql,
                           std::stop_token const& stop) {
        PD_TRY(Statement rows, connection_.prepare(sql));
        for (std::uint64_t count = 0;; ++count) {
            if (count % 1024 == 0 && stop.stop_requested()) {
                return fail(Fault::cancelled, "stopped");
            }
            PD_TRY(bool const more, rows.step());
            if (!more) return {};
            if (count == 0) hash.update(as_bytes(pair.table));
            hash.update(encode_row(rows, 0, pair.columns.size()));
        }
    }

    Result<void> count_own_faults(DanglingCounts& allowed) {
        PD_TRY(Statement rows, connection_.prepare("PRAGMA snap.foreign_key_check"));
        while (true) {
            auto const more = rows.step();
            // A foreign key that names no key of its parent is the application's own
            // mistake.
            if (!more || !*more) return {};
            ++allowed[rows.text(0)];
        }
    }

    MergeRequest request_;
    Mode mode_;
    Connection connection_;
    Pairing pairing_;
    std::optional<Ties> ties_;
    Scope scope_;
    std::optional<ChangeList> changes_;
    DanglingCounts dangled_;
    bool committed_ = false;
};

}  // namespace

Result<std::unique_ptr<Merge>> Merge::open(MergeRequest request, Mode mode, std::stop_token stop) {
    if (!system::exists(request.target.path)) {
        return fail(Fault::not_found, request.target.path.string() + " is not there")
            .with_fix("restore the whole database with --swap, or with --to DIR");
    }
    auto opened = mode == Mode::write
                      ? open_to_write(request.target.path, request.busy_wait_ms, stop)
                      : open_to_look(request.target.path, request.busy_wait_ms);
    if (!opened) return std::move(opened).error();
    if (mode == Mode::read) opened->watch(stop);
    auto merge = std::make_unique<SqliteMerge>(std::move(request), mode, std::move(*opened));
    PD_CHECK(merge->prepare(std::move(stop)));
    return merge;
}

}  // namespace perdure::origin
