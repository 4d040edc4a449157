#include "origin/files/below.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "data/entry.h"

namespace perdure::origin {
namespace {

// openat2 takes at most PATH_MAX bytes, so longer paths go in strides. Every stride is resolved
// beneath a folder that was itself reached beneath the root: the whole stays beneath the root.
constexpr std::size_t stride_bytes_max = 4000;

int open_stride(int folder, std::string_view path, int flags) {
    std::array<char, stride_bytes_max + 1> text;
    if (path.size() > stride_bytes_max) return -ENAMETOOLONG;
    std::memcpy(text.data(), path.data(), path.size());
    text[path.size()] = 0;
    open_how how{};
    how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC | O_NOFOLLOW));
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    for (;;) {
        long const opened = ::syscall(SYS_openat2, folder, text.data(), &how, sizeof how);
        if (opened >= 0) return static_cast<int>(opened);
        // EAGAIN: a rename somewhere raced with the resolution of ".."-free paths; try again.
        if (errno != EINTR && errno != EAGAIN) return -errno;
    }
}

}  // namespace

int open_beneath(int root, std::string_view path, int flags) {
    if (path.empty()) return open_stride(root, ".", flags);
    int folder = root;
    while (path.size() > stride_bytes_max) {
        std::size_t const cut = path.rfind('/', stride_bytes_max);
        if (cut == std::string_view::npos || cut == 0) {
            if (folder != root) ::close(folder);
            return -ENAMETOOLONG;
        }
        int const next = open_stride(folder, path.substr(0, cut), O_PATH | O_DIRECTORY);
        if (folder != root) ::close(folder);
        if (next < 0) return next;
        folder = next;
        path.remove_prefix(cut + 1);
    }
    int const opened = open_stride(folder, path, flags);
    if (folder != root) ::close(folder);
    return opened;
}

Result<system::File> open_folder_beneath(int root, std::string_view path) {
    int const opened = open_beneath(root, path, O_RDONLY | O_DIRECTORY);
    if (opened >= 0) return system::File(opened);
    std::string const shown = path.empty() ? "." : std::string(path);
    if (opened == -ELOOP || opened == -ENOTDIR || opened == -EXDEV)
        return fail(Fault::conflict,
                    shown + " is no folder of this tree (a link or a file stands there)");
    return system::error_from_errno(-opened, "cannot open the folder " + shown);
}

SplitPath split_path(std::string_view path) {
    std::size_t const cut = path.rfind('/');
    if (cut == std::string_view::npos) return {std::string_view{}, path};
    return {path.substr(0, cut), path.substr(cut + 1)};
}

Result<void> check_path(std::string_view path) {
    while (!path.empty()) {
        std::size_t const cut = path.find('/');
        PD_CHECK(data::check_component(path.substr(0, cut)));
        if (cut == std::string_view::npos) break;
        path.remove_prefix(cut + 1);
        if (path.empty()) return fail(Fault::invalid, "a path that ends in '/'");
    }
    return {};
}

}  // namespace perdure::origin
