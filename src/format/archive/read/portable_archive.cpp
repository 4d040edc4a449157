#include "format/archive/read/portable_archive.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/archive/layout.h"

namespace perdure::format {

namespace {

/// The manifest that lies least deep; of a folder's own files that is the archive's.
std::optional<std::string> find_root(FileSet const& files) {
    std::optional<std::string> best;
    std::ptrdiff_t best_depth = 0;
    for (auto const& [name, file] : files.files()) {
        if (name != archive_name::manifest && !name.ends_with("/manifest.json")) continue;
        auto const depth = std::ranges::count(name, '/');
        if (best && depth >= best_depth) continue;
        best = name.substr(0, name.size() - archive_name::manifest.size());
        best_depth = depth;
    }
    return best;
}

std::optional<std::string> find_bag(FileSet const& files, std::string const& root) {
    if (root != "data/" && !root.ends_with("/data/")) return std::nullopt;
    auto const parent = root.substr(0, root.size() - 5);
    // Any of the tag files makes it a bag, which then misses the others.
    for (auto const* name : {"bagit.txt", "bag-info.txt", "manifest-sha256.txt"}) {
        if (files.has(parent + name)) return parent;
    }
    return std::nullopt;
}

}  // namespace

Result<PortableArchive> PortableArchive::open(system::Path const& path, OpenOptions const& options,
                                              std::stop_token stop) {
    PortableArchive archive;
    PD_TRY(archive.files_, FileSet::open(path, options, std::move(stop)));
    archive.salvage_ = options.salvage;
    auto const root = find_root(archive.files_);
    if (!root) {
        return fail(Fault::unsupported, "this is no portable archive: it has no manifest.json");
    }
    archive.root_ = *root;
    archive.bag_ = find_bag(archive.files_, *root);
    PD_TRY(auto const text, archive.read(archive_name::manifest, manifest_bytes_max));
    PD_TRY(archive.manifest_, ArchiveManifest::parse(as_text(text)));
    return archive;
}

bool PortableArchive::damaged(std::string_view name) const {
    auto const found = files_.files().find(root_ + std::string(name));
    return found == files_.files().end() || found->second.damaged;
}

}  // namespace perdure::format
