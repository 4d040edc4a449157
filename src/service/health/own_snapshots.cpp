#include "service/health/own_snapshots.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "repository/lease.h"

namespace perdure::service {

namespace {

constexpr std::size_t looked_at = 1000;
constexpr std::int64_t seconds_back = 90 * std::int64_t{86400};

bool made_a_snapshot(catalog::Run const& run) {
    using catalog::Outcome;
    bool const good = run.outcome == Outcome::ok || run.outcome == Outcome::partial;
    return good && run.verb == "backup" && !run.snapshot.empty();
}

bool is_about(catalog::Run const& run, std::string const& source) {
    return std::ranges::find(run.sources, source) != run.sources.end();
}

}  // namespace

Result<std::vector<repository::Finding>> hidden_own_snapshots(
    Workspace& workspace, repository::Repository& repository,
    std::vector<repository::Snapshot> const& snapshots) {
    std::vector<repository::Finding> out;
    auto* log = workspace.runs();
    if (!log) return out;
    auto const runs = log->list(looked_at);
    if (!runs) return out;  // without history nothing can be missed
    auto const since = system::real_clock().now().seconds - seconds_back;
    std::set<std::string> known;
    for (auto const& snapshot : snapshots) known.insert(snapshot.id());
    for (auto const& run : *runs) {
        // What is older than the repository was made in another one.
        bool const of_this_one = run.started >= repository.created();
        if (!made_a_snapshot(run) || !of_this_one || run.started.seconds < since) continue;
        if (known.contains(run.snapshot)) break;  // before it the writer's chain tells
        auto const state = state_of_snapshot(repository.store(), run.snapshot, workspace.stop());
        if (state != repository::SessionState::absent) continue;
        out.push_back({repository::Finding::Kind::gap, "snapshot/" + run.snapshot,
                       fmt::format("this machine made it at {} (run {}), and it is neither listed "
                                   "nor deleted",
                                   to_rfc3339(run.started), run.id),
                       false});
    }
    return out;
}

Result<std::optional<catalog::Run>> newest_kept_backup(Workspace& workspace,
                                                       std::string const& source, bool offline) {
    constexpr std::size_t runs_max = 10'000;
    std::optional<catalog::Run> none;
    auto* log = workspace.runs();
    if (!log) return none;
    PD_TRY(auto runs, log->list(runs_max));
    for (auto& run : runs) {
        if (!made_a_snapshot(run) || !is_about(run, source)) continue;
        auto const store = workspace.store();
        if (offline || !store) return std::optional(std::move(run));
        auto const state = state_of_snapshot(**store, run.snapshot, workspace.stop());
        if (!state || *state == repository::SessionState::committed)
            return std::optional(std::move(run));
    }
    return none;
}

std::optional<repository::SessionState> state_of_snapshot(store::ObjectStore& store,
                                                          std::string const& id,
                                                          std::stop_token stop) {
    auto const session = repository::session_from_hex(id);
    if (!session) return std::nullopt;
    auto const state = repository::session_state(store, *session, std::move(stop));
    return state ? std::optional(*state) : std::nullopt;
}

}  // namespace perdure::service
