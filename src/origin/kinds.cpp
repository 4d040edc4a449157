#include "origin/command/command_origin.h"
#include "origin/files/files_origin.h"
#include "origin/files/target.h"
#include "origin/git/git_origin.h"
#include "origin/origin.h"
#include "origin/sqlite/sqlite_origin.h"

// Every kind of source is a row here; nothing registers itself.

namespace perdure::origin {
namespace {

Result<std::unique_ptr<data::TreeTarget>> open_tree_of_files(SourceOptions const&,
                                                             TargetOptions const& options) {
    return open_files_target(options);
}

constexpr OriginKind kinds[] = {
    {"files", Shape::tree, open_files, open_tree_of_files, nullptr},
    {"sqlite", Shape::rows, open_sqlite, nullptr, open_sqlite_target},
    {"git", Shape::tree, open_git, open_tree_of_files, nullptr},
    {"command", Shape::tree, open_command, open_tree_of_files, nullptr},
};

}  // namespace

std::span<OriginKind const> origin_kinds() {
    return kinds;
}

}  // namespace perdure::origin
