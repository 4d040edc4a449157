#include "origin/files/xattr.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace perdure::origin {
namespace {

// Numbers of Linux 6.13, the same on every architecture; Debian 12's headers do not know them yet.
constexpr long call_setxattrat = 463, call_getxattrat = 464, call_listxattrat = 465,
               call_removexattrat = 466;
struct XattrArguments {
    std::uint64_t value;
    std::uint32_t size, flags;
};

std::atomic<bool> pretended_old{false};

bool has_calls() {
    static bool const known = ::syscall(call_listxattrat, AT_FDCWD, "/", 0, nullptr, 0) >= 0;
    return known && !pretended_old.load(std::memory_order_relaxed);
}

int at_flags(char const* name) {
    return AT_SYMLINK_NOFOLLOW | (*name == 0 ? AT_EMPTY_PATH : 0);
}

/// For older kernels. The last component is not followed by the l-calls; the folder itself is
/// reached through the descriptor's own link, which must be followed: so there plain calls serve.
std::string proc_path(int folder, char const* name) {
    std::string path = "/proc/self/fd/" + std::to_string(folder);
    if (*name != 0) path.append("/").append(name);
    return path;
}

ssize_t list_names(int folder, char const* name, char* into, std::size_t size) {
    if (has_calls()) return ::syscall(call_listxattrat, folder, name, at_flags(name), into, size);
    std::string const path = proc_path(folder, name);
    return *name == 0 ? ::listxattr(path.c_str(), into, size)
                      : ::llistxattr(path.c_str(), into, size);
}

ssize_t get_value(int folder, char const* name, char const* attribute, ByteSpan into) {
    if (has_calls()) {
        XattrArguments arguments{reinterpret_cast<std::uintptr_t>(into.data()),
                                 static_cast<std::uint32_t>(into.size()), 0};
        return ::syscall(call_getxattrat, folder, name, at_flags(name), attribute, &arguments,
                         sizeof arguments);
    }
    std::string const path = proc_path(folder, name);
    return *name == 0 ? ::getxattr(path.c_str(), attribute, into.data(), into.size())
                      : ::lgetxattr(path.c_str(), attribute, into.data(), into.size());
}

/// Access lists are real; the other names below "system." are views of server state.
bool worth_keeping(std::string_view name) {
    return !name.starts_with("system.") || name.starts_with("system.posix_acl_");
}

}  // namespace

int read_xattrs(int folder, char const* name, std::vector<data::Xattr>& into) {
    into.clear();
    // The kernel allocates as much as it is offered: 64 KiB each time would double the cost of a
    // walk.
    thread_local std::vector<char> names(512);
    ssize_t listed = list_names(folder, name, names.data(), names.size());
    if (listed < 0 && errno == ERANGE) {
        names.resize(65536);  // XATTR_LIST_MAX: a list is never longer
        listed = list_names(folder, name, names.data(), names.size());
        int const error = errno;
        if (listed < 0) names.resize(512);
        errno = error;
    }
    if (listed < 0) return errno;
    if (listed == 0) return 0;
    thread_local std::array<std::byte, 65536> value;  // XATTR_SIZE_MAX
    int first_error = 0;
    std::size_t left = xattr_bytes_max;
    for (char const* at = names.data(); at < names.data() + listed; at += std::strlen(at) + 1) {
        if (!worth_keeping(at)) continue;
        ssize_t got = get_value(folder, name, at, ByteSpan(value).first(512));
        if (got < 0 && errno == ERANGE) got = get_value(folder, name, at, value);
        if (got < 0 && (errno == ENODATA || errno == ENOTSUP)) continue;
        int const error = got < 0 ? errno : std::cmp_greater(got, left) ? E2BIG : 0;
        if (error != 0) {
            if (first_error == 0) first_error = error;
            continue;
        }
        left -= static_cast<std::size_t>(got);
        into.push_back({at, Bytes(value.begin(), value.begin() + got)});
    }
    if (names.size() > 512) {
        names.resize(512);
        names.shrink_to_fit();
    }
    std::sort(into.begin(), into.end());
    return first_error;
}

int write_xattr(int folder, char const* name, data::Xattr const& attribute) {
    ByteView const value = attribute.value;
    long done = 0;
    if (has_calls()) {
        XattrArguments arguments{reinterpret_cast<std::uintptr_t>(value.data()),
                                 static_cast<std::uint32_t>(value.size()), 0};
        done = ::syscall(call_setxattrat, folder, name, at_flags(name), attribute.name.c_str(),
                         &arguments, sizeof arguments);
    } else {
        std::string const path = proc_path(folder, name);
        auto const set = *name == 0 ? ::setxattr : ::lsetxattr;
        done = set(path.c_str(), attribute.name.c_str(), value.data(), value.size(), 0);
    }
    return done < 0 ? errno : 0;
}

int remove_xattr(int folder, char const* name, std::string const& attribute) {
    long done = 0;
    if (has_calls()) {
        done = ::syscall(call_removexattrat, folder, name, at_flags(name), attribute.c_str());
    } else {
        std::string const path = proc_path(folder, name);
        done = *name == 0 ? ::removexattr(path.c_str(), attribute.c_str())
                          : ::lremovexattr(path.c_str(), attribute.c_str());
    }
    return done < 0 ? errno : 0;
}

void pretend_no_xattr_calls(bool pretend) {
    pretended_old = pretend;
}

}  // namespace perdure::origin
