#include "service/config/media_twice.h"

#include "base/below.h"
#include "origin/files/exclude.h"
#include "system/path/real_path.h"

namespace perdure::service {

namespace {

/// What a source reads as files: its tree, or the media beside its rows.
system::Path const& folder_of(origin::SourceOptions const& source) {
    return source.type == "sqlite" ? source.media : source.path;
}

/// Whether a source leaves that folder out, one above it, or whatever lies in it.
bool leaves_out(origin::SourceOptions const& source, system::Path const& folder) {
    origin::ExcludeRules const rules(source.exclude, folder_of(source).native());
    system::Path above;
    for (auto const& part : folder.lexically_relative(system::real_path(folder_of(source)))) {
        above /= part;
        if (rules.excludes(above.string(), true)) return true;
    }
    return rules.excludes((above / "\x01").string(), false);  // a name that only "**" and "*" mean
}

/// How to have each medium of people once, under their keys; empty: it is so already.
std::string way_out(origin::SourceOptions const& rows, origin::SourceOptions const& other) {
    auto const media = system::real_path(rows.media), folder = system::real_path(folder_of(other));
    std::string const owner = "[source." + rows.name + "]", name = "[source." + other.name + "]";
    bool const within = is_below(folder, media);
    if (!within && (!is_below(media, folder) || leaves_out(other, media))) return {};
    if (other.type == "sqlite")
        return "drop `media` of " + name + ", or map whom its rows are about";
    if (within) return "drop " + name + ": " + owner + " keeps them, each under its person's key";
    if (other.type == "git")
        return "exclude that folder in " + name + "; what was committed stays in its history";
    if (!rows.exclude.empty())
        return "drop `exclude` of " + owner + ", or exclude that folder in " + name;
    bool const less = rows.one_file_system && !other.one_file_system;
    return less ? "say one_file_system in both or in neither" : "";
}

/// Of a source that tells people apart each medium has its person there, too.
bool knows_people(origin::SourceOptions const& source) {
    return source.type == "sqlite" && source.mapping.subjects.has_value();
}

}  // namespace

void name_media_twice(Settings& settings, std::vector<SourceConfig> const& sources) {
    for (auto const& rows : sources) {
        if (!knows_people(rows.options) || rows.options.media.empty()) continue;
        for (auto const& other : sources) {
            auto const& options = other.options;
            bool const apart = options.type == "command" || knows_people(options);
            if (apart || folder_of(options).empty()) continue;
            auto const fix = way_out(rows.options, options);
            if (fix.empty()) continue;
            settings.warnings.push_back(
                {other.place,
                 "[source." + options.name + "] takes in media of people of [source." +
                     rows.options.name + "] as files of nobody's, which no erasure reaches",
                 fix});
        }
    }
}

}  // namespace perdure::service
