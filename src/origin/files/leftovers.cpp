#include "origin/files/leftovers.h"

#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "origin/files/walk.h"
#include "system/random.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

constexpr std::string_view mark = ".perdure-";
constexpr std::size_t digits = 16;

}  // namespace

std::string temporary_prefix() {
    Opaque<digits / 2, struct TemporaryTag> unique;
    system::real_random().fill(unique.bytes);
    return std::string(mark) + to_hex(unique) + "-";
}

bool is_temporary(std::string_view name) {
    if (!name.starts_with(mark)) return false;
    name.remove_prefix(mark.size());
    auto const hex = name.substr(0, digits);
    bool const random =
        hex.size() == digits && hex.find_first_not_of("0123456789abcdef") == hex.npos;
    if (!random || name.size() < digits + 2 || name[digits] != '-') return false;
    return name.find_first_not_of("0123456789", digits + 1) == name.npos;
}

void sweep_leftovers(system::Path const& folder) {
    auto walk = Walk::open({.folder = folder,
                            .exclude = {},
                            .kept_as_rows = {},
                            .one_file_system = true,
                            .exclude_caches = false});
    while (walk) {
        auto const next = walk->next_pending();
        if (!next || !*next) return;
        auto const& [item, path, parent] = **next;
        if (!parent || !is_temporary(item.entry.name)) continue;
        if (system::step(system::Step::remove, path)) {
            ::unlinkat(parent->descriptor(), item.entry.name.c_str(), 0);
        }
    }
}

void sweep_leftovers_beside(system::Path const& folder) {
    std::error_code error;
    std::filesystem::directory_iterator at(folder, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        auto const& path = at->path();
        if (!is_temporary(path.filename().native())) continue;
        if (system::step(system::Step::remove, path.native())) ::unlink(path.c_str());
    }
}

bool claim_folder(system::File const& folder) {
    bool const alone = ::flock(folder.descriptor(), LOCK_EX | LOCK_NB) == 0;
    bool const shared = ::flock(folder.descriptor(), LOCK_SH | LOCK_NB) == 0;
    return alone && shared;
}

}  // namespace perdure::origin
