#include "service/config/config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <thread>

#include "service/config/crontab.h"
#include "service/config/media_twice.h"
#include "service/config/retention_rules.h"
#include "service/config/units.h"
#include "system/file.h"
#include "system/path/real_path.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t file_bytes_max = 1 << 20;

/// However it is spelled, linked or mounted.
bool is_one_folder(system::Path const& one, system::Path const& other) {
    if (one.empty() || other.empty()) return false;
    std::error_code error;
    if (std::filesystem::equivalent(one, other, error)) return true;
    return system::real_path(one) == system::real_path(other);
}

/// Turns checked settings into the typed configuration; faults found on the way (a name that
/// nothing defines) join those of the settings.
class Build {
public:
    Build(Settings settings, system::Path const& file) {
        config_.file = file;
        config_.folder = file.parent_path();
        config_.settings = std::move(settings);
    }

    Config take() {
        for (auto const& section : of("repository.*")) repository(section);
        for (auto const& section : of("destination.*")) destination(section);
        destinations_apart();
        for (auto const& section : of("source.*")) source(section);
        name_media_twice(in(), config_.sources);
        for (auto const& section : of("retention.*")) {
            config_.retention.push_back(read_retention(in(), section));
        }
        name_idle_rules(in(), config_.retention);
        for (auto const& section : of("schedule.*")) schedule(section);
        objectives();
        limits();
        references();
        return std::move(config_);
    }

private:
    Settings& in() { return config_.settings; }
    std::vector<Section> of(std::string_view pattern) { return in().sections_like(pattern); }

    bool troubled(Section const& section) { return in().troubled.contains(section.path); }

    Place place_of(std::string const& path, Place otherwise) {
        auto const* setting = in().find(path);
        return setting ? setting->place : otherwise;
    }

    system::Path absolute(std::string const& text) const {
        if (text.empty()) return {};
        auto const joined = (config_.folder / system::Path(text)).lexically_normal();
        return joined.has_filename() ? joined : joined.parent_path();
    }

    void repository(Section const& section) {
        std::string const at = section.path + ".";
        RepositoryConfig out;
        out.name = section.name;
        out.place = section.place;
        out.destinations = in().list(at + "destinations");
        out.quorum = static_cast<unsigned>(in().integer(at + "quorum").value_or(0));
        out.parity = in().boolean(at + "parity");
        out.label = in().text(at + "label").value_or("");
        out.key = key(at + "key");
        if (out.quorum > out.destinations.size()) {
            in().add_fault(place_of(at + "quorum", out.place),
                           at + "quorum: " + std::to_string(out.quorum) + " of " +
                               std::to_string(out.destinations.size()) + " destinations");
        }
        config_.repositories.push_back(std::move(out));
    }

    KeyReference key(std::string const& path) {
        using Way = KeyReference::Way;
        KeyReference out;
        auto const* setting = in().find(path);
        if (!setting) return out;
        out.place = setting->place;
        if (setting->value.kind == Node::Kind::text) {
            out.way = Way::literal;
            out.value = setting->value.text;
            return out;
        }
        auto const& members = setting->value.members;
        auto const way = std::ranges::find_if(
            members, [](auto const& member) { return member.key != "timeout"; });
        auto const& [word, place, value] = *way;
        out.value = value.text;
        if (word == "file") {
            out.way = Way::file;
            out.value = absolute(value.text).string();
        } else if (word == "env") {
            out.way = Way::environment;
        } else if (word == "credential") {
            out.way = Way::credential;
        } else if (word == "prompt") {
            out.way = Way::prompt;
        } else {
            out.way = Way::command;
            for (auto const& item : value.items) out.argv.push_back(item.text);
            for (auto const& member : members) {
                if (member.key != "timeout") continue;
                if (auto const limit = parse_duration(member.value.text)) out.limit = *limit;
            }
        }
        return out;
    }

    void destination(Section const& section) {
        std::string const at = section.path + ".";
        DestinationConfig out;
        out.name = section.name;
        out.place = section.place;
        out.type = in().text(at + "type").value_or("");
        out.path = absolute(in().text(at + "path").value_or(""));
        out.keys = in().boolean(at + "keys");
        out.upload_mb_s = in().real(at + "upload_mb_s");
        out.download_mb_s = in().real(at + "download_mb_s");
        if (out.type == "local" && out.path.empty() && !troubled(section)) {
            in().add_fault(section.place, "[" + section.path + "] lacks \"path\"",
                           "add: path = \"backups\"");
        } else if (!out.type.empty() && out.type != "local" && in().find(at + "type")) {
            in().add_fault(place_of(at + "type", section.place),
                           at + "type: \"" + out.type + "\" is not supported yet",
                           "this version stores on local disks: type = \"local\"");
        }
        config_.destinations.push_back(std::move(out));
    }

    /// Two copies in one folder are one copy, and go together.
    void destinations_apart() {
        auto const& all = config_.destinations;
        for (std::size_t i = 0; i < all.size(); ++i) {
            for (std::size_t k = 0; k < i; ++k) {
                if (all[i].type != "local" || !is_one_folder(all[i].path, all[k].path)) continue;
                std::string const at = "destination." + all[i].name + ".path";
                in().add_fault(place_of(at, all[i].place),
                               at + ": it is the folder of destination \"" + all[k].name +
                                   "\": two copies in one folder are one copy",
                               "name a folder on another disk, or leave this destination out");
            }
        }
    }

    void source(Section const& section) {
        std::string const at = section.path + ".";
        SourceConfig out;
        out.place = section.place;
        auto& options = out.options;
        options.name = section.name;
        options.type = in().text(at + "type").value_or("");
        options.path = absolute(in().text(at + "path").value_or(""));
        options.media = absolute(in().text(at + "media").value_or(""));
        options.exclude = in().list(at + "exclude");
        options.mask = in().map(at + "mask");
        options.one_file_system = in().boolean(at + "one_file_system");
        options.exclude_caches = in().boolean(at + "exclude_caches");
        options.command = in().list(at + "command");
        options.output_name = in().text(at + "output_name").value_or("");
        options.mapping = mapping(at);
        out.priority = static_cast<unsigned>(in().integer(at + "priority").value_or(5));
        out.quiesce = in().list(at + "quiesce");
        out.resume = in().list(at + "resume");
        out.invariants = invariants(at + "invariants.");
        check_source(section, out);
        config_.sources.push_back(std::move(out));
    }

    void check_source(Section const& section, SourceConfig const& source) {
        auto const& options = source.options;
        std::string const at = section.path + ".";
        auto const only_for = [&](std::string const& word, std::string_view type) {
            if (in().find(at + word) && options.type != type) {
                in().add_fault(
                    place_of(at + word, section.place),
                    at + word + ": only a source of type " + std::string(type) + " has it");
            }
        };
        if (options.type == "command") {
            if (options.command.empty() && !troubled(section)) {
                in().add_fault(section.place, "[" + section.path + "] lacks \"command\"",
                               "add: command = [\"pg_dump\", \"app\"]");
            }
        } else if (!options.type.empty() && options.path.empty() && !troubled(section)) {
            in().add_fault(section.place, "[" + section.path + "] lacks \"path\"",
                           "add: path = \"…\"");
        }
        if (options.type.empty()) return;
        only_for("command", "command");
        only_for("output_name", "command");
        only_for("media", "sqlite");
        only_for("mask", "sqlite");
    }

    data::Mapping mapping(std::string const& at) {
        data::Mapping out;
        if (in().find(at + "subjects.table")) {
            data::SubjectMapping subjects;
            subjects.table = in().text(at + "subjects.table").value_or("");
            subjects.key = in().text(at + "subjects.key").value_or("");
            subjects.label = in().text(at + "subjects.label").value_or("");
            subjects.email = in().text(at + "subjects.email").value_or("");
            subjects.owners = in().map(at + "subjects.owners");
            out.subjects = std::move(subjects);
        }
        for (auto const& section : of("source.*.records.*")) {
            if (section.path.starts_with(at)) out.records.push_back(record(section));
        }
        return out;
    }

    data::RecordMapping record(Section const& section) {
        data::RecordMapping out;
        out.type = section.name;
        std::string const at = section.path + ".";
        for (auto const& [path, setting] : in().values) {
            if (!path.starts_with(at)) continue;
            std::string const word = path.substr(at.size());
            if (word == "table") {
                out.table = setting.value.text;
            } else if (word == "fields") {
                for (auto const& m : setting.value.members) out.fields[m.key] = m.value.text;
            } else if (word == "embedding" && setting.value.kind == Node::Kind::table) {
                for (auto const& m : setting.value.members) {
                    out.fields[m.key == "column" ? "embedding" : "embedding_" + m.key] =
                        m.value.text;
                }
            } else {
                out.fields[word] = setting.value.text;
            }
        }
        return out;
    }

    std::vector<Invariant> invariants(std::string const& at) {
        std::vector<Invariant> out;
        for (auto const& [path, setting] : in().values) {
            if (!path.starts_with(at)) continue;
            Invariant one;
            one.name = path.substr(at.size());
            one.sql = setting.value.text;
            for (auto const& item : setting.value.items) one.argv.push_back(item.text);
            out.push_back(std::move(one));
        }
        return out;
    }

    void schedule(Section const& section) {
        std::string const at = section.path + ".";
        auto const known = [&](std::string const& word, std::string_view kind) {
            auto const* setting = in().find(at + word);
            if (!setting) return;
            std::string const wanted = std::string(kind) + "." + setting->value.text;
            bool const found = std::ranges::any_of(
                in().sections, [&](Section const& s) { return s.path == wanted; });
            if (!found) missing_name(setting->place, at + word, setting->value.text, kind);
        };
        known("source", "source");
        known("destination", "destination");
    }

    void objectives() {
        auto const duration = [&](char const* path) {
            auto const text = in().text(path);
            auto const parsed = text ? parse_duration(*text) : parse_duration("0s");
            return parsed ? *parsed : std::chrono::milliseconds(0);
        };
        config_.objectives.rpo = duration("objectives.rpo");
        config_.objectives.check_every = duration("objectives.check_every");
        config_.objectives.drill_every = duration("objectives.drill_every");
        if (in().find("objectives.rto")) config_.objectives.rto = duration("objectives.rto");
        config_.objectives.backup_success = part("objectives.backup_success");
        config_.objectives.export_success = part("objectives.export_success");
    }

    std::optional<double> part(std::string const& path) {
        auto const value = in().real(path);
        if (value && *value > 1) {
            in().add_fault(place_of(path, {}), path + ": a part of 1 is wanted", "such as 0.99");
        }
        return value;
    }

    void limits() {
        config_.limits.cpu = in().real("limits.cpu");
        config_.limits.read_mb_s = in().real("limits.read_mb_s");
        config_.limits.upload = rate("limits.upload_mb_s");
        config_.limits.download = rate("limits.download_mb_s");
    }

    RateConfig rate(std::string const& path) {
        RateConfig out;
        auto const* setting = in().find(path);
        if (!setting) return out;
        auto const number = [](Node const& node) {
            return node.kind == Node::Kind::integer ? static_cast<double>(node.integer) : node.real;
        };
        if (setting->value.kind != Node::Kind::table) {
            out.otherwise = number(setting->value);
            return out;
        }
        for (auto const& [key, place, value] : setting->value.members) {
            if (key == "default") out.otherwise = number(value);
            if (auto const window = parse_window(key)) {
                out.by_hour.emplace_back(*window, number(value));
            }
        }
        return out;
    }

    /// Whoever writes two repositories must not believe both to be filled.
    void name_idle(RepositoryConfig const& other) {
        auto const* chosen = config_.default_repository();
        if (&other == chosen || other.destinations.empty()) return;
        in().warnings.push_back(
            {other.place,
             "[repository." + other.name + "] is used with --destination " +
                 other.destinations.front() + " only, else \"" + chosen->name + "\" is",
             "to fill several places at once, list them as destinations of one repository"});
    }

    void missing_name(Place place, std::string const& at, std::string const& name,
                      std::string_view kind) {
        std::vector<std::string> names;
        for (auto const& s : of(std::string(kind) + ".*")) names.push_back(s.name);
        auto const near = nearest_word(name, names);
        in().add_fault(place, at + ": there is no [" + std::string(kind) + "." + name + "]",
                       near.empty() ? "" : "did you mean \"" + near + "\"?");
    }

    void references() {
        for (auto const& repository : config_.repositories) {
            name_idle(repository);
            std::string const at = "repository." + repository.name + ".destinations";
            auto const* setting = in().find(at);
            if (!setting) continue;
            for (auto const& item : setting->value.items) {
                if (!config_.destination(item.text)) {
                    missing_name(item.place, at, item.text, "destination");
                }
            }
            key_home(repository);
        }
    }

    /// Somebody has to hold the keys.
    void key_home(RepositoryConfig const& repository) {
        DestinationConfig const* keyless = nullptr;
        for (auto const& name : repository.destinations) {
            auto const found =
                std::ranges::find(config_.destinations, name, &DestinationConfig::name);
            if (found == config_.destinations.end() || found->keys) return;
            if (!keyless) keyless = &*found;
        }
        if (!keyless) return;
        std::string const at = "destination." + keyless->name + ".keys";
        in().add_fault(
            place_of(at, keyless->place),
            at + ": no destination of repository \"" + repository.name + "\" would hold its keys",
            "let keys be true at one of them at least");
    }

    Config config_;
};

template <typename T>
T const* named(std::vector<T> const& all, std::string const& name) {
    auto const found = std::ranges::find(all, name, &T::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace

RepositoryConfig const* Config::repository(std::string const& name) const {
    return named(repositories, name);
}
RepositoryConfig const* Config::default_repository() const {
    if (auto const* main = repository("main")) return main;
    return repositories.empty() ? nullptr : &repositories.front();
}
DestinationConfig const* Config::destination(std::string const& name) const {
    return named(destinations, name);
}
RetentionConfig const* Config::retention_rule() const {
    return rules_in_use(retention);
}
SourceConfig const* Config::source(std::string const& name) const {
    auto const found =
        std::ranges::find_if(sources, [&](auto const& s) { return s.options.name == name; });
    return found == sources.end() ? nullptr : &*found;
}

std::optional<double> RateConfig::at(int minute) const {
    for (auto const& [window, rate] : by_hour) {
        bool const past_midnight = window.to_minute < window.from_minute;
        bool const after = minute >= window.from_minute, before = minute < window.to_minute;
        if (past_midnight ? after || before : after && before) return rate;
    }
    return otherwise;
}

unsigned LimitsConfig::threads() const {
    constexpr unsigned threads_max = 16;
    unsigned const wanted = cpu ? static_cast<unsigned>(std::ceil(std::min(*cpu, 1000.0)))
                                : std::thread::hardware_concurrency();
    return std::clamp(wanted, 1u, threads_max);
}

LoadedConfig parse_config(std::string const& text, system::Path const& file) {
    LoadedConfig out{.config = {}, .faults = {}, .warnings = {}, .file = file};
    std::vector<ConfigFault> syntax;
    Node const root = parse_toml(text, syntax);
    Config config = Build(check_settings(root), file).take();
    name_crontab_lines(config.settings, file);
    out.faults = std::move(config.settings.faults);
    out.faults.insert(out.faults.begin(), syntax.begin(), syntax.end());
    out.warnings = config.settings.warnings;
    std::ranges::stable_sort(out.faults, [](ConfigFault const& a, ConfigFault const& b) {
        return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
    });
    if (out.faults.empty()) out.config = std::move(config);
    return out;
}

Result<LoadedConfig> read_config(system::Path const& file) {
    std::error_code error;
    auto const absolute = std::filesystem::absolute(file, error).lexically_normal();
    auto raw = system::read_file(absolute, file_bytes_max);
    if (!raw && raw.error().fault() == Fault::not_found) {
        return fail(Fault::not_found, "there is no configuration file " + file.string())
            .with_code(202)
            .with_fix("perdure init, or perdure quickstart TARGET, or --config FILE");
    }
    if (!raw) {
        return Error(raw.error())
            .within("the configuration cannot be read")
            .with_code(202)
            .with_fix("make " + file.string() + " readable, or name another with --config FILE");
    }
    return parse_config(to_string(*raw), absolute);
}

std::string describe_faults(system::Path const& file, std::vector<ConfigFault> const& faults) {
    std::string out;
    for (auto const& fault : faults) {
        if (!out.empty()) out += '\n';
        out += file.filename().string() + ":" + std::to_string(fault.place.line) + ":" +
               std::to_string(fault.place.column) + ": " + fault.message;
        if (!fault.fix.empty()) out += " (" + fault.fix + ")";
    }
    return out;
}

Result<Config> load_config(system::Path const& file) {
    PD_TRY(LoadedConfig loaded, read_config(file));
    if (loaded.config) return std::move(*loaded.config);
    auto const count = loaded.faults.size();
    return fail(Fault::invalid, "the configuration has " + std::to_string(count) +
                                    (count == 1 ? " fault\n" : " faults\n") +
                                    describe_faults(loaded.file, loaded.faults))
        .with_code(201)
        .with_fix("correct " + loaded.file.string() + ", then perdure config check");
}

}  // namespace perdure::service
