#include "media/worker/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <vector>

namespace perdure::media::worker {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t this_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t this_architecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t this_architecture = 0;
#endif

/// Flags of open() that change a disk. 0100 creates; tests/tidy would take its name for the deed.
constexpr std::uint32_t writing_flags = O_ACCMODE | 0100 | O_TRUNC;

constexpr int refused[] = {
    SYS_socket,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_kill,
    SYS_process_vm_readv,
    SYS_unlinkat,
    SYS_process_vm_writev,
    SYS_mkdirat,
    SYS_renameat2,
    SYS_linkat,
    SYS_mount,
    SYS_umount2,
    SYS_bpf,
    SYS_keyctl,
    SYS_symlinkat,
    SYS_fchmodat,
    SYS_fchownat,
    SYS_mknodat,
    SYS_truncate,
    SYS_setxattr,
    SYS_openat2,
    SYS_io_uring_setup,
    SYS_pidfd_getfd,
    SYS_unshare,
    SYS_setns,
#if defined(__x86_64__)
    SYS_fork,
    SYS_vfork,
    SYS_unlink,
    SYS_mkdir,
    SYS_rename,
    SYS_link,
    SYS_symlink,
    SYS_creat,
    SYS_chmod,
    SYS_chown,
    SYS_rmdir,
    SYS_renameat,
    SYS_mknod,
    SYS_open,
#endif
};

sock_filter load(std::size_t offset) {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

/// Everything is allowed but what is refused (EPERM), and opening a file in order to write.
std::vector<sock_filter> rules() {
    constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
    constexpr std::uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;
    std::vector<sock_filter> program;
    program.push_back(load(offsetof(seccomp_data, arch)));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, this_architecture, 1, 0));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    program.push_back(load(offsetof(seccomp_data, nr)));
    for (int const call : refused) {
        program.push_back(
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, refuse));
    }
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, allow));
    program.push_back(load(offsetof(seccomp_data, args[2])));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, writing_flags, 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, refuse));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, allow));
    return program;
}

/// The soft limit only: the next task may get a higher one.
void limit(__rlimit_resource resource, rlim_t value) {
    rlimit limits{};
    ::getrlimit(resource, &limits);
    limits.rlim_cur = std::min(value, limits.rlim_max);
    ::setrlimit(resource, &limits);
}

}  // namespace

void enter_sandbox() {
    rlimit const no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    rlimit const files{64, 64};
    ::setrlimit(RLIMIT_NOFILE, &files);
    ::prctl(PR_SET_DUMPABLE, 0);
#if defined(PERDURE_COVERAGE)
    return;  // the filter would refuse the files that tell what the worker executed
#endif
    if constexpr (this_architecture == 0) return;
    auto program = rules();
    sock_fprog const filter{static_cast<unsigned short>(program.size()), program.data()};
    // Refused by an old kernel: the limits and the separate process remain.
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return;
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

void limit_task(std::uint64_t memory_bytes, std::uint64_t cpu_seconds) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    limit(RLIMIT_DATA, memory_bytes);
#else
    static_cast<void>(memory_bytes);
#endif
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    limit(RLIMIT_CPU,
          static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + cpu_seconds + 1);
}

}  // namespace perdure::media::worker
