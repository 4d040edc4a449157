/* Loaded before the C library: below the folder $FOLDING a name is taken for one that is there in
   other letters, as FAT and folders of ext4 with +F do. Such a file system cannot be mounted by
   everybody who runs the tests. Only what the program does beneath an open folder is answered so.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long raw(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (result > -4096 && result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

static int folds(int folder) {
    char const* const below = getenv("FOLDING");
    char link[64], path[PATH_MAX];
    if (below == NULL || folder < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    long const size = raw(SYS_readlink, (long)link, (long)path, sizeof path - 1, 0, 0, 0);
    if (size <= 0) return 0;
    path[size] = 0;
    size_t const length = strlen(below);
    return strncmp(path, below, length) == 0 && (path[length] == 0 || path[length] == '/');
}

/* Puts the name that is listed behind `out`, which ends where its folder does. */
static void find_listed(int folder, char* out, size_t parent, char const* name) {
    char above[PATH_MAX];
    snprintf(above, sizeof above, "%.*s", parent == 0 ? 1 : (int)parent - 1,
             parent == 0 ? "." : out);
    int const opened = (int)raw(SYS_openat, folder, (long)above, O_RDONLY | O_DIRECTORY, 0, 0, 0);
    DIR* const names = opened < 0 ? NULL : fdopendir(opened);
    if (names == NULL) return;
    for (struct dirent* entry = readdir(names); entry != NULL; entry = readdir(names))
        if (strcasecmp(entry->d_name, name) == 0) strcpy(out + parent, entry->d_name);
    closedir(names);
}

static char const* listed(int folder, char const* path, char* out) {
    int const before = errno;
    if (path == NULL || path[0] == 0 || path[0] == '/' || strlen(path) >= PATH_MAX - 300 ||
        !folds(folder)) {
        errno = before;
        return path;
    }
    size_t size = 0;
    while (*path != 0) {
        size_t const length = strcspn(path, "/");
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        strcpy(out + size, name);
        struct stat status;
        if (raw(SYS_newfstatat, folder, (long)out, (long)&status, AT_SYMLINK_NOFOLLOW, 0, 0) != 0)
            find_listed(folder, out, size, name);
        size = strlen(out);
        path += length;
        if (*path == '/') {
            out[size++] = '/';
            out[size] = 0;
            ++path;
        }
    }
    errno = before;
    return out;
}

#define NAME(folder, path) (long)listed(folder, path, (char[PATH_MAX]){0})

int fstatat(int folder, char const* path, struct stat* into, int flags) {
    return (int)raw(SYS_newfstatat, folder, NAME(folder, path), (long)into, flags, 0, 0);
}
int statx(int folder, char const* path, int flags, unsigned mask, struct statx* into) {
    return (int)raw(SYS_statx, folder, NAME(folder, path), flags, mask, (long)into, 0);
}
int openat(int folder, char const* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t const mode = va_arg(more, mode_t);
    va_end(more);
    return (int)raw(SYS_openat, folder, NAME(folder, path), flags, mode, 0, 0);
}
/* $PLAIN_RENAMES: one name takes the place of another, and they are exchanged by nobody (FUSE). */
int renameat2(int from, char const* old, int to, char const* path, unsigned flags) {
    if (flags != 0 && getenv("PLAIN_RENAMES") != NULL) {
        errno = EINVAL;
        return -1;
    }
    return (int)raw(SYS_renameat2, from, NAME(from, old), to, NAME(to, path), flags, 0);
}
int unlinkat(int folder, char const* path, int flags) {
    return (int)raw(SYS_unlinkat, folder, NAME(folder, path), flags, 0, 0, 0);
}
int mkdirat(int folder, char const* path, mode_t mode) {
    return (int)raw(SYS_mkdirat, folder, NAME(folder, path), mode, 0, 0, 0);
}
int linkat(int from, char const* old, int to, char const* path, int flags) {
    return (int)raw(SYS_linkat, from, NAME(from, old), to, NAME(to, path), flags, 0);
}
int faccessat(int folder, char const* path, int mode, int flags) {
    return (int)raw(SYS_faccessat2, folder, NAME(folder, path), mode, flags, 0, 0);
}
ssize_t readlinkat(int folder, char const* path, char* into, size_t size) {
    return raw(SYS_readlinkat, folder, NAME(folder, path), (long)into, (long)size, 0, 0);
}
long syscall(long number, ...) {
    va_list more;
    va_start(more, number);
    long at[6];
    for (int i = 0; i < 6; ++i) at[i] = va_arg(more, long);
    va_end(more);
    if (number == SYS_openat2) at[1] = NAME((int)at[0], (char const*)at[1]);
    return raw(number, at[0], at[1], at[2], at[3], at[4], at[5]);
}
