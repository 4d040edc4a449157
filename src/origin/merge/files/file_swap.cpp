// Problem: change many names of a folder that is in use so that a kill at any moment can be taken
// back or finished, with nothing lost that somebody else wrote meanwhile.
//
// 1. Whatever is put lies complete in the stage, on the same file system, before the first name
//    changes; files that go are in the stage afterwards. A change of a name is one system call.
// 2. The stage, not what stands under a name now, tells how far a run came: an application may
//    have written there since (all_put, swap_back).
// 3. What was put is known by inode, size and time. Where those differ by now it stays, is named.
// 4. Folders get their mode and time last and deepest first; a folder that holds something stays.
// 5. Each call that changes the disk is announced to system::step; all go through descriptors of
//    folders that were reached beneath the root, so no link leads outside.
//
// Rejected: a stage for each file system below the root (a journal and crash cases for each).
#include "origin/merge/files/file_swap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/time_codec.h"
#include "data/entry.h"
#include "origin/files/below.h"
#include "origin/merge/files/differences.h"
#include "origin/merge/files/look_beneath.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

using Act = FileChange::Act;

constexpr std::size_t path_bytes_max = 1 << 20;
constexpr std::size_t attributes_max = 10'000, attribute_bytes_max = 1 << 20;

void encode_look(Encoder& out, FolderLook const& look) {
    out.u32(look.mode);
    out.u32(look.uid);
    out.u32(look.gid);
    out.varint(look.xattrs.size());
    for (auto const& one : look.xattrs) {
        out.text(one.name);
        out.bytes(one.value);
    }
}

Result<FolderLook> decode_look(Decoder& in) {
    FolderLook look;
    PD_TRY(look.mode, in.u32());
    PD_TRY(look.uid, in.u32());
    PD_TRY(look.gid, in.u32());
    PD_TRY(auto const count, in.varint());
    if (count > attributes_max) return fail(Fault::corrupt, "a folder with too many attributes");
    for (std::uint64_t at = 0; at < count; ++at) {
        data::Xattr one;
        PD_TRY(one.name, in.text(attribute_bytes_max));
        PD_TRY(auto const value, in.bytes(attribute_bytes_max));
        one.value.assign(value.begin(), value.end());
        look.xattrs.push_back(std::move(one));
    }
    return look;
}

/// Each part of it is what it was before or what it was to become: nobody else touched it.
bool is_between(FolderLook const& now, FolderLook const& before, FolderLook const& after) {
    auto const either = [&](auto part) {
        return now.*part == before.*part || now.*part == after.*part;
    };
    return either(&FolderLook::mode) && either(&FolderLook::uid) && either(&FolderLook::gid) &&
           std::ranges::all_of(now.xattrs, [&](data::Xattr const& one) {
               return std::ranges::find(before.xattrs, one) != before.xattrs.end() ||
                      std::ranges::find(after.xattrs, one) != after.xattrs.end();
           });
}

bool looks(system::File const& root, std::string const& path, FolderLook const& wanted) {
    auto const now = look_of_folder(root.descriptor(), path);
    return now && *now == wanted;
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

/// What an application wrote after it was compared is in no snapshot: it must not stay in the
/// stage.
Result<void> check_what_went(system::File const& stage, FileChange const& change) {
    if (!change.was) return {};
    struct stat status{};
    auto const number = std::to_string(change.number);
    if (::fstatat(stage.descriptor(), number.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};
    auto const& was = *change.was;
    bool const same =
        status.st_ino == was.inode && static_cast<std::uint64_t>(status.st_size) == was.size &&
        status.st_mtim.tv_sec == was.modified.seconds &&
        static_cast<std::uint32_t>(status.st_mtim.tv_nsec) == was.modified.nanoseconds;
    if (same) return {};
    return fail(Fault::conflict, change.path + " was written to meanwhile").with_code(15);
}

bool is_link(Act act) {
    return act == Act::link || act == Act::relink;
}

/// One more name of a file that is in place by now, first in the stage: from there it moves like
/// any other.
Result<void> stage_link(system::File const& root, system::File const& stage,
                        FileChange const& change) {
    PD_TRY(auto const first, locate(root, change.first));
    PD_CHECK(system::step(system::Step::link, change.path));
    int const linked = ::linkat(first.folder.descriptor(), first.name.c_str(), stage.descriptor(),
                                std::to_string(change.number).c_str(), 0);
    if (linked == 0) return {};
    if (errno == ENOENT) return moved(change.first);
    return system::error_from_errno(errno, "linking " + change.path + " to " + change.first);
}

/// A folder's own mode and time, once everything is in it.
Result<void> finish_folder(system::File const& root, FileChange const& change) {
    PD_TRY(auto const name, locate(root, change.path));
    PD_CHECK(system::step(system::Step::set_metadata, change.path));
    struct timespec const times[2] = {
        {0, UTIME_OMIT}, {change.modified.seconds, static_cast<long>(change.modified.nanoseconds)}};
    int const opened = open_beneath(name.folder.descriptor(), name.name, O_RDONLY | O_DIRECTORY);
    if (opened < 0) return system::error_from_errno(-opened, "opening " + change.path);
    system::File const folder(opened);
    if (::fchmod(opened, change.mode) == 0 && ::futimens(opened, times) == 0) return {};
    return system::error_from_errno(errno, "mode and time of " + change.path);
}

/// As on file systems of FUSE, and some of networks.
Error cannot_exchange(std::string const& path) {
    return fail(Fault::unsupported,
                "putting " + path +
                    " in place: this file system exchanges no names, which a restore in place "
                    "rests on: nothing was changed")
        .with_fix("restore beside it: perdure restore SNAPSHOT --to DIR, then move it over");
}

Result<void> swap_one(system::File const& root, system::File const& stage,
                      FileChange const& change) {
    if (change.act == Act::dress) return dress_folder(root.descriptor(), change.path, change.after);
    PD_TRY(auto const name, locate(root, change.path));
    auto const number = std::to_string(change.number);
    if (is_link(change.act)) PD_CHECK(stage_link(root, stage, change));
    PD_CHECK(system::step(system::Step::rename, change.path));
    int done = 0;
    switch (change.act) {
        case Act::folder:
        case Act::create:
        case Act::link:
            done = ::renameat2(stage.descriptor(), number.c_str(), name.folder.descriptor(),
                               name.name.c_str(), RENAME_NOREPLACE);
            break;
        case Act::replace:
        case Act::relink:
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
        case Act::dress:
            break;
    }
    if (done == 0) return check_what_went(stage, change);
    if (errno == EEXIST || errno == ENOENT) return moved(change.path);
    if (errno == EINVAL) return cannot_exchange(change.path);
    return system::error_from_errno(errno, "putting " + change.path + " in place");
}

/// Whether what is there is still what was put, untouched.
bool as_put(struct stat const& status, FileChange const& change) {
    Timestamp const modified{status.st_mtim.tv_sec,
                             static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
    return status.st_ino == change.inode &&
           static_cast<std::uint64_t>(status.st_size) == change.size && modified == change.modified;
}

bool puts(Act act) {
    return act == Act::create || act == Act::replace || is_link(act);
}

struct Standing {
    bool is_here = false, is_staged = false;
    struct stat here{}, staged{};
};
Standing standing(Name const& name, system::File const& stage, FileChange const& change) {
    Standing out;
    out.is_here =
        ::fstatat(name.folder.descriptor(), name.name.c_str(), &out.here, AT_SYMLINK_NOFOLLOW) == 0;
    out.is_staged =
        change.number != 0 && ::fstatat(stage.descriptor(), std::to_string(change.number).c_str(),
                                        &out.staged, AT_SYMLINK_NOFOLLOW) == 0;
    return out;
}

/// False: somebody changed what was put there; it stays, for nothing else holds it.
Result<bool> swap_one_back(system::File const& root, system::File const& stage,
                           FileChange const& change) {
    if (change.act == Act::dress) {
        auto const now = look_of_folder(root.descriptor(), change.path);
        if (!now || *now == change.before) return true;
        if (!is_between(*now, change.before, change.after)) return false;
        PD_CHECK(dress_folder(root.descriptor(), change.path, change.before));
        return true;
    }
    auto name = locate(root, change.path);
    if (!name) return true;  // its folder is not there: it was never put
    auto const number = std::to_string(change.number);
    auto const now = standing(*name, stage, change);
    bool const put = puts(change.act) && now.is_here && now.here.st_ino == change.inode &&
                     !(now.is_staged && now.staged.st_ino == change.inode);
    if (put && !as_put(now.here, change)) return false;
    int const folder = name->folder.descriptor();
    int done = 0;
    PD_CHECK(system::step(system::Step::rename, change.path));
    if (change.act == Act::folder && now.is_here && !now.is_staged) {
        done = ::unlinkat(folder, name->name.c_str(), AT_REMOVEDIR);
        if (done != 0 && (errno == ENOTEMPTY || errno == EEXIST)) return true;
    } else if (change.act == Act::folder_gone && !now.is_here) {
        done = ::mkdirat(folder, name->name.c_str(), change.mode);
    } else if ((change.act == Act::create || change.act == Act::link) && put) {
        done = ::renameat2(folder, name->name.c_str(), stage.descriptor(), number.c_str(),
                           RENAME_NOREPLACE);
    } else if ((change.act == Act::replace || change.act == Act::relink) && put && now.is_staged) {
        done = ::renameat2(stage.descriptor(), number.c_str(), folder, name->name.c_str(),
                           RENAME_EXCHANGE);
    } else if (change.act == Act::remove && !now.is_here && now.is_staged) {
        done = ::renameat2(stage.descriptor(), number.c_str(), folder, name->name.c_str(),
                           RENAME_NOREPLACE);
    }
    if (done == 0) return true;
    return system::error_from_errno(errno, "putting " + change.path + " back");
}

bool was_put(system::File const& root, system::File const& stage, FileChange const& change) {
    if (change.act == Act::dress) return looks(root, change.path, change.after);
    auto const name = locate(root, change.path);
    if (!name) return false;
    auto const now = standing(*name, stage, change);
    switch (change.act) {
        case Act::folder:
        case Act::create:
            return !now.is_staged;
        case Act::replace:
        case Act::relink:
            return now.is_staged && now.staged.st_ino != change.inode;
        case Act::remove:
            return now.is_staged;
        case Act::link:
            return now.is_here && now.here.st_ino == change.inode;
        case Act::folder_gone:
        case Act::dress:
            return true;  // it may have to stay
    }
    return false;
}

}  // namespace

void encode_file_change(Encoder& out, FileChange const& change) {
    out.u8(static_cast<std::uint8_t>(change.act));
    out.text(change.path);
    out.varint(change.number);
    out.varint(change.inode);
    out.varint(change.size);
    encode_time(out, change.modified);
    out.u32(change.mode);
    out.text(change.first);
    if (change.act != Act::dress) return;
    encode_look(out, change.before);
    encode_look(out, change.after);
}

Result<FileChange> decode_file_change(Decoder& in) {
    FileChange change;
    PD_TRY(auto const act, in.u8());
    if (act < 1 || act > static_cast<std::uint8_t>(Act::dress))
        return fail(Fault::corrupt, "a change of a file that is none");
    change.act = static_cast<Act>(act);
    PD_TRY(change.path, in.text(path_bytes_max));
    if (change.path.empty() && change.act != Act::dress)
        return fail(Fault::corrupt, "a change of the root itself");
    PD_CHECK(check_path(change.path));
    PD_TRY(change.number, in.varint());
    PD_TRY(change.inode, in.varint());
    PD_TRY(change.size, in.varint());
    PD_TRY(change.modified, decode_time(in));
    PD_TRY(change.mode, in.u32());
    PD_TRY(change.first, in.text(path_bytes_max));
    if (!change.first.empty()) PD_CHECK(check_path(change.first));
    if (change.act != Act::dress) return change;
    PD_TRY(change.before, decode_look(in));
    PD_TRY(change.after, decode_look(in));
    return change;
}

Result<void> swap_files(system::Path const& root, std::string const& stage,
                        std::vector<FileChange> const& changes) {
    PD_TRY(auto const folder, open_root(root));
    PD_TRY(auto const staged, open_folder_beneath(folder.descriptor(), stage));
    for (auto const& change : changes) PD_CHECK(swap_one(folder, staged, change));
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
        if (change->act == Act::folder) PD_CHECK(finish_folder(folder, *change));
    }
    PD_CHECK(system::step(system::Step::sync_folder, root.string()));
    if (::syncfs(folder.descriptor()) == 0) return {};
    return system::error_from_errno(errno, "bringing names to the disk");
}

Result<std::vector<std::string>> swap_back(system::Path const& root, std::string const& stage,
                                           std::vector<FileChange> const& changes) {
    std::vector<std::string> stay;
    PD_TRY(auto const folder, open_root(root));
    auto const staged = open_folder_beneath(folder.descriptor(), stage);
    if (!staged) return stay;
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
        PD_TRY(bool const back, swap_one_back(folder, *staged, *change));
        if (!back) stay.push_back(change->path);
    }
    return stay;
}

bool all_put(system::Path const& root, std::string const& stage,
             std::vector<FileChange> const& changes) {
    auto const folder = open_root(root);
    if (!folder) return false;
    auto const staged = open_folder_beneath(folder->descriptor(), stage);
    return staged && std::ranges::all_of(changes, [&](FileChange const& change) {
               return was_put(*folder, *staged, change);
           });
}

Result<void> drop_stage(system::Path const& root, std::string const& stage) {
    PD_CHECK(data::check_component(stage));
    return system::remove_tree(root / stage);
}

bool still_there(system::Path const& root, FileChange const& change) {
    auto const folder = open_root(root);
    if (!folder) return false;
    if (change.act == Act::dress) return looks(*folder, change.path, change.after);
    auto const name = locate(*folder, change.path);
    struct stat status{};
    bool const there = name && ::fstatat(name->folder.descriptor(), name->name.c_str(), &status,
                                         AT_SYMLINK_NOFOLLOW) == 0;
    if (change.act == Act::folder_gone) return true;
    if (change.act == Act::remove) return !there;
    if (!there) return false;
    if (change.act == Act::folder) return S_ISDIR(status.st_mode);
    return as_put(status, change);
}

}  // namespace perdure::origin
