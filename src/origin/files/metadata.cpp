#include "origin/files/metadata.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/ascii.h"
#include "origin/files/stat.h"
#include "origin/files/xattr.h"
#include "system/step.h"

namespace perdure::origin {
namespace {

bool by_name(MetadataTarget const& target) {
    return *target.name != 0;
}

/// True when the owner is now what the entry says.
bool apply_owner(MetadataTarget const& target, data::Entry const& entry,
                 MetadataOptions const& options, Shortfalls& shortfalls) {
    bool const ours = entry.uid == ::geteuid() && entry.gid == ::getegid();
    if (!options.owners) return ours;
    if (ours && !options.inherits_group) return true;  // as it was created
    int const done = by_name(target) ? ::fchownat(target.descriptor, target.name, entry.uid,
                                                  entry.gid, AT_SYMLINK_NOFOLLOW)
                                     : ::fchown(target.descriptor, entry.uid, entry.gid);
    if (done == 0) return true;
    shortfalls.note(std::string("the owner was not restored (") + ::strerror(errno) + ")",
                    target.path);
    return false;
}

/// What a file system of another kind (FAT, some of FUSE) cannot keep costs that, not the content.
Result<void> unless_refused(char const* what, MetadataTarget const& target,
                            Shortfalls& shortfalls) {
    int const error = errno;
    bool const refused = error == EPERM || error == EACCES || error == EINVAL || error == ENOSYS ||
                         error == EOPNOTSUPP;
    if (!refused)
        return system::error_from_errno(error,
                                        std::string("cannot set ") + what + " of " + target.path);
    shortfalls.note(std::string(what) + " was not restored (" + ::strerror(error) + ")",
                    target.path);
    return {};
}

Result<void> apply_mode(MetadataTarget const& target, data::Entry const& entry, bool owned,
                        MetadataOptions const& options, Shortfalls& shortfalls) {
    unsigned mode = entry.mode & 07777;
    bool const risky = entry.kind != data::EntryKind::folder && (mode & 06000) != 0;
    if (risky && (!owned || !options.special)) {
        // A setuid program that now belongs to somebody else would be a hole.
        mode &= 01777;
        shortfalls.note("setuid and setgid were not restored", target.path);
    }
    int const done = by_name(target)
                         ? ::fchmodat(target.descriptor, target.name, mode, AT_SYMLINK_NOFOLLOW)
                         : ::fchmod(target.descriptor, mode);
    if (done == 0) return {};
    return unless_refused("the mode", target, shortfalls);
}

void strip_xattrs(MetadataTarget const& target, data::Entry const& entry) {
    std::vector<data::Xattr> present;
    read_xattrs(target.descriptor, target.name, present);
    for (data::Xattr const& attribute : present) {
        bool const wanted = std::ranges::any_of(
            entry.xattrs, [&](data::Xattr const& one) { return one.name == attribute.name; });
        if (!wanted && attribute.name != "security.selinux")
            remove_xattr(target.descriptor, target.name, attribute.name);
    }
}

void apply_xattrs(MetadataTarget const& target, data::Entry const& entry,
                  MetadataOptions const& options, Shortfalls& shortfalls) {
    if (options.strip_xattrs) strip_xattrs(target, entry);
    for (data::Xattr const& attribute : entry.xattrs) {
        if (attribute.name == "security.capability" && !options.special) {
            shortfalls.note("file capabilities were not restored", target.path);
            continue;
        }
        if (int const error = write_xattr(target.descriptor, target.name, attribute))
            shortfalls.note(
                "the attribute " + attribute.name + " was not restored (" + ::strerror(error) + ")",
                target.path);
    }
}

}  // namespace

void Shortfalls::note(std::string const& what, std::string const& path) {
    std::lock_guard lock(mutex_);
    auto const [found, added] = seen_.try_emplace(what);
    if (added) found->second.first_path = path.empty() ? "." : path;
    ++found->second.count;
}

std::vector<data::Problem> Shortfalls::take() {
    std::lock_guard lock(mutex_);
    std::vector<data::Problem> problems;
    for (auto const& [what, seen] : seen_) {
        std::string const more =
            seen.count > 1 ? " (and " + std::to_string(seen.count - 1) + " more)" : "";
        problems.push_back({seen.first_path, what + more});
    }
    seen_.clear();
    return problems;
}

Error cannot(int error_number, std::string const& what) {
    switch (error_number) {
        case ENAMETOOLONG:
        case EILSEQ:
        case EINVAL:
        case EMLINK:
        case EFBIG:
        case EXDEV:
        case ENOSYS:
        case EOPNOTSUPP:
            return fail(Fault::unsupported,
                        what + ": the file system refuses it: " + ::strerror(error_number))
                .with_code(3)
                .with_fix("restore it into another file system, or under another name: --map-path");
        default:
            return system::error_from_errno(error_number, what);
    }
}

namespace {

struct Likeness {
    bool exact = false;  ///< the folder lists that very name
    std::string other;   ///< the same in other letters; empty: none
};
std::optional<Likeness> likeness(int folder, std::string const& name) {
    int const descriptor = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return std::nullopt;
    DIR* const names = ::fdopendir(descriptor);
    if (names == nullptr) {
        ::close(descriptor);
        return std::nullopt;
    }
    Likeness found;
    while (dirent const* const entry = ::readdir(names)) {
        bool const exact = name == entry->d_name;
        found.exact = found.exact || exact;
        if (!exact && ascii_same(name, entry->d_name)) found.other = entry->d_name;
    }
    ::closedir(names);
    return found;
}

Error taken_for(std::string const& other, std::string const& path) {
    return fail(Fault::unsupported, path + ": the file system takes it for " +
                                        (other.empty() ? "another name that is there" : other))
        .with_code(3)
        .with_fix("restore it under another name: --map-path");
}

}  // namespace

Error taken(int folder, std::string const& name, std::string const& path) {
    auto const found = likeness(folder, name);
    if (found && !found->exact) return taken_for(found->other, path);
    return fail(Fault::conflict, path + " exists already");
}

Error one_name(int folder, std::string const& name, std::string const& path) {
    auto const found = likeness(folder, name);
    return taken_for(found ? found->other : std::string(), path);
}

Result<void> apply_metadata(MetadataTarget const& target, data::Entry const& entry,
                            MetadataOptions const& options, Shortfalls& shortfalls) {
    PD_CHECK(system::step(system::Step::set_metadata, target.path));
    bool const owned = apply_owner(target, entry, options, shortfalls);
    // Attributes before the mode: whoever is not root may not add any to what is read-only. The
    // mode agrees with the access list, so setting it changes nothing in that.
    apply_xattrs(target, entry, options, shortfalls);
    if (entry.kind != data::EntryKind::symlink)
        PD_CHECK(apply_mode(target, entry, owned, options, shortfalls));
    struct timespec times[2] = {{0, UTIME_OMIT},
                                {static_cast<time_t>(entry.modified.seconds),
                                 static_cast<long>(entry.modified.nanoseconds)}};
    int const done = by_name(target)
                         ? ::utimensat(target.descriptor, target.name, times, AT_SYMLINK_NOFOLLOW)
                         : ::futimens(target.descriptor, times);
    if (done == 0) return {};
    return unless_refused("the time", target, shortfalls);
}

void apply_flags(int descriptor, std::uint32_t flags, std::string const& path,
                 Shortfalls& shortfalls) {
    flags &= flags_restored;
    if (flags == 0) return;
    int present = 0;
    if (::ioctl(descriptor, FS_IOC_GETFLAGS, &present) == 0) {
        int const wanted = present | static_cast<int>(flags);
        if (wanted == present || ::ioctl(descriptor, FS_IOC_SETFLAGS, &wanted) == 0) return;
    }
    shortfalls.note(std::string("file flags were not restored (") + ::strerror(errno) + ")", path);
}

}  // namespace perdure::origin
