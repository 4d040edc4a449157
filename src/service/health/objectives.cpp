#include "service/health/objectives.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "service/health/health.h"
#include "service/health/own_snapshots.h"
#include "service/report/drills.h"

namespace perdure::service {

namespace {

using std::chrono::milliseconds;

constexpr std::chrono::days looked_back{30};

/// Whole seconds at most: nobody promises milliseconds.
std::string spell(std::int64_t seconds) {
    return spell_duration(std::chrono::seconds(std::max<std::int64_t>(seconds, 0)));
}

std::int64_t seconds_of(milliseconds duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

/// How many whole stretches of `rpo` passed in which no backup began.
std::uint64_t missed(std::vector<Timestamp> const& starts, std::int64_t now, std::int64_t rpo) {
    std::uint64_t out = 0;
    if (rpo <= 0) return out;
    for (std::size_t i = 0; i < starts.size(); ++i) {
        auto const next = i + 1 < starts.size() ? starts[i + 1].seconds : now;
        auto const gap = next - starts[i].seconds;
        // The next backup ends the last stretch, so it is not missed.
        if (gap > rpo) out += static_cast<std::uint64_t>((gap - 1) / rpo);
    }
    return out;
}

class Measure {
public:
    Measure(Workspace& workspace, catalog::RunLog& log, bool offline)
        : workspace_(workspace),
          log_(log),
          offline_(offline),
          now_(system::real_clock().now().seconds) {}

    Result<std::vector<Objective>> run() {
        for (auto const& source : workspace_.config().sources) {
            PD_CHECK(freshness(source.options.name));
        }
        if (goals().rto) PD_CHECK(restore_time());
        for (auto const& source : workspace_.config().sources) {
            if (goals().backup_success) {
                PD_CHECK(success("backup_success", "backup", source.options.name,
                                 *goals().backup_success));
            }
        }
        if (goals().export_success) {
            PD_CHECK(success("export_success", "export", "", *goals().export_success));
        }
        return std::move(out_);
    }

private:
    ObjectivesConfig const& goals() const { return workspace_.config().objectives; }

    /// A backup counts for as long as its snapshot is there.
    Result<void> freshness(std::string const& source) {
        using catalog::Outcome;
        PD_TRY(auto const last, log_.last("backup", source, {Outcome::ok, Outcome::partial}));
        PD_TRY(auto const kept, newest_kept_backup(workspace_, source, offline_));
        Objective one{.name = "rpo", .about = source, .wanted = spell_duration(goals().rpo)};
        if (kept) {
            auto const age = now_ - kept->started.seconds;
            bool const dated_ahead = age < -clock_error_max;
            one.measured = dated_ahead ? "not known: its clock was ahead" : spell(age);
            one.met = !dated_ahead && age <= seconds_of(goals().rpo);
        } else if (last) {
            one.measured = "no snapshot is there any more";
        }
        out_.push_back(std::move(one));
        return {};
    }

    /// Of all sources: what was drilled apart is added up, for all of it has to come back.
    Result<void> restore_time() {
        PD_TRY(auto const drills, past_drills(workspace_.state_folder()));
        Objective one{.name = "rto", .about = {}, .wanted = spell_duration(*goals().rto)};
        std::map<system::Path, std::int64_t> took_ms;
        std::string trouble;
        for (auto const& source : workspace_.config().sources) {
            auto const& name = source.options.name;
            auto const newest = std::find_if(
                drills.rbegin(), drills.rend(),
                [&](PastDrill const& drill) { return drill.intact && drill.source == name; });
            bool const never = newest == drills.rend();
            if (!never) took_ms[newest->file] = newest->rto_ms;
            if (never || !newest->passed) trouble += ", " + name + (never ? " never" : " failed");
        }
        std::int64_t total_ms = 0;
        for (auto const& [file, milliseconds] : took_ms) total_ms += milliseconds;
        if (!took_ms.empty()) {
            one.measured = spell((total_ms + 999) / 1000) + trouble;
            one.met = trouble.empty() && total_ms <= goals().rto->count();
        }
        out_.push_back(std::move(one));
        return {};
    }

    Result<void> success(std::string name, std::string const& verb, std::string const& source,
                         double wanted) {
        auto const since = now_ - std::chrono::seconds(looked_back).count();
        PD_TRY(auto const tally, log_.tally(verb, source, {since, 0}));
        Objective one{
            .name = std::move(name), .about = source, .wanted = fmt::format("{}", wanted)};
        auto expected = tally.ended;
        if (verb == "backup") expected += missed(tally.starts, now_, seconds_of(goals().rpo));
        if (expected > 0) {
            double const part = static_cast<double>(tally.good) / static_cast<double>(expected);
            one.measured = fmt::format("{:.4g} of {}", part, expected);
            if (expected > tally.ended) {
                one.measured += fmt::format(", {} missed", expected - tally.ended);
            }
            one.met = part >= wanted;
        }
        out_.push_back(std::move(one));
        return {};
    }

    Workspace& workspace_;
    catalog::RunLog& log_;
    bool offline_;
    std::int64_t now_;
    std::vector<Objective> out_;
};

}  // namespace

Result<std::vector<Objective>> measure_objectives(Workspace& workspace, bool offline) {
    auto* log = workspace.runs();
    if (!log) {
        return fail(Fault::denied, "the log of runs cannot be opened")
            .with_fix("make " + workspace.state_folder().string() +
                      " writable, or set XDG_STATE_HOME");
    }
    return Measure(workspace, *log, offline).run();
}

}  // namespace perdure::service
