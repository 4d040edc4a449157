#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "system/file.h"

namespace perdure::catalog {

enum class Outcome {
    running,
    ok,
    partial,  ///< something was skipped
    failed,
    cancelled,
    interrupted,  ///< its process ended without a word
};
std::string_view outcome_name(Outcome outcome);

struct RunProblem {
    std::string path, reason;
};

/// One execution of a job.
struct Run {
    std::int64_t id = 0;
    std::string verb;                  ///< "backup", "verify", "drill", "restore", "cleanup"…
    std::vector<std::string> sources;  ///< what it was about
    Timestamp started;
    std::optional<Timestamp> finished;
    Outcome outcome = Outcome::running;
    int exit_code = 0;
    std::string snapshot;  ///< id, where there is one
    std::string error;     ///< one line
    std::string sentence;  ///< what happened, for people
    std::uint64_t items = 0, bytes_read = 0, bytes_new = 0, bytes_stored = 0;
    std::vector<RunProblem> problems;  ///< at most 1,000 are kept
    std::uint64_t problems_total = 0;
    /// How much of a source was passed over; those of which nothing was are not in it.
    std::map<std::string, std::uint64_t> skipped;
};

/// Remembers runs across processes; what they said in detail (problems, errors) for 90 days. A
/// crash loses at most the end of the run that crashed; it is then read as interrupted. Threads:
/// one; processes: any number.
class RunLog {
public:
    /// Makes the file when missing. Fails: denied, exhausted, corrupt (named; remove it and go on:
    /// only history is lost).
    static Result<RunLog> open(system::Path const& file);
    ~RunLog();
    RunLog(RunLog&&) noexcept;
    RunLog& operator=(RunLog&&) noexcept;

    /// Records the start; the id of the new run.
    Result<std::int64_t> start(std::string const& verb, std::vector<std::string> const& sources);
    /// Records the end, and which sources it was about in the end (none: as at the start); `run.id`
    /// tells which.
    Result<void> finish(Run const& run);
    /// Newest first. Problems and what was skipped are left out (find() has them).
    Result<std::vector<Run>> list(std::size_t max);
    /// Fails: not_found.
    Result<Run> find(std::int64_t id);
    /// The newest run of a verb about a source (empty: about any) with one of the outcomes.
    Result<std::optional<Run>> last(std::string const& verb, std::string const& source,
                                    std::vector<Outcome> const& outcomes);

    /// Runs of a verb about a source (empty: any) that began since then and ended.
    struct Tally {
        std::uint64_t ended = 0, good = 0;  ///< good: ok or partial; cancelled ones do not count
        std::vector<Timestamp> starts;      ///< of those that ended, oldest first
    };
    Result<Tally> tally(std::string const& verb, std::string const& source, Timestamp since);

private:
    struct State;
    explicit RunLog(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace perdure::catalog
