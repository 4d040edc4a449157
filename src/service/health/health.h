#pragma once

#include "service/workspace.h"

namespace perdure::service {

/// What is dated further ahead than this was dated by a clock that was.
inline constexpr std::int64_t clock_error_max = 300;

enum class Verdict { good, doubtful, bad };
std::string_view verdict_name(Verdict verdict);

/// One thing that was looked at.
struct Check {
    std::string what;  ///< "source app", "destination disk", "key"
    Verdict verdict = Verdict::good;
    std::string detail, fix;
};

/// The lines of an error's message as one: "x cannot be used: why".
std::string in_one_line(std::string text);

/// Tries everything that the configuration points at: sources can be read, destinations answer, the
/// key opens the repository. Changes nothing.
std::vector<Check> probe(Workspace& workspace);
/// probe, and what could go wrong later: free space, file modes, clock, unprinted recovery kit.
std::vector<Check> examine(Workspace& workspace);

Check test_source(Workspace& workspace, SourceConfig const& source);
/// Proves live what the destination promises: put, put-if-absent, read, ranged read, list, remove,
/// on an object of its own. A folder without a repository is fine.
std::vector<Check> test_destination(Workspace& workspace, DestinationConfig const& destination);

enum class Light {
    green,
    unknown,
    partial,  ///< the last backup is fresh, and lacks something
    overdue,
    red
};
std::string_view light_name(Light light);

struct LightState {
    std::string name;  ///< "backup", "check", "restore test", "retention", "destination"
    Light light = Light::unknown;
    std::string detail;      ///< "3 h ago", "never", "failed 3 h ago: why"
    std::string brief = {};  ///< for the sentence, where the detail is too much of it
};
struct SourceHealth {
    std::string name;
    std::vector<LightState> lights;
    Light worst = Light::green;
};
struct Health {
    std::string sentence;
    std::vector<SourceHealth> sources;
    Light worst = Light::green;
    bool known = true;  ///< false: the log of runs cannot be read
};
/// What the log of runs and (unless offline) the destinations say. Never needs the key. Without a
/// log nothing is known, and nothing is called protected.
Health assess(Workspace& workspace, bool offline);

}  // namespace perdure::service
