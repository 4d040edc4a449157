#include "service/recorded_run.h"

#include <algorithm>

#include "service/exit_code.h"
#include "service/report/custody.h"

namespace perdure::service {

namespace {
constexpr std::size_t problems_kept_max = 1000;
}  // namespace

RecordedRun::RecordedRun(Workspace& workspace, std::string verb, std::vector<std::string> sources)
    : workspace_(workspace) {
    run_.verb = std::move(verb);
    run_.sources = std::move(sources);
    run_.outcome = catalog::Outcome::failed;
    run_.exit_code = exit_code::failure;
    if (auto* log = workspace.runs()) {
        if (auto id = log->start(run_.verb, run_.sources)) run_.id = *id;
    }
}

RecordedRun::~RecordedRun() {
    finish();
}

bool RecordedRun::may_be_kept(data::Problem const& problem) const {
    auto const& config = workspace_.config();
    auto const has_people = [&](std::string const& name) {
        auto const* source = config.source(name);
        // What the configuration does not know any more may have had people.
        return !source || source->options.mapping.subjects.has_value();
    };
    auto const source = problem.path.substr(0, problem.path.find(": "));
    if (config.source(source)) return !has_people(source);
    // Upkeep is about objects of the store; a repair's losses are named by source and path.
    if (run_.sources.empty()) return !run_.verb.starts_with("repair");
    for (std::string_view const about : {"destination ", "keys", "hook", "restore", "snapshot "}) {
        if (problem.path.starts_with(about)) return true;
    }
    return std::ranges::none_of(run_.sources, has_people);
}

void RecordedRun::done(std::vector<data::Problem> const& problems, std::string sentence,
                       std::uint64_t unnamed) {
    bool const partial = !problems.empty();
    run_.outcome = partial ? catalog::Outcome::partial : catalog::Outcome::ok;
    run_.exit_code = partial ? exit_code::partial : exit_code::ok;
    run_.problems_total = problems.size() + unnamed;
    run_.sentence = std::move(sentence);
    for (auto const& problem : problems) {
        if (run_.problems.size() >= problems_kept_max) break;
        if (!may_be_kept(problem)) continue;
        run_.problems.push_back({problem.path, problem.reason});
    }
    finish();
}

void RecordedRun::proved_nothing(std::string sentence) {
    run_.outcome = catalog::Outcome::partial;
    run_.exit_code = exit_code::ok;
    run_.sentence = std::move(sentence);
    finish();
}

Error RecordedRun::failed(Error error) {
    run_.outcome =
        error.fault() == Fault::cancelled ? catalog::Outcome::cancelled : catalog::Outcome::failed;
    run_.exit_code = exit_code_of(error);
    run_.error = error.message().substr(0, 2000);
    finish();
    return error;
}

double RecordedRun::elapsed_s() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

void RecordedRun::enter_custody() {
    bool const ended_well =
        run_.outcome == catalog::Outcome::ok || run_.outcome == catalog::Outcome::partial;
    if (evidence_.empty() || !ended_well) return;
    CustodyEntry entry;
    entry.act = run_.verb;
    entry.sources = run_.sources;
    entry.snapshot = run_.snapshot;
    entry.outcome = catalog::outcome_name(run_.outcome);
    entry.sentence = run_.sentence;
    entry.hashes = std::move(evidence_);
    auto const entered = append_custody(workspace_.state_folder(), std::move(entry));
    // What was stored stays stored; that it is missing in the log must be known all the same.
    if (!entered) run_.sentence += "; not in the custody log: " + entered.error().message();
}

void RecordedRun::finish() {
    if (finished_) return;
    finished_ = true;
    run_.finished = to_timestamp(std::chrono::system_clock::now());
    enter_custody();
    auto* log = run_.id != 0 ? workspace_.runs() : nullptr;
    // A log that cannot be written must not turn a good backup into a failed one.
    if (log) static_cast<void>(log->finish(run_));
}

}  // namespace perdure::service
