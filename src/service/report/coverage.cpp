#include "service/report/coverage.h"

#include <sys/stat.h>

#include <iterator>

#include "origin/files/exclude.h"
#include "system/path/real_path.h"

namespace perdure::service {
namespace {

bool is_tagged_cache(system::Path const& folder) {
    auto const file = system::File::open_to_read(folder / origin::cache_tag_name);
    return file && origin::is_cache_tag(*file);
}

bool on_other_file_system(system::Path const& root, system::Path const& path) {
    struct stat a{}, b{};
    if (::stat(root.c_str(), &a) != 0 || ::lstat(path.c_str(), &b) != 0) return false;
    return a.st_dev != b.st_dev;
}

/// Without links on the way to its folder: discovery tells names so, a configuration need not.
system::Path without_links(system::Path const& path) {
    return system::real_path(path.parent_path()) / path.filename();
}

/// Whether the walk from `root` comes to `path`.
bool takes_in(origin::SourceOptions const& source, system::Path const& root,
              system::Path const& path, bool caches_stay_out) {
    auto const way = without_links(path).lexically_relative(system::real_path(root));
    if (way.empty() || *way.begin() == "..") return false;
    if (way == ".") return true;
    if (source.one_file_system && on_other_file_system(root, path)) return false;
    origin::ExcludeRules const rules(source.exclude, root.string());
    struct stat status{};
    bool const folder = ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    std::string name;
    for (auto part = way.begin(); part != way.end(); ++part) {
        bool const last = std::next(part) == way.end();
        if (!name.empty() && caches_stay_out && is_tagged_cache(root / name)) return false;
        name += (name.empty() ? "" : "/") + part->string();
        if (rules.excludes(name, !last || folder)) return false;
    }
    return true;
}

}  // namespace

std::string covered_by(Config const& config, system::Path const& path) {
    for (auto const& source : config.sources) {
        auto const& options = source.options;
        if (options.type == "command") continue;  // its path is where the program starts
        bool const tree = options.type != "sqlite";
        bool const here = tree ? takes_in(options, options.path, path, options.exclude_caches)
                               : without_links(options.path) == without_links(path);
        bool const among_media =
            !options.media.empty() && takes_in(options, options.media, path, false);
        if (here || among_media) return options.name;
    }
    return {};
}

}  // namespace perdure::service
