#include "origin/files/stat.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace perdure::origin {
namespace {

// A file of a million holes would cost 16 MB of extents; past this the rest counts as data.
constexpr std::size_t extents_max = 1 << 14;

data::EntryKind kind_of(std::uint16_t mode) {
    switch (mode & S_IFMT) {
        case S_IFDIR:
            return data::EntryKind::folder;
        case S_IFLNK:
            return data::EntryKind::symlink;
        case S_IFIFO:
            return data::EntryKind::fifo;
        case S_IFSOCK:
            return data::EntryKind::socket;
        case S_IFCHR:
            return data::EntryKind::char_device;
        case S_IFBLK:
            return data::EntryKind::block_device;
        default:
            return data::EntryKind::file;
    }
}

Timestamp time_of(struct statx_timestamp const& time) {
    return {time.tv_sec, time.tv_nsec};
}

}  // namespace

std::string const& OwnerNames::user(std::uint32_t uid) {
    auto [found, added] = users_.try_emplace(uid);
    if (added) {
        std::array<char, 16384> buffer;
        passwd record{};
        passwd* result = nullptr;
        if (::getpwuid_r(uid, &record, buffer.data(), buffer.size(), &result) == 0 && result)
            found->second = record.pw_name;
    }
    return found->second;
}

std::string const& OwnerNames::group(std::uint32_t gid) {
    auto [found, added] = groups_.try_emplace(gid);
    if (added) {
        std::array<char, 65536> buffer;
        ::group record{};
        ::group* result = nullptr;
        if (::getgrgid_r(gid, &record, buffer.data(), buffer.size(), &result) == 0 && result)
            found->second = record.gr_name;
    }
    return found->second;
}

int stat_at(int folder, char const* name, struct statx& into) {
    int const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == 0 ? AT_EMPTY_PATH : 0);
    return ::statx(folder, name, flags, STATX_BASIC_STATS, &into) == 0 ? 0 : errno;
}

bool is_folder(struct statx const& status) {
    return S_ISDIR(status.stx_mode);
}

bool may_be_sparse(struct statx const& status) {
    return S_ISREG(status.stx_mode) && status.stx_size > 0 &&
           status.stx_blocks * 512 < status.stx_size;
}

data::Entry entry_from(struct statx const& status) {
    data::Entry entry;
    entry.kind = kind_of(status.stx_mode);
    entry.mode = status.stx_mode & 07777;
    entry.uid = status.stx_uid;
    entry.gid = status.stx_gid;
    entry.modified = time_of(status.stx_mtime);
    entry.changed = time_of(status.stx_ctime);
    entry.size = entry.kind == data::EntryKind::file ? status.stx_size : 0;
    entry.device = makedev(status.stx_dev_major, status.stx_dev_minor);
    entry.inode = status.stx_ino;
    entry.links = status.stx_nlink;
    if (entry.kind == data::EntryKind::char_device || entry.kind == data::EntryKind::block_device)
        entry.special = makedev(status.stx_rdev_major, status.stx_rdev_minor);
    // These four attributes have the bit values of FS_IOC_GETFLAGS and cost nothing. The others of
    // a file would need an open of each; folders, which are opened anyway, get them all.
    constexpr std::uint64_t free_of_charge =
        STATX_ATTR_COMPRESSED | STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
    entry.flags = static_cast<std::uint32_t>(status.stx_attributes & free_of_charge);
    return entry;
}

void find_extents(int file, data::Entry& entry) {
    auto const size = static_cast<off_t>(entry.size);
    std::vector<data::Extent> extents;
    off_t at = 0;
    while (at < size) {
        off_t const data = ::lseek(file, at, SEEK_DATA);
        if (data < 0 && errno != ENXIO) return;  // not supported here: plain content
        if (data < 0 || data >= size) break;
        off_t hole = ::lseek(file, data, SEEK_HOLE);
        if (hole < 0 || hole > size || extents.size() + 1 == extents_max) hole = size;
        extents.push_back(
            {static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(hole - data)});
        at = hole;
    }
    ::lseek(file, 0, SEEK_SET);
    if (extents.size() == 1 && extents[0].offset == 0 && extents[0].length == entry.size) return;
    entry.sparse = true;
    entry.extents = std::move(extents);
}

int read_link_at(int folder, char const* name, std::string& into) {
    std::array<char, 4097> target;  // PATH_MAX: links are never longer
    ssize_t const length = ::readlinkat(folder, name, target.data(), target.size());
    if (length < 0) return errno;
    into.assign(target.data(), static_cast<std::size_t>(length));
    return 0;
}

std::uint32_t read_flags(int descriptor) {
    int flags = 0;
    if (::ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0) return 0;
    return static_cast<std::uint32_t>(flags) & flags_restored;
}

}  // namespace perdure::origin
