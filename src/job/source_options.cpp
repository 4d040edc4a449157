#include "job/source_options.h"

#include <fmt/format.h>

#include <charconv>

namespace perdure::job {

namespace {

constexpr std::string_view owner_prefix = "owner/", record_prefix = "record/",
                           mask_prefix = "mask/", exclude_prefix = "exclude/";
constexpr char const *damage_option = "damage", *media_option = "media_items";
constexpr char const *caches_option = "exclude_caches", *system_option = "one_file_system";

/// "record/<type>/<field>" → value; the field "/table" is the record's table.
void remember_record(std::map<std::string, std::string>& options,
                     data::RecordMapping const& record) {
    std::string const at = std::string(record_prefix) + record.type + "/";
    options[at + "/table"] = record.table;
    for (auto const& [field, value] : record.fields) options[at + field] = value;
}

void recall_record(data::Mapping& mapping, std::string_view rest, std::string const& value) {
    auto const slash = rest.find('/');
    if (slash == std::string_view::npos) return;
    std::string const type(rest.substr(0, slash)), field(rest.substr(slash + 1));
    // Options are sorted, so all of one record's lie together.
    if (mapping.records.empty() || mapping.records.back().type != type) {
        mapping.records.push_back({type, "", {}});
    }
    auto& record = mapping.records.back();
    (field == "/table" ? record.table : record.fields[field]) = value;
}

/// A pattern that names the source's own folder means the same below any other.
std::string without_root(std::string pattern, std::string const& root) {
    std::size_t const at = pattern.starts_with('!') ? 1 : 0;
    bool const below = root.size() > 1 && pattern.compare(at, root.size(), root) == 0 &&
                       pattern.size() > at + root.size() && pattern[at + root.size()] == '/';
    return below ? pattern.erase(at, root.size()) : pattern;
}

/// What is left out by rule decides what the snapshot's silence about a name means.
void remember_rules(std::map<std::string, std::string>& options,
                    origin::SourceOptions const& source) {
    if (source.type != "files" && source.type != "git") return;
    options[caches_option] = source.exclude_caches ? "yes" : "no";
    options[system_option] = source.one_file_system ? "yes" : "no";
    for (std::size_t at = 0; at < source.exclude.size(); ++at) {
        options[fmt::format("{}{:06}", exclude_prefix, at)] =
            without_root(source.exclude[at], source.path.string());
    }
}

}  // namespace

std::map<std::string, std::string> remembered_options(origin::SourceOptions const& source) {
    std::map<std::string, std::string> options;
    auto const put = [&](char const* name, std::string value) {
        if (!value.empty()) options[name] = std::move(value);
    };
    put("file", source.path.filename().string());
    put("media", source.media.empty() ? "" : source.media.filename().string());
    put("output_name", source.output_name);
    if (auto const& subjects = source.mapping.subjects) {
        put("subjects/table", subjects->table);
        put("subjects/key", subjects->key);
        put("subjects/label", subjects->label);
        put("subjects/email", subjects->email);
        for (auto const& [table, rule] : subjects->owners) {
            options[std::string(owner_prefix) + table] = rule;
        }
    }
    for (auto const& record : source.mapping.records) remember_record(options, record);
    for (auto const& [column, how] : source.mask) options[std::string(mask_prefix) + column] = how;
    remember_rules(options, source);
    return options;
}

void remember_damage(repository::SourceSnapshot& source, std::string const& what) {
    source.options[damage_option] = what;
}

void remember_media_items(repository::SourceSnapshot& source, std::uint64_t count) {
    source.options[media_option] = std::to_string(count);
}

std::optional<std::uint64_t> media_items_then(repository::SourceSnapshot const& source) {
    auto const found = source.options.find(media_option);
    std::uint64_t count = 0;
    if (found == source.options.end()) return std::nullopt;
    auto const& text = found->second;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    return error == std::errc() ? std::optional(count) : std::nullopt;
}

std::string damage_then(repository::SourceSnapshot const& source) {
    auto const found = source.options.find(damage_option);
    return found == source.options.end() ? std::string() : found->second;
}

std::optional<origin::SourceOptions> rules_then(repository::SourceSnapshot const& source) {
    auto const caches = source.options.find(caches_option);
    auto const system = source.options.find(system_option);
    if (caches == source.options.end() || system == source.options.end()) return std::nullopt;
    origin::SourceOptions rules;
    rules.exclude_caches = caches->second == "yes";
    rules.one_file_system = system->second == "yes";
    // Keys are sorted, so the patterns come in their order.
    for (auto const& [name, pattern] : source.options) {
        if (name.starts_with(exclude_prefix)) rules.exclude.push_back(pattern);
    }
    return rules;
}

origin::SourceOptions source_options(repository::SourceSnapshot const& source) {
    auto const option = [&](char const* name) {
        auto const found = source.options.find(name);
        return found == source.options.end() ? std::string() : found->second;
    };
    origin::SourceOptions options;
    options.name = source.name;
    options.type = source.type;
    options.path = option("file");
    options.media = option("media");
    options.output_name = option("output_name");
    if (auto const table = option("subjects/table"); !table.empty()) {
        options.mapping.subjects = data::SubjectMapping{
            table, option("subjects/key"), option("subjects/label"), option("subjects/email"), {}};
    }
    for (auto const& [name, value] : source.options) {
        std::string_view const all = name;
        if (all.starts_with(owner_prefix) && options.mapping.subjects) {
            options.mapping.subjects->owners[name.substr(owner_prefix.size())] = value;
        } else if (all.starts_with(record_prefix)) {
            recall_record(options.mapping, all.substr(record_prefix.size()), value);
        } else if (all.starts_with(mask_prefix)) {
            options.mask[name.substr(mask_prefix.size())] = value;
        }
    }
    return options;
}

}  // namespace perdure::job
