#include "origin/merge/files/folder_plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "origin/files/below.h"
#include "origin/merge/files/differences.h"

namespace perdure::origin {

void FolderPlan::met(std::string const& path, data::Entry const& entry) {
    std::lock_guard lock(mutex_);
    met_.insert_or_assign(path, entry);
}

void FolderPlan::will_make(std::string const& path) {
    std::lock_guard lock(mutex_);
    planned_.insert_or_assign(path, true);
}

void FolderPlan::will_not_make(std::string const& path) {
    std::lock_guard lock(mutex_);
    planned_.insert_or_assign(path, false);
    verdicts_.clear();
}

FolderPlan::Verdict FolderPlan::judge(std::string const& path) {
    auto const parent = split_path(path).parent;
    std::lock_guard lock(mutex_);
    auto const known = verdicts_.find(parent);
    if (known != verdicts_.end()) return known->second;
    auto verdict = look(parent);
    auto remembered = verdict;
    remembered.missing.clear();
    verdicts_.emplace(std::string(parent), std::move(remembered));
    return verdict;
}

FolderPlan::Verdict FolderPlan::look(std::string_view parent) {
    Verdict out;
    std::string_view deepest;  // that is there
    for (std::size_t end = 0; end <= parent.size() && !parent.empty(); ++end) {
        end = std::min(parent.find('/', end), parent.size());
        auto const folder = parent.substr(0, end);
        auto const planned = planned_.find(folder);
        if (planned != planned_.end()) {
            if (planned->second) continue;
            out.declined = true;
            return out;
        }
        int const opened = open_beneath(root_, folder, O_PATH | O_DIRECTORY);
        if (opened >= 0) {
            bool const apart = mounted_apart(root_, opened, "");
            ::close(opened);
            if (apart) {
                out.blocked = fmt::format(
                    "{} is another file system, which nothing can be moved into in one step with "
                    "the rest: restore it --to DIR, or as a source of its own",
                    folder);
                return out;
            }
            deepest = folder;
        } else if (opened == -ENOENT) {
            data::Entry entry;
            if (auto const found = met_.find(folder); found != met_.end()) {
                entry = found->second;
            } else {
                entry.kind = data::EntryKind::folder;
                entry.name = std::string(split_path(folder).name);
                entry.mode = 0755;
            }
            out.missing.emplace_back(folder, std::move(entry));
        } else {
            out.blocked =
                fmt::format("{} is a link or no folder: nothing is written through it", folder);
            return out;
        }
    }
    int const folder = open_beneath(root_, deepest, O_PATH | O_DIRECTORY);
    bool const writable = folder >= 0 && ::faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0;
    if (!writable) {
        out.blocked =
            fmt::format("nothing can be put into {}: {}",
                        deepest.empty() ? "the source's folder" : deepest, std::strerror(errno));
    }
    if (folder >= 0) ::close(folder);
    if (writable) {
        for (auto const& [path, entry] : out.missing) planned_.insert_or_assign(path, true);
    } else {
        out.missing.clear();
    }
    return out;
}

}  // namespace perdure::origin
