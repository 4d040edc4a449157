#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "system/file.h"
#include "system/random.h"
#include "system/step.h"

namespace perdure::system {

namespace {

std::string both(Path const& from, Path const& to) {
    std::string joined = from.native();
    joined.push_back('\0');
    return joined + to.native();
}

Path folder_of(Path const& path) {
    Path folder = path.parent_path();
    return folder.empty() ? Path(".") : folder;
}

Path temporary_beside(Path const& path) {
    static std::atomic<std::uint64_t> counter{0};
    std::uint64_t salt = 0;
    real_random().fill(ByteSpan(reinterpret_cast<std::byte*>(&salt), sizeof salt));
    return folder_of(path) / fmt::format(".perdure-{}-{}-{:016x}.tmp", ::getpid(), ++counter, salt);
}

Result<void> link_without_replacing(Path const& from, Path const& to) {
    PD_CHECK(step(Step::link, both(from, to)));
    if (::link(from.c_str(), to.c_str()) != 0)
        return error_from_errno(errno, fmt::format("link {}", to.native()));
    return remove_file(from);
}

Result<void> write_and_sync(File& file, ByteView bytes, bool durable) {
    PD_CHECK(file.write(bytes));
    if (durable) PD_CHECK(file.sync());
    return file.close();
}

Result<void> make_folder(Path const& path, unsigned mode) {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0) {
        if (S_ISDIR(status.st_mode)) return {};
        return fail(Fault::conflict, fmt::format("{} is not a folder", path.native()));
    }
    PD_CHECK(step(Step::make_folder, path.native()));
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return error_from_errno(errno, fmt::format("make folder {}", path.native()));
    return sync_folder(folder_of(path));
}

Result<void> remove_folder(Path const& path) {
    PD_CHECK(step(Step::remove, path.native()));
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT)
        return error_from_errno(errno, fmt::format("remove folder {}", path.native()));
    return {};
}

/// Paths have at most 4096 bytes, trees may be deeper: below this the rest is first moved up.
constexpr std::size_t path_bytes_kept = 3000;
/// So many names of a folder are held at a time, however many it has.
constexpr std::size_t names_at_once = 32'768;

/// Some of the names in a folder; none: it is empty.
Result<std::vector<std::string>> some_names(Path const& folder) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator at(folder, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        names.push_back(at->path().filename().native());
        if (names.size() == names_at_once) return names;
    }
    if (error) return error_from_errno(error.value(), fmt::format("list {}", folder.native()));
    return names;
}

Result<void> remove_below(Path path, Path const& top, unsigned& moved) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) return {};
        return error_from_errno(errno, fmt::format("stat {}", path.native()));
    }
    if (!S_ISDIR(status.st_mode)) return remove_file(path);
    if (path.native().size() > path_bytes_kept && path != top) {
        Path const higher = top / fmt::format(".perdure-{}-{}", ::getpid(), ++moved);
        PD_CHECK(system::rename(path, higher));
        path = higher;
    }
    for (;;) {
        PD_TRY(std::vector<std::string> const names, some_names(path));
        for (std::string const& name : names) PD_CHECK(remove_below(path / name, top, moved));
        if (names.size() < names_at_once) return remove_folder(path);
    }
}

}  // namespace

Result<void> rename_without_replacing(Path const& from, Path const& to) {
    PD_CHECK(step(Step::rename, both(from, to)));
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    // NFS and some FUSE file systems know no RENAME_NOREPLACE, but link(2) is as exclusive.
    if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
        return link_without_replacing(from, to);
    return error_from_errno(errno, fmt::format("rename to {}", to.native()));
}

Result<void> write_file(Path const& path, ByteView bytes, WriteOptions options) {
    Path const temporary = temporary_beside(path);
    auto created = File::create(temporary, options.mode);
    if (!created) {  // its own name means nothing to whoever asked
        return Error(std::move(created).error()).within(fmt::format("write {}", path.native()));
    }
    File file = std::move(*created);
    Result<void> done = write_and_sync(file, bytes, options.durable);
    if (done) {
        done = options.replace ? system::rename(temporary, path)
                               : rename_without_replacing(temporary, path);
    }
    if (!done) {
        (void)remove_file(temporary);
        return done;
    }
    if (options.durable) return sync_folder(folder_of(path));
    return {};
}

Result<void> sync_folder(Path const& folder) {
    PD_CHECK(step(Step::sync_folder, folder.native()));
    int const descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return error_from_errno(errno, fmt::format("open folder {}", folder.native()));
    int const status = ::fsync(descriptor);
    int const error_number = errno;
    ::close(descriptor);
    // Some network file systems cannot fsync a folder and say EINVAL: nothing more can be done
    // there.
    if (status != 0 && error_number != EINVAL)
        return error_from_errno(error_number, fmt::format("sync folder {}", folder.native()));
    return {};
}

Result<void> rename(Path const& from, Path const& to) {
    PD_CHECK(step(Step::rename, both(from, to)));
    if (::rename(from.c_str(), to.c_str()) != 0)
        return error_from_errno(errno, fmt::format("rename {} to {}", from.native(), to.native()));
    return {};
}

Result<void> remove_file(Path const& path) {
    PD_CHECK(step(Step::remove, path.native()));
    if (::unlink(path.c_str()) != 0)
        return error_from_errno(errno, fmt::format("remove {}", path.native()));
    return {};
}

Result<void> make_folders(Path const& path, unsigned mode) {
    Path so_far;
    for (auto const& part : path) {
        so_far /= part;
        PD_CHECK(make_folder(so_far, mode));
    }
    return {};
}

Result<void> remove_tree(Path const& path) {
    unsigned moved = 0;
    return remove_below(path, path, moved);
}

bool exists(Path const& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

Result<std::uint64_t> free_bytes(Path const& folder) {
    struct statvfs status{};
    if (::statvfs(folder.c_str(), &status) != 0)
        return error_from_errno(errno, fmt::format("free space of {}", folder.native()));
    return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace perdure::system
