// posix_spawn cannot ask for a signal at its parent's death, so this forks. Between fork and exec
// the child has one thread of many, and others may have held any lock: only calls that are safe in
// a signal handler stand there, and what they need is made before.

#include "system/spawn.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "system/file.h"

namespace perdure::system {
namespace {

/// Where execvp would look, in its order.
std::vector<std::string> candidates_of(std::string const& program) {
    if (program.find('/') != std::string::npos) return {program};
    char const* const given = ::getenv("PATH");
    std::string_view rest = given != nullptr ? given : "/usr/bin:/bin";
    std::vector<std::string> out;
    for (;;) {
        auto const cut = rest.find(':');
        std::string folder(rest.substr(0, cut));
        out.push_back((folder.empty() ? "." : folder) + "/" + program);
        if (cut == std::string_view::npos) return out;
        rest.remove_prefix(cut + 1);
    }
}

struct Prepared {
    std::vector<char*> candidates, arguments, environment;  ///< each ends with null
    std::array<File, 3> ends;                               ///< all above 2
    char const* folder = nullptr;
    pid_t parent = 0;
    int report = -1;
};

// GCOVR_EXCL_START: runs between fork and exec only, and what was counted there is gone with exec.
/// Handlers of ours must not run in the child: some write to what it shares with us.
void take_default_signals() {
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction now{};
        if (::sigaction(number, nullptr, &now) != 0) continue;
        bool const kept = now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN;
        if (kept && number != SIGPIPE && number != SIGXFSZ) continue;
        struct sigaction plain{};
        plain.sa_handler = SIG_DFL;
        ::sigaction(number, &plain, nullptr);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// In the child. Returns only when it cannot become the program: errno tells.
void become(Prepared const& prepared) {
    ::setpgid(0, 0);
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return;
    // Our parent ended before that took effect: nobody would send the signal any more.
    if (::getppid() != prepared.parent) ::_exit(127);
    for (int at = 0; at < 3; ++at) {
        if (::dup2(prepared.ends[static_cast<std::size_t>(at)].descriptor(), at) < 0) return;
    }
    // All of ours close at exec by themselves; this is for those that libraries opened.
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    if (prepared.folder != nullptr && ::chdir(prepared.folder) != 0) return;
    take_default_signals();
    int error = ENOENT;
    for (char* const candidate : prepared.candidates) {
        if (candidate == nullptr) break;
        ::execve(candidate, prepared.arguments.data(), prepared.environment.data());
        bool const elsewhere = errno == ENOENT || errno == ENOTDIR || errno == EACCES;
        if (errno == EACCES || !elsewhere) error = errno;
        if (!elsewhere) break;
    }
    errno = error;
}
// GCOVR_EXCL_STOP

/// Empty: the program runs. Else the errno that the child left.
Result<int> read_report(int report) {
    int why = 0;
    for (;;) {
        ssize_t const got = ::read(report, &why, sizeof why);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return error_from_errno(errno, "start a program");
        return got == sizeof why ? why : 0;
    }
}

}  // namespace

Result<pid_t> start_bound(BoundStart start) {
    std::array<int, 2> report{};
    if (::pipe2(report.data(), O_CLOEXEC) != 0) return error_from_errno(errno, "make a pipe");
    File const answer(report[0]);
    File telling(report[1]);
    std::vector<std::string> candidates = candidates_of(start.argv.at(0));
    Prepared prepared{.candidates = pointers_to(candidates),
                      .arguments = pointers_to(start.argv),
                      .environment = pointers_to(start.environment)};
    for (std::size_t at = 0; at < prepared.ends.size(); ++at) {
        // Above 2, so that no dup2 overwrites one that is still needed.
        int const above = ::fcntl(start.ends[at], F_DUPFD_CLOEXEC, 3);
        if (above < 0) return error_from_errno(errno, "start a program");
        prepared.ends[at] = File(above);
    }
    if (!start.working_folder.empty()) prepared.folder = start.working_folder.c_str();
    prepared.parent = ::getpid();
    prepared.report = ::fcntl(telling.descriptor(), F_DUPFD_CLOEXEC, 3);
    if (prepared.report < 0) return error_from_errno(errno, "start a program");
    File reporting(prepared.report);

    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t const pid = ::fork();
    int const forked = errno;
    if (pid == 0) {  // GCOVR_EXCL_START: the child, as above
        become(prepared);
        int const why = errno;
        (void)!::write(prepared.report, &why, sizeof why);
        ::_exit(127);
    }  // GCOVR_EXCL_STOP
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return error_from_errno(forked, fmt::format("run {}", start.argv[0]));
    PD_CHECK(telling.close());
    PD_CHECK(reporting.close());
    auto const why = read_report(answer.descriptor());
    if (why && *why == 0) return pid;
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (!why) return why.error();
    return error_from_errno(*why, fmt::format("run {}", start.argv[0]));
}

}  // namespace perdure::system
