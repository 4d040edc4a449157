#include "catalog/run_log.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "catalog/handle.h"

namespace perdure::catalog {
namespace {

constexpr std::size_t problems_max = 1000;
constexpr std::chrono::days details_kept{90};
constexpr std::array names{"running", "ok", "partial", "failed", "cancelled", "interrupted"};
constexpr std::string_view columns =
    "id, verb, started, finished, outcome, exit_code, pid, snapshot, error, sentence, items, "
    "bytes_read, bytes_new, bytes_stored, problems, boot";

constexpr char const* schema = R"(
CREATE TABLE IF NOT EXISTS run(
  id INTEGER PRIMARY KEY AUTOINCREMENT, verb TEXT NOT NULL, started INTEGER NOT NULL, -- ms
  finished INTEGER, outcome INTEGER NOT NULL DEFAULT 0, exit_code INTEGER NOT NULL DEFAULT 0,
  pid INTEGER NOT NULL, boot TEXT NOT NULL, snapshot TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '', sentence TEXT NOT NULL DEFAULT '',
  items INTEGER NOT NULL DEFAULT 0, bytes_read INTEGER NOT NULL DEFAULT 0,
  bytes_new INTEGER NOT NULL DEFAULT 0, bytes_stored INTEGER NOT NULL DEFAULT 0,
  problems INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS run_by_verb ON run(verb, id);
CREATE TABLE IF NOT EXISTS run_source(
  run INTEGER NOT NULL, source TEXT NOT NULL, PRIMARY KEY(run, source)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run_problem(run INTEGER NOT NULL, path TEXT, reason TEXT);
CREATE INDEX IF NOT EXISTS run_problem_by_run ON run_problem(run);
CREATE TABLE IF NOT EXISTS run_skipped(
  run INTEGER NOT NULL, source TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY(run, source)) WITHOUT ROWID;
PRAGMA user_version = 1;
)";

/// Tells this boot from others, so that a process id of yesterday means nothing today.
std::string boot_id() {
    auto raw = system::read_file("/proc/sys/kernel/random/boot_id", 64);
    return raw ? to_string(*raw) : std::string();
}

std::int64_t to_milliseconds(Timestamp time) {
    return time.seconds * 1000 + time.nanoseconds / 1'000'000;
}
Timestamp from_milliseconds(std::int64_t milliseconds) {
    return {milliseconds / 1000, static_cast<std::uint32_t>(milliseconds % 1000) * 1'000'000};
}
std::int64_t now_milliseconds() {
    return to_milliseconds(to_timestamp(std::chrono::system_clock::now()));
}

Run read_run(Statement const& row, std::string const& boot) {
    auto const count = [&](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
    Run run;
    run.id = row.integer(0);
    run.verb = row.text(1);
    run.started = from_milliseconds(row.integer(2));
    if (!row.is_null(3)) run.finished = from_milliseconds(row.integer(3));
    run.outcome = static_cast<Outcome>(std::clamp<std::int64_t>(row.integer(4), 0, 5));
    run.exit_code = static_cast<int>(row.integer(5));
    run.snapshot = row.text(7);
    run.error = row.text(8);
    run.sentence = row.text(9);
    run.items = count(10);
    run.bytes_read = count(11);
    run.bytes_new = count(12);
    run.bytes_stored = count(13);
    run.problems_total = count(14);
    if (run.outcome == Outcome::running) {
        auto const pid = static_cast<pid_t>(row.integer(6));
        bool const gone = pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH);
        if (gone || row.text(15) != boot) run.outcome = Outcome::interrupted;
    }
    return run;
}

}  // namespace

struct RunLog::State {
    DatabaseHandle database;
    std::string boot = boot_id();

    Result<void> run(char const* sql) { return run_sql(database.get(), sql, "run log"); }

    /// What a run said in detail names files; after a while only how it ended matters.
    Result<void> forget_old_details() {
        auto const before = now_milliseconds() - std::chrono::milliseconds(details_kept).count();
        for (char const* sql : {"DELETE FROM run_problem WHERE run IN "
                                "(SELECT id FROM run WHERE started < ?)",
                                "UPDATE run SET error = '' WHERE started < ? AND error <> ''"}) {
            PD_TRY(auto old, Statement::prepare(database.get(), sql));
            old.bind(before);
            PD_CHECK(old.step());
        }
        return {};
    }

    Result<void> read_sources(Run& run) {
        PD_TRY(auto rows,
               Statement::prepare(database.get(), "SELECT source FROM run_source WHERE run = ?"));
        rows.bind(run.id);
        for (;;) {
            PD_TRY(bool const more, rows.step());
            if (!more) return {};
            run.sources.push_back(rows.text(0));
        }
    }

    Result<void> read_skipped(Run& run) {
        PD_TRY(auto rows,
               Statement::prepare(database.get(),
                                  "SELECT source, count FROM run_skipped WHERE run = ?"));
        rows.bind(run.id);
        for (;;) {
            PD_TRY(bool const more, rows.step());
            if (!more) return {};
            run.skipped[rows.text(0)] = static_cast<std::uint64_t>(rows.integer(1));
        }
    }

    Result<void> write_skipped(Run const& run) {
        for (auto const& [source, count] : run.skipped) {
            PD_TRY(auto of,
                   Statement::prepare(database.get(),
                                      "INSERT OR REPLACE INTO run_skipped VALUES(?, ?, ?)"));
            of.bind(run.id).bind(source).bind(static_cast<std::int64_t>(count));
            PD_CHECK(of.step());
        }
        return {};
    }

    Result<void> write_sources(std::int64_t run, std::vector<std::string> const& sources) {
        PD_TRY(auto old,
               Statement::prepare(database.get(), "DELETE FROM run_source WHERE run = ?"));
        old.bind(run);
        PD_CHECK(old.step());
        for (auto const& source : sources) {
            PD_TRY(auto of, Statement::prepare(database.get(),
                                               "INSERT OR IGNORE INTO run_source VALUES(?, ?)"));
            of.bind(run).bind(source);
            PD_CHECK(of.step());
        }
        return {};
    }

    Result<void> write_end(Run const& run) {
        PD_TRY(auto update,
               Statement::prepare(database.get(),
                                  "UPDATE run SET finished = ?, outcome = ?, exit_code = ?, "
                                  "snapshot = ?, error = ?, sentence = ?, items = ?, bytes_read = "
                                  "?, bytes_new = ?, bytes_stored = ?, problems = ? WHERE id = ?"));
        update.bind(run.finished ? to_milliseconds(*run.finished) : now_milliseconds());
        update.bind(static_cast<std::int64_t>(run.outcome)).bind(run.exit_code);
        update.bind(run.snapshot).bind(run.error).bind(run.sentence);
        for (auto const count : {run.items, run.bytes_read, run.bytes_new, run.bytes_stored}) {
            update.bind(static_cast<std::int64_t>(count));
        }
        auto const total = std::max<std::uint64_t>(run.problems_total, run.problems.size());
        update.bind(static_cast<std::int64_t>(total)).bind(run.id);
        PD_CHECK(update.step());
        if (!run.sources.empty()) PD_CHECK(write_sources(run.id, run.sources));
        PD_CHECK(write_skipped(run));
        for (std::size_t i = 0; i < std::min(run.problems.size(), problems_max); ++i) {
            PD_TRY(auto insert,
                   Statement::prepare(database.get(), "INSERT INTO run_problem VALUES(?, ?, ?)"));
            insert.bind(run.id).bind(run.problems[i].path).bind(run.problems[i].reason);
            PD_CHECK(insert.step());
        }
        return forget_old_details();
    }
};

std::string_view outcome_name(Outcome outcome) {
    return names[static_cast<std::size_t>(outcome)];
}

RunLog::RunLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunLog::~RunLog() = default;
RunLog::RunLog(RunLog&&) noexcept = default;
RunLog& RunLog::operator=(RunLog&&) noexcept = default;

Result<RunLog> RunLog::open(system::Path const& file) {
    auto state = std::make_unique<State>();
    PD_TRY(state->database, open_log(file, schema, "run log"));
    PD_CHECK(state->run("PRAGMA secure_delete = ON"));
    return RunLog(std::move(state));
}

Result<std::int64_t> RunLog::start(std::string const& verb,
                                   std::vector<std::string> const& sources) {
    PD_CHECK(state_->run("BEGIN IMMEDIATE"));
    auto const insert = [&]() -> Result<std::int64_t> {
        PD_TRY(auto row, Statement::prepare(state_->database.get(),
                                            "INSERT INTO run(verb, started, pid, boot) "
                                            "VALUES(?, ?, ?, ?)"));
        row.bind(verb).bind(now_milliseconds()).bind(getpid()).bind(state_->boot);
        PD_CHECK(row.step());
        auto const id = sqlite3_last_insert_rowid(state_->database.get());
        PD_CHECK(state_->write_sources(id, sources));
        return id;
    };
    auto const id = insert();
    PD_CHECK(state_->run(id ? "COMMIT" : "ROLLBACK"));
    return id;
}

Result<void> RunLog::finish(Run const& run) {
    PD_CHECK(state_->run("BEGIN IMMEDIATE"));
    auto const written = state_->write_end(run);
    PD_CHECK(state_->run(written ? "COMMIT" : "ROLLBACK"));
    return written;
}

Result<std::vector<Run>> RunLog::list(std::size_t max) {
    PD_TRY(auto rows,
           Statement::prepare(state_->database.get(), "SELECT " + std::string(columns) +
                                                          " FROM run ORDER BY id DESC LIMIT ?"));
    rows.bind(static_cast<std::int64_t>(max));
    std::vector<Run> out;
    for (;;) {
        PD_TRY(bool const more, rows.step());
        if (!more) return out;
        out.push_back(read_run(rows, state_->boot));
        PD_CHECK(state_->read_sources(out.back()));
    }
}

Result<Run> RunLog::find(std::int64_t id) {
    PD_TRY(auto rows, Statement::prepare(state_->database.get(), "SELECT " + std::string(columns) +
                                                                     " FROM run WHERE id = ?"));
    rows.bind(id);
    PD_TRY(bool const found, rows.step());
    if (!found) return fail(Fault::not_found, "there is no run " + std::to_string(id));
    Run run = read_run(rows, state_->boot);
    PD_CHECK(state_->read_sources(run));
    PD_CHECK(state_->read_skipped(run));
    PD_TRY(auto problems, Statement::prepare(state_->database.get(),
                                             "SELECT path, reason FROM run_problem WHERE run = ?"));
    problems.bind(id);
    for (;;) {
        PD_TRY(bool const more, problems.step());
        if (!more) return run;
        run.problems.push_back({problems.text(0), problems.text(1)});
    }
}

Result<std::optional<Run>> RunLog::last(std::string const& verb, std::string const& source,
                                        std::vector<Outcome> const& outcomes) {
    std::string sql = "SELECT " + std::string(columns) + " FROM run WHERE verb = ?";
    if (!source.empty()) {
        sql += " AND EXISTS(SELECT 1 FROM run_source WHERE run = run.id AND source = ?)";
    }
    PD_TRY(auto rows, Statement::prepare(state_->database.get(), sql + " ORDER BY id DESC"));
    rows.bind(verb);
    if (!source.empty()) rows.bind(source);
    for (;;) {
        PD_TRY(bool const more, rows.step());
        if (!more) return std::optional<Run>();
        Run run = read_run(rows, state_->boot);
        if (std::ranges::find(outcomes, run.outcome) == outcomes.end()) continue;
        PD_CHECK(state_->read_sources(run));
        PD_CHECK(state_->read_skipped(run));
        return std::optional<Run>(std::move(run));
    }
}

Result<RunLog::Tally> RunLog::tally(std::string const& verb, std::string const& source,
                                    Timestamp since) {
    std::string sql =
        "SELECT " + std::string(columns) + " FROM run WHERE verb = ? AND started >= ?";
    if (!source.empty()) {
        sql += " AND EXISTS(SELECT 1 FROM run_source WHERE run = run.id AND source = ?)";
    }
    PD_TRY(auto rows, Statement::prepare(state_->database.get(), sql + " ORDER BY id"));
    rows.bind(verb).bind(to_milliseconds(since));
    if (!source.empty()) rows.bind(source);
    Tally out;
    for (;;) {
        PD_TRY(bool const more, rows.step());
        if (!more) return out;
        Run const run = read_run(rows, state_->boot);
        if (run.outcome == Outcome::running || run.outcome == Outcome::cancelled) continue;
        ++out.ended;
        out.good += run.outcome == Outcome::ok || run.outcome == Outcome::partial;
        out.starts.push_back(run.started);
    }
}

}  // namespace perdure::catalog
