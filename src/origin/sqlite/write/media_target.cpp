#include "origin/sqlite/write/media_target.h"

#include <unistd.h>

#include <ranges>

#include "origin/files/below.h"
#include "origin/files/target.h"
#include "system/clock.h"

namespace perdure::origin {

namespace {

/// For folders that no row describes (the media folder itself in snapshots of before 0.1).
data::Entry plain_folder(std::string_view path) {
    data::Entry entry;
    entry.name = split_path(path).name;
    entry.kind = data::EntryKind::folder;
    entry.mode = 0755;
    entry.uid = ::geteuid();
    entry.gid = ::getegid();
    entry.modified = system::real_clock().now();
    return entry;
}

/// The tree keeps it for take_problems.
bool is_refused(Error const& error) {
    return error.fault() == Fault::unsupported && error.code() == 3;
}

}  // namespace

Result<void> MediaTarget::make_folder(std::string const& path) {
    if (folders_.contains(path)) return {};
    if (!path.empty()) PD_CHECK(make_folder(std::string(split_path(path).parent)));
    data::Entry const entry = plain_folder(path);
    PD_CHECK(tree_->make_folder(path, entry));
    folders_.emplace(path, entry);
    return {};
}

Result<void> MediaTarget::add(data::Entry const& entry, std::string const& path,
                              data::ByteSource& content) {
    PD_CHECK(check_path(path));
    bool const is_folder = entry.kind == data::EntryKind::folder;
    if (path.empty() && !is_folder) return fail(Fault::corrupt, "a media file without a name");
    if (tree_ == nullptr) {
        PD_TRY(tree_, open_files_target(options_));
    }
    PD_CHECK(make_folder(is_folder ? path : std::string(split_path(path).parent)));
    if (is_folder) {
        folders_[path] = entry;
        return {};
    }
    if (entry.kind == data::EntryKind::file) return tree_->write_file(path, entry, content);
    others_.emplace_back(path, entry);
    return {};
}

Result<void> MediaTarget::finish() {
    if (tree_ == nullptr) return {};
    for (auto const& [path, entry] : others_) {
        auto const made = tree_->make_other(path, entry);
        if (!made && !is_refused(made.error())) return made;
    }
    for (auto const& [path, entry] : folders_ | std::views::reverse) {
        PD_CHECK(tree_->finish_folder(path, entry));
    }
    return {};
}

std::vector<data::Problem> MediaTarget::take_problems() {
    return tree_ == nullptr ? std::vector<data::Problem>() : tree_->take_problems();
}

}  // namespace perdure::origin
