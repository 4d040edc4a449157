#include "origin/merge/file_swap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "data/entry.h"
#include "origin/files/below.h"
#include "system/step.h"

// Each call that changes the disk is announced to system::step; all go through descriptors of
// folders that were reached beneath the root.

namespace perdure::origin {

namespace {

using Act = FileChange::Act;

constexpr std::size_t path_bytes_max = 1 << 20;

Result<system::File> open_root(system::Path const& root) {
    int const opened = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened >= 0) return system::File(opened);
    return system::error_from_errno(errno, "opening " + root.string());
}

struct Name {
    system::File folder;
    std::string name;
};
Result<Name> locate(system::File const& root, std::string const& path) {
    PD_CHECK(check_path(path));
    auto const [parent, name] = split_path(path);
    PD_TRY(auto folder, open_folder_beneath(root.descriptor(), parent));
    return Name{std::move(folder), std::string(name)};
}

Error moved(std::string const& path) {
    return fail(Fault::conflict, path + " came or went meanwhile").with_code(15);
}

Result<void> swap_one(system::File const& root, system::File const& stage,
                      FileChange const& change) {
    PD_TRY(auto const name, locate(root, change.path));
    PD_CHECK(system::step(system::Step::rename, change.path));
    auto const number = std::to_string(change.number);
    int done = 0;
    switch (change.act) {
        case Act::folder:
            done = ::mkdirat(name.folder.descriptor(), name.name.c_str(), 0755);
            break;
        case Act::create:
            done = ::renameat2(stage.descriptor(), number.c_str(), name.folder.descriptor(),
                               name.name.c_str(), RENAME_NOREPLACE);
            break;
        case Act::replace:
            done = ::renameat2(stage.descriptor(), number.c_str(), name.folder.descriptor(),
                               name.name.c_str(), RENAME_EXCHANGE);
            break;
        case Act::folder_gone:
            done = ::unlinkat(name.folder.descriptor(), name.name.c_str(), AT_REMOVEDIR);
            if (done != 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT)) return {};
            break;
        case Act::remove:
            done = ::renameat2(name.folder.descriptor(), name.name.c_str(), stage.descriptor(),
                               number.c_str(), RENAME_NOREPLACE);
            break;
    }
    if (done == 0) return {};
    if (errno == EEXIST || errno == ENOENT) return moved(change.path);
    return system::error_from_errno(errno, "putting " + change.path + " in place");
}

Result<void> swap_one_back(system::File const& root, system::File const& stage,
                           FileChange const& change) {
    auto name = locate(root, change.path);
    if (!name) return {};  // its folder is not there: it was never put
    auto const number = std::to_string(change.number);
    struct stat here{}, staged{};
    bool const is_here =
        ::fstatat(name->folder.descriptor(), name->name.c_str(), &here, AT_SYMLINK_NOFOLLOW) == 0;
    bool const is_staged =
        ::fstatat(stage.descriptor(), number.c_str(), &staged, AT_SYMLINK_NOFOLLOW) == 0;
    int done = 0;
    PD_CHECK(system::step(system::Step::rename, change.path));
    if (change.act == Act::folder && is_here) {
        done = ::unlinkat(name->folder.descriptor(), name->name.c_str(), AT_REMOVEDIR);
        if (done != 0 && (errno == ENOTEMPTY || errno == EEXIST)) return {};
    } else if (change.act == Act::folder_gone && !is_here) {
        done = ::mkdirat(name->folder.descriptor(), name->name.c_str(), 0755);
    } else if (change.act == Act::create && is_here && here.st_ino == change.inode) {
        done = ::renameat2(name->folder.descriptor(), name->name.c_str(), stage.descriptor(),
                           number.c_str(), RENAME_NOREPLACE);
    } else if (change.act == Act::replace && is_here && is_staged && here.st_ino == change.inode) {
        done = ::renameat2(stage.descriptor(), number.c_str(), name->folder.descriptor(),
                           name->name.c_str(), RENAME_EXCHANGE);
    } else if (change.act == Act::remove && !is_here && is_staged) {
        done = ::renameat2(stage.descriptor(), number.c_str(), name->folder.descriptor(),
                           name->name.c_str(), RENAME_NOREPLACE);
    }
    if (done == 0) return {};
    return system::error_from_errno(errno, "putting " + change.path + " back");
}

}  // namespace

void encode_file_change(Encoder& out, FileChange const& change) {
    out.u8(static_cast<std::uint8_t>(change.act));
    out.text(change.path);
    out.varint(change.number);
    out.varint(change.inode);
    out.varint(change.size);
    out.i64(change.modified.seconds);
    out.u32(change.modified.nanoseconds);
}

Result<FileChange> decode_file_change(Decoder& in) {
    FileChange change;
    PD_TRY(auto const act, in.u8());
    if (act < 1 || act > 5) return fail(Fault::corrupt, "a change of a file that is none");
    change.act = static_cast<Act>(act);
    PD_TRY(change.path, in.text(path_bytes_max));
    PD_CHECK(check_path(change.path));
    PD_TRY(change.number, in.varint());
    PD_TRY(change.inode, in.varint());
    PD_TRY(change.size, in.varint());
    PD_TRY(change.modified.seconds, in.i64());
    PD_TRY(change.modified.nanoseconds, in.u32());
    return change;
}

Result<void> swap_files(system::Path const& root, std::string const& stage,
                        std::vector<FileChange> const& changes) {
    PD_TRY(auto const folder, open_root(root));
    PD_TRY(auto const staged, open_folder_beneath(folder.descriptor(), stage));
    for (auto const& change : changes) PD_CHECK(swap_one(folder, staged, change));
    PD_CHECK(system::step(system::Step::sync_folder, root.string()));
    if (::syncfs(folder.descriptor()) == 0) return {};
    return system::error_from_errno(errno, "bringing names to the disk");
}

Result<void> swap_back(system::Path const& root, std::string const& stage,
                       std::vector<FileChange> const& changes) {
    PD_TRY(auto const folder, open_root(root));
    auto const staged = open_folder_beneath(folder.descriptor(), stage);
    if (!staged) return {};
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
        PD_CHECK(swap_one_back(folder, *staged, *change));
    }
    return {};
}

Result<void> drop_stage(system::Path const& root, std::string const& stage) {
    PD_CHECK(data::check_component(stage));
    return system::remove_tree(root / stage);
}

bool still_there(system::Path const& root, FileChange const& change) {
    auto const folder = open_root(root);
    if (!folder) return false;
    auto const name = locate(*folder, change.path);
    struct stat status{};
    bool const there = name && ::fstatat(name->folder.descriptor(), name->name.c_str(), &status,
                                         AT_SYMLINK_NOFOLLOW) == 0;
    if (change.act == Act::folder_gone) return true;
    if (change.act == Act::remove) return !there;
    if (!there) return false;
    if (change.act == Act::folder) return S_ISDIR(status.st_mode);
    Timestamp const modified{status.st_mtim.tv_sec,
                             static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
    return status.st_ino == change.inode &&
           static_cast<std::uint64_t>(status.st_size) == change.size && modified == change.modified;
}

}  // namespace perdure::origin
