#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "origin/origin.h"
#include "service/config/settings.h"
#include "service/config/units.h"

namespace perdure::service {

/// Where key material comes from. Exactly one way is set.
struct KeyReference {
    enum class Way { none, file, environment, credential, command, prompt, literal };
    Way way = Way::none;
    std::string value;              ///< path, variable, credential, question; secret if literal
    std::vector<std::string> argv;  ///< of a command
    Place place;
    /// How long a command may take: nobody waits for ever on an agent that does not answer.
    std::chrono::milliseconds limit = std::chrono::minutes(1);
};

struct RepositoryConfig {
    std::string name;
    std::vector<std::string> destinations;
    KeyReference key;
    unsigned quorum = 0;  ///< 0: all
    bool parity = true;
    std::string label;
    Place place;
};

struct DestinationConfig {
    std::string name, type;
    system::Path path;  ///< absolute
    bool keys = true;
    std::optional<double> upload_mb_s, download_mb_s;
    Place place;
};

/// What must hold in a restored copy.
struct Invariant {
    std::string name;
    std::string sql;                ///< must return no rows; empty when argv is set
    std::vector<std::string> argv;  ///< must exit 0
};

struct SourceConfig {
    origin::SourceOptions options;  ///< paths absolute
    unsigned priority = 5;
    std::vector<std::string> quiesce, resume;
    std::vector<Invariant> invariants;
    Place place;
};

struct RetentionConfig {
    std::string name;
    unsigned last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;
    std::optional<std::chrono::milliseconds> within;
    bool empty() const { return last + hourly + daily + weekly + monthly + yearly == 0 && !within; }
};

struct ObjectivesConfig {
    std::chrono::milliseconds rpo, check_every, drill_every;
    std::optional<std::chrono::milliseconds> rto;
    std::optional<double> backup_success, export_success;  ///< parts of 1
};

/// MB/s by the hour.
struct RateConfig {
    std::optional<double> otherwise;  ///< outside of the hours below
    std::vector<std::pair<HourWindow, double>> by_hour;
    /// MB/s at a minute of the (local) day; empty: no limit.
    std::optional<double> at(int minute) const;
};

struct LimitsConfig {
    std::optional<double> cpu;
    std::optional<double> read_mb_s;
    RateConfig upload, download;
    /// Threads for a job: as many as `cpu` allows, else as the machine has, at most 16.
    unsigned threads() const;
};

/// A configuration file that holds no fault, resolved.
struct Config {
    system::Path file, folder;  ///< absolute
    std::vector<RepositoryConfig> repositories;
    std::vector<DestinationConfig> destinations;
    std::vector<SourceConfig> sources;
    std::vector<RetentionConfig> retention;
    ObjectivesConfig objectives;
    LimitsConfig limits;
    Settings settings;  ///< what the file said, for `config show`

    RepositoryConfig const* repository(std::string const& name) const;
    /// Where commands work that name no destination: "main", else the first; null without any.
    RepositoryConfig const* default_repository() const;
    DestinationConfig const* destination(std::string const& name) const;
    SourceConfig const* source(std::string const& name) const;
    /// What `backup cleanup` goes by: [retention.default], or the only one; null: neither.
    RetentionConfig const* retention_rule() const;
};

struct LoadedConfig {
    std::optional<Config> config;     ///< empty when there are faults
    std::vector<ConfigFault> faults;  ///< sorted by place
    std::vector<ConfigFault> warnings;
    system::Path file;
};

/// Parses and checks; never fails halfway: every fault is in the result.
LoadedConfig parse_config(std::string const& text, system::Path const& file);
/// The same from disk. Fails: not_found (PD-0202) when there is no such file; denied; exhausted
/// (larger than 1 MiB).
Result<LoadedConfig> read_config(system::Path const& file);
/// The configuration, or one error that names every fault as file:line:column (PD-0201).
Result<Config> load_config(system::Path const& file);
/// "perdure.toml:14:3: message (fix)", a line each.
std::string describe_faults(system::Path const& file, std::vector<ConfigFault> const& faults);

/// One line of `config show`.
struct ShownValue {
    std::string path, value, origin;  ///< origin: "perdure.toml:14" or "default"
};
/// Every value in force, secrets redacted; without `with_defaults` only what the file sets.
std::vector<ShownValue> show_config(Config const& config, bool with_defaults);

}  // namespace perdure::service
