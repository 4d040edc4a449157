#include "origin/merge/files/differences.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "origin/files/below.h"
#include "origin/files/metadata.h"
#include "origin/files/xattr.h"
#include "origin/merge/files/look_beneath.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

constexpr std::size_t piece_bytes = 256 << 10;

bool is_root() {
    return ::geteuid() == 0;
}

/// Whether this process could make something the entry's owner's.
bool may_own(data::Entry const& entry) {
    if (is_root()) return true;
    return entry.uid == ::geteuid() && (entry.gid == ::getegid() || ::group_member(entry.gid) != 0);
}

bool is_access_list(std::string_view name) {
    return name.starts_with("system.posix_acl_");
}

bool may_set(std::string_view name) {
    if (name.starts_with("user.") || is_access_list(name)) return true;
    return is_root() && (name.starts_with("trusted.") || name == "security.capability");
}

std::vector<data::Xattr> settable(std::vector<data::Xattr> const& all, bool access_lists) {
    std::vector<data::Xattr> out;
    for (auto const& one : all) {
        if (may_set(one.name) && is_access_list(one.name) == access_lists) out.push_back(one);
    }
    return out;
}

/// False: this file system has none, or they cannot be read.
bool attributes_of(int root, std::string const& path, std::vector<data::Xattr>& into) {
    if (path.empty()) return read_xattrs(root, "", into) == 0;
    auto const [parent, name] = split_path(path);
    system::File const folder(open_beneath(root, parent, O_PATH | O_DIRECTORY));
    return folder.is_open() &&
           read_xattrs(folder.descriptor(), std::string(name).c_str(), into) == 0;
}

/// Reads exactly that much; false at the end of the file and on errors.
bool read_exactly(int file, ByteSpan into, std::uint64_t offset) {
    while (!into.empty()) {
        auto const got = ::pread(file, into.data(), into.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        into = into.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
    return true;
}

/// Whether the file holds nothing but zeros there; holes are passed over unread.
bool is_zero(int file, std::uint64_t from, std::uint64_t end, Bytes& buffer) {
    while (from < end) {
        auto const data = ::lseek(file, static_cast<off_t>(from), SEEK_DATA);
        if (data < 0 && errno == ENXIO) return true;  // a hole to the end
        if (data > 0) from = std::max(from, static_cast<std::uint64_t>(data));
        if (from >= end) return true;
        auto const count =
            static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, end - from));
        if (!read_exactly(file, ByteSpan(buffer).first(count), from)) return false;
        if (std::ranges::any_of(ByteView(buffer).first(count),
                                [](std::byte b) { return b != std::byte{0}; })) {
            return false;
        }
        from += count;
    }
    return true;
}

Result<bool> same_range(data::ByteSource& content, int file, std::uint64_t from, std::uint64_t end,
                        Bytes& ours, Bytes& theirs) {
    while (from < end) {
        auto const want =
            static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, end - from));
        PD_TRY(auto const got, content.read(ByteSpan(ours).first(want)));
        if (got == 0 || !read_exactly(file, ByteSpan(theirs).first(got), from)) return false;
        if (std::memcmp(ours.data(), theirs.data(), got) != 0) return false;
        from += got;
    }
    return true;
}

struct OpenFolder {
    system::File file;
    struct stat status{};
};

Result<OpenFolder> open_folder(int root, std::string const& path) {
    int const opened = open_beneath(root, path, O_RDONLY | O_DIRECTORY);
    if (opened < 0) return system::error_from_errno(-opened, "opening the folder " + path);
    OpenFolder folder{.file = system::File(opened)};
    if (::fstat(opened, &folder.status) != 0) {
        return system::error_from_errno(errno, "looking at the folder " + path);
    }
    return folder;
}

}  // namespace

std::vector<FileItem::Field> metadata_differences(int root, std::string const& path,
                                                  data::Entry const& entry,
                                                  struct stat const& status) {
    std::vector<FileItem::Field> out;
    auto const mode = status.st_mode & 07777u;
    if (entry.kind != data::EntryKind::symlink && mode != (entry.mode & 07777u)) {
        out.push_back(
            {"mode", fmt::format("{:04o}", mode), fmt::format("{:04o}", entry.mode & 07777u)});
    }
    if (may_own(entry) && (status.st_uid != entry.uid || status.st_gid != entry.gid)) {
        out.push_back({"owner", fmt::format("{}:{}", status.st_uid, status.st_gid),
                       fmt::format("{}:{}", entry.uid, entry.gid)});
    }
    bool const device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
    if (device && status.st_rdev != entry.special) {
        auto const spell = [](dev_t number) {
            return fmt::format("{}:{}", major(number), minor(number));
        };
        out.push_back({"device", spell(status.st_rdev), spell(entry.special)});
    }
    std::vector<data::Xattr> present;
    if (!attributes_of(root, path, present)) return out;
    if (settable(present, true) != settable(entry.xattrs, true)) {
        out.push_back({"access list", "differs", "differs"});
    }
    if (settable(present, false) != settable(entry.xattrs, false)) {
        out.push_back({"attributes", "differ", "differ"});
    }
    return out;
}

bool untouched(data::Entry const& entry, struct stat const& status) {
    data::Entry now;
    now.device = status.st_dev;
    now.inode = status.st_ino;
    now.size = static_cast<std::uint64_t>(status.st_size);
    now.modified = modified_of(status);
    now.changed = {status.st_ctim.tv_sec, static_cast<std::uint32_t>(status.st_ctim.tv_nsec)};
    return data::looks_unchanged(entry, now);
}

Result<bool> same_content(data::Entry const& entry, data::ByteSource& content, int file) {
    Bytes ours(piece_bytes), theirs(piece_bytes);
    std::uint64_t at = 0;
    if (!entry.sparse) {
        PD_TRY(bool const same, same_range(content, file, 0, entry.size, ours, theirs));
        return same;
    }
    for (auto const& extent : entry.extents) {
        if (extent.offset < at || extent.length > entry.size) return false;
        if (!is_zero(file, at, extent.offset, theirs)) return false;
        at = extent.offset + extent.length;
        PD_TRY(bool const same, same_range(content, file, extent.offset, at, ours, theirs));
        if (!same) return false;
    }
    return is_zero(file, at, entry.size, theirs);
}

Result<FolderLook> look_of_folder(int root, std::string const& path) {
    PD_TRY(auto const folder, open_folder(root, path));
    auto const& status = folder.status;
    FolderLook look{.mode = status.st_mode & 07777u, .uid = status.st_uid, .gid = status.st_gid};
    read_xattrs(folder.file.descriptor(), "", look.xattrs);
    return look;
}

FolderLook dressed_as(FolderLook look, data::Entry const& entry) {
    look.mode = entry.mode & 07777u;
    if (may_own(entry)) {
        look.uid = entry.uid;
        look.gid = entry.gid;
    }
    std::erase_if(look.xattrs, [](data::Xattr const& one) { return may_set(one.name); });
    for (auto const& one : entry.xattrs) {
        if (may_set(one.name)) look.xattrs.push_back(one);
    }
    std::ranges::sort(look.xattrs, {}, &data::Xattr::name);
    return look;
}

Result<void> dress_folder(int root, std::string const& path, FolderLook const& look) {
    PD_TRY(auto const folder, open_folder(root, path));
    auto const& status = folder.status;
    data::Entry entry;
    entry.kind = data::EntryKind::folder;
    entry.mode = look.mode;
    entry.uid = look.uid;
    entry.gid = look.gid;
    entry.xattrs = look.xattrs;
    entry.modified = modified_of(status);  // names that come and go decide it
    bool const chown = status.st_uid != look.uid || status.st_gid != look.gid;
    Shortfalls shortfalls;
    PD_CHECK(apply_metadata({folder.file.descriptor(), "", path}, entry,
                            {.owners = chown, .inherits_group = true, .strip_xattrs = true},
                            shortfalls));
    auto const missing = shortfalls.take();
    if (missing.empty()) return {};
    return fail(Fault::denied, fmt::format("{}: {}", path, missing.front().reason));
}

bool is_mount_point(int root, std::string_view path) {
    auto const [parent, name] = split_path(path);
    system::File const folder(open_beneath(root, parent, O_PATH | O_DIRECTORY));
    return folder.is_open() &&
           mounted_apart(folder.descriptor(), folder.descriptor(), std::string(name).c_str());
}

bool mounted_apart(int root, int folder, char const* name) {
    struct statx here{}, there{};
    int const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    unsigned const wanted = STATX_TYPE | STATX_MNT_ID;
    if (::statx(root, "", flags | AT_EMPTY_PATH, wanted, &here) != 0) return false;
    int const at = *name == 0 ? flags | AT_EMPTY_PATH : flags;
    if (::statx(folder, name, at, wanted, &there) != 0) return false;
    bool const tells = (here.stx_mask & there.stx_mask & STATX_MNT_ID) != 0;
    return here.stx_dev_major != there.stx_dev_major || here.stx_dev_minor != there.stx_dev_minor ||
           (tells && here.stx_mnt_id != there.stx_mnt_id);
}

}  // namespace perdure::origin
