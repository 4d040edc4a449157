#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "repository/triple.h"
#include "service/health/health.h"
#include "service/health/own_snapshots.h"
#include "service/health/skipped.h"
#include "service/setup/keys.h"

namespace perdure::service {
namespace {

using catalog::Outcome;

std::string spell_age(std::int64_t seconds) {
    if (seconds < 120) return "just now";
    if (seconds < 7200) return fmt::format("{} min ago", seconds / 60);
    if (seconds < 2 * 86400) return fmt::format("{} h ago", seconds / 3600);
    return fmt::format("{} days ago", seconds / 86400);
}

/// Of a run that did not end well: when, and the first words of why.
LightState failure(std::string name, catalog::Run const& run) {
    auto const now = system::real_clock().now().seconds;
    LightState out{std::move(name), Light::red, ""};
    out.brief =
        fmt::format("{} {}", outcome_name(run.outcome), spell_age(now - run.started.seconds));
    out.detail = out.brief;
    auto why = in_one_line(run.error);
    constexpr std::size_t why_bytes_max = 200;
    if (why.size() > why_bytes_max) {
        auto end = why_bytes_max;  // not in the middle of a letter
        while (end > 0 && (static_cast<unsigned char>(why[end]) & 0xc0) == 0x80) --end;
        why = why.substr(0, end) + "…";
    }
    if (!why.empty()) out.detail += ": " + why;
    return out;
}

/// What a run that left something out says about its source.
enum class Partial {
    is_bad,      ///< it did not do all of what is asked for
    is_good,     ///< it did, and what it lacks is told elsewhere
    is_nothing,  ///< no more than if it had never run
};
/// How one kind of run stands for one source.
struct Question {
    std::string name, verb;
    std::chrono::milliseconds age_max;
    Partial partial = Partial::is_bad;
};

LightState ask(catalog::RunLog& log, std::string const& source, Question const& question) {
    LightState out;
    out.name = question.name;
    std::vector<Outcome> any{Outcome::ok, Outcome::failed, Outcome::interrupted};
    if (question.partial != Partial::is_nothing) any.push_back(Outcome::partial);
    auto const ended = log.last(question.verb, source, any);
    std::vector<Outcome> good{Outcome::ok};
    if (question.partial == Partial::is_good) good.push_back(Outcome::partial);
    auto const last_good = log.last(question.verb, source, good);
    if (!ended || !last_good) {
        out.detail = "the log of runs cannot be read";
        return out;
    }
    if (!*ended) {
        out.light = Light::overdue;
        out.detail = "never";
        return out;
    }
    auto const now = system::real_clock().now().seconds;
    bool const failed = !*last_good || (*last_good)->id != (*ended)->id;
    if (failed) return failure(std::move(out.name), **ended);
    auto const age = now - (*last_good)->started.seconds;
    auto const limit = std::chrono::duration_cast<std::chrono::seconds>(question.age_max).count();
    out.light = age > limit ? Light::overdue : Light::green;
    out.detail = spell_age(age);
    if (age < -clock_error_max) {  // it would count as fresh for as long as that clock was ahead
        out.light = Light::overdue;
        out.detail = "not known: its clock was ahead of this one";
    }
    return out;
}

/// A fresh backup that lacks something protects what it holds, and no more.
void tell_skipped(LightState& light, catalog::RunLog& log, std::string const& source) {
    auto const skipped = last_skipped(log, source);
    if (!skipped || light.light == Light::red) return;
    light.detail +=
        fmt::format(", {} skipped: perdure runs show {}", skipped->things, skipped->run);
    if (light.light == Light::overdue) return;
    light.light = Light::partial;
    light.brief = fmt::format("{} thing{} of {} (perdure runs show {})", skipped->things,
                              skipped->things == 1 ? "" : "s", source, skipped->run);
}

/// The last check of the whole repository, where it failed: that one snapshot is whole does not
/// make good what is broken in others. Only another check of everything does.
std::optional<catalog::Run> failed_whole_check(catalog::RunLog& log) {
    constexpr std::size_t looked_at = 1000;
    auto runs = log.list(looked_at);
    if (!runs) return std::nullopt;
    for (auto& run : *runs) {
        if (run.verb != "verify" || !run.snapshot.empty()) continue;
        if (run.outcome == Outcome::ok) return std::nullopt;
        if (run.outcome == Outcome::failed) return std::move(run);
    }
    return std::nullopt;
}

/// This machine's log is not all that happened: what arrived at the destination tells that somebody
/// backed up. Of which sources, only the key would tell.
std::string tell_of_others(Workspace& workspace) {
    auto const store = workspace.store();
    if (!store) return "never";
    std::optional<Timestamp> newest;
    auto const listed = (*store)->list(
        "snapshot/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            bool const snapshot = info.size_bytes > repository::tombstone_object_bytes;
            if (snapshot && (!newest || *newest < info.modified)) newest = info.modified;
            return {};
        },
        workspace.stop());
    if (!listed || !newest) return "never";
    auto const age = system::real_clock().now().seconds - newest->seconds;
    return fmt::format("never, says the log of this machine; the newest snapshot came {}",
                       spell_age(age));
}

/// A backup counts for as long as its snapshot is there.
LightState ask_backup(Workspace& workspace, catalog::RunLog& log, std::string const& source,
                      bool offline) {
    using repository::SessionState;
    auto out =
        ask(log, source, {"backup", "backup", workspace.config().objectives.rpo, Partial::is_good});
    tell_skipped(out, log, source);
    auto const last = log.last("backup", source, {Outcome::ok, Outcome::partial});
    if (offline || !last || !*last || (*last)->snapshot.empty()) return out;
    auto const store = workspace.store();
    if (!store) return out;  // the light "destination" says so
    auto const state = state_of_snapshot(**store, (*last)->snapshot, workspace.stop());
    if (!state || *state == SessionState::committed || out.light == Light::red) return out;
    bool const gone = *state == SessionState::gone;
    out.light = gone ? Light::overdue : Light::red;
    out.detail =
        fmt::format("{}, but its snapshot {} {}", out.detail, (*last)->snapshot.substr(0, 12),
                    gone ? "was deleted since" : "is not there any more");
    return out;
}

LightState ask_check(catalog::RunLog& log, std::string const& source,
                     std::chrono::milliseconds age_max, std::optional<catalog::Run> const& broken) {
    auto out = ask(log, source, {"check", "verify", age_max});
    bool const concerns =
        broken && std::ranges::find(broken->sources, source) != broken->sources.end();
    if (concerns && out.light != Light::red) return failure("check", *broken);
    return out;
}

/// Only what was compared is proven: a drill that found nothing to compare with leaves it at what
/// was known before, and is told where it is the newest.
LightState ask_drill(catalog::RunLog& log, std::string const& source,
                     std::chrono::milliseconds age_max) {
    auto out = ask(log, source, {"restore test", "drill", age_max, Partial::is_nothing});
    auto const last = log.last("drill", source, {Outcome::ok, Outcome::partial, Outcome::failed});
    if (!last || !*last || (*last)->outcome != Outcome::partial) return out;
    auto const age = system::real_clock().now().seconds - (*last)->started.seconds;
    if (out.detail == "never") out.detail = "never proven";
    out.detail += fmt::format("; the last one, {}, compared with nothing: perdure runs show {}",
                              spell_age(age), (*last)->id);
    return out;
}

/// Rules that did not reach a destination that was away, which its own light tells, were followed
/// where they could be; rules by which a snapshot should have gone that is there still were not.
LightState retention_in_part(catalog::RunLog& log, LightState light, std::int64_t id) {
    auto const run = log.find(id);
    bool const followed =
        run && std::ranges::none_of(run->problems, [](catalog::RunProblem const& problem) {
            return problem.path.starts_with("snapshot ");
        });
    if (!followed) return run ? failure("retention", *run) : light;
    light.detail += fmt::format(", not at every destination: perdure runs show {}", id);
    return light;
}

LightState ask_retention(Config const& config, catalog::RunLog& log, std::string const& source) {
    if (config.retention.empty()) return {"retention", Light::green, "no rules: all is kept"};
    // Rules that never ran are no danger while there is less than they would keep.
    auto const first = log.last("backup", source, {Outcome::ok, Outcome::partial});
    auto out =
        ask(log, source, {"retention", "retention", std::chrono::hours(24 * 35), Partial::is_good});
    if (auto const last = log.last("retention", source, {Outcome::ok, Outcome::partial});
        out.light != Light::red && last && *last && (*last)->outcome == Outcome::partial) {
        return retention_in_part(log, std::move(out), (*last)->id);
    }
    if (out.detail == "never" && first) {
        out.light = Light::green;
        out.detail = "not yet needed";
        auto const runs = log.list(10'000);
        auto const now = system::real_clock().now().seconds;
        bool const old = runs && !runs->empty() && now - runs->back().started.seconds > 35 * 86400;
        if (old) out = {"retention", Light::overdue, "never"};
    }
    return out;
}

LightState reach(Workspace& workspace, bool offline) {
    constexpr std::string_view said = "destination ";
    if (offline) return {"destination", Light::unknown, "not asked"};
    auto const store = workspace.store();
    if (!store) return {"destination", Light::red, in_one_line(store.error().message())};
    if (workspace.destinations().size() > 1) {
        // A disk that was swapped or rolled back answers as well as any other.
        auto const compared = (*store)->compare_legs(workspace.stop());
        if (!compared) return {"destination", Light::red, in_one_line(compared.error().message())};
    }
    if (auto const unfit = unfit_destinations(workspace); !unfit.empty()) {
        auto const detail = in_one_line(unfit.front().path + ": " + unfit.front().reason);
        // The sentence names the light in front of it.
        auto const brief = detail.starts_with(said) ? detail.substr(said.size()) : detail;
        return {"destination", Light::red, detail, brief};
    }
    if (auto const config = (*store)->head("config", workspace.stop()); !config) {
        return {"destination", Light::red, "holds no repository"};
    }
    if (auto const misplaced = misplaced_keys(workspace); !misplaced.empty()) {
        return {"destination", Light::overdue,
                misplaced.front().path + ": " + misplaced.front().reason};
    }
    return {"destination", Light::green, "reachable"};
}

/// Of up to three sources what their last backups lack; empty: nothing.
std::string what_is_skipped(Health const& health) {
    constexpr std::size_t named_max = 3;
    std::string out;
    std::size_t sources = 0;
    for (auto const& source : health.sources) {
        for (auto const& light : source.lights) {
            if (light.light != Light::partial) continue;
            if (sources++ < named_max) out += (out.empty() ? "" : ", ") + light.brief;
        }
    }
    if (sources > named_max) out += fmt::format(", and {} more sources", sources - named_max);
    return out;
}

/// Whether what the log says is still at the destinations; `--offline` does not ask.
bool was_asked(Health const& health) {
    return std::ranges::all_of(health.sources, [](SourceHealth const& source) {
        return source.lights.back().light != Light::unknown;
    });
}

std::string sentence_of(Health const& health) {
    if (health.sources.empty()) return "Nothing is protected: the configuration names no source.";
    std::vector<std::string> late;
    for (auto const& source : health.sources) {
        for (auto const& light : source.lights) {
            if (light.light != Light::overdue && light.light != Light::red) continue;
            std::string const state = light.light == Light::overdue
                                          ? "overdue (" + light.detail + ")"
                                          : (light.brief.empty() ? light.detail : light.brief);
            late.push_back(fmt::format("{}: {} {}", source.name, light.name, state));
        }
    }
    auto const count = health.sources.size();
    if (!health.known && late.empty()) {
        return "Not known: the log of runs cannot be read, so nobody can say what is protected; "
               "perdure doctor says why.";
    }
    if (auto const lacking = what_is_skipped(health); late.empty() && !lacking.empty())
        return "Protected but for what the last backup skipped: " + lacking + ".";
    if (late.empty()) {
        return fmt::format("Protected: {} fresh, checked and proven by a restore{}.",
                           count == 1 ? health.sources.front().name + " is"
                                      : fmt::format("all {} sources are", count),
                           was_asked(health) ? "" : "; the destinations were not asked");
    }
    std::string out = health.worst == Light::red ? "Not safe: " : "Attention: ";
    out += late.front();
    if (late.size() > 1) out += fmt::format(", and {} more", late.size() - 1);
    return out + ".";
}

}  // namespace

std::string_view light_name(Light light) {
    constexpr std::array names{"green", "unknown", "partial", "overdue", "red"};
    return names[static_cast<std::size_t>(light)];
}

Health assess(Workspace& workspace, bool offline) {
    Health health;
    auto* log = workspace.runs();
    health.known = log != nullptr;
    auto const& config = workspace.config();
    auto const broken = log ? failed_whole_check(*log) : std::nullopt;
    auto const destination = reach(workspace, offline);
    std::string others;  // asked for once, where a source needs it
    for (auto const& source : config.sources) {
        SourceHealth one;
        one.name = source.options.name;
        if (log) {
            auto const& goals = config.objectives;
            auto backup = ask_backup(workspace, *log, one.name, offline);
            if (backup.detail == "never" && !offline) {
                if (others.empty()) others = tell_of_others(workspace);
                backup.detail = others;
            }
            one.lights.push_back(std::move(backup));
            one.lights.push_back(ask_check(*log, one.name, goals.check_every, broken));
            one.lights.push_back(ask_drill(*log, one.name, goals.drill_every));
            one.lights.push_back(ask_retention(config, *log, one.name));
        }
        if (!log) {
            for (auto const* name : {"backup", "check", "restore test", "retention"}) {
                one.lights.push_back({name, Light::unknown, "the log of runs cannot be read"});
            }
        }
        one.lights.push_back(destination);
        for (auto const& light : one.lights) {
            one.worst = std::max(one.worst, light.light);
            if (&light != &one.lights.back() && light.light == Light::unknown) health.known = false;
        }
        health.worst = std::max(health.worst, one.worst);
        health.sources.push_back(std::move(one));
    }
    if (health.sources.empty()) health.worst = Light::overdue;
    health.sentence = sentence_of(health);
    return health;
}

}  // namespace perdure::service
