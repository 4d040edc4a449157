#include "system/process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include "system/file.h"
#include "system/spawn.h"

extern char** environ;

namespace perdure::system {

namespace {

constexpr std::size_t error_text_max_bytes = 64 * 1024;
constexpr std::chrono::seconds polite_wait{2};  // between SIGTERM and SIGKILL

struct Pipe {
    File read_end, write_end;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return error_from_errno(errno, "make a pipe");
    return Pipe{File(ends[0]), File(ends[1])};
}

/// A place for errors that takes 64 KiB and then refuses: whoever goes on writing there is neither
/// killed (as by a pipe that nobody reads) nor fills a disk.
Result<File> make_note() {
    File note(::memfd_create("perdure-errors", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!note.is_open()) return error_from_errno(errno, "keep a program's errors");
    bool const sized = ::ftruncate(note.descriptor(), error_text_max_bytes) == 0;
    int const seals = F_SEAL_GROW | F_SEAL_SHRINK;
    if (!sized || ::fcntl(note.descriptor(), F_ADD_SEALS, seals) != 0)
        return error_from_errno(errno, "keep a program's errors");
    return note;
}

/// Writing to a program that closed its input must be an error, not the end of this process.
class PipeSignalBlocked {
public:
    PipeSignalBlocked() {
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~PipeSignalBlocked() {
        timespec const no_wait{};
        if (seen_) ::sigtimedwait(&pipe_, nullptr, &no_wait);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    PipeSignalBlocked(PipeSignalBlocked const&) = delete;
    PipeSignalBlocked& operator=(PipeSignalBlocked const&) = delete;
    void note_broken_pipe() { seen_ = true; }

private:
    sigset_t pipe_{}, before_{};
    bool seen_ = false;
};

std::vector<std::string> merged_environment(std::vector<std::string> const& added) {
    std::vector<std::string> all = added;
    auto const is_replaced = [&](std::string_view entry) {
        std::string_view const name = entry.substr(0, entry.find('=') + 1);
        for (auto const& replacement : added)
            if (replacement.starts_with(name)) return true;
        return false;
    };
    for (char** entry = environ; *entry != nullptr; ++entry)
        if (!is_replaced(*entry)) all.emplace_back(*entry);
    return all;
}

class Child {
public:
    Child(Command& command, std::function<Result<void>(ByteView)> const& on_output)
        : command_(command), on_output_(on_output), unsent_(command.standard_input) {}
    ~Child() {
        if (pid_ > 0) {
            ::kill(-pid_, SIGKILL);
            (void)wait_for_end();
        }
    }
    Child(Child const&) = delete;
    Child& operator=(Child const&) = delete;

    Result<void> start();
    Result<void> talk(std::stop_token stop);
    void end_politely();
    Result<Exit> wait_for_end();

private:
    Result<void> start_with_bond(std::array<int, 3> const& ends);
    Result<void> spawn(std::array<int, 3> const& ends);
    Result<void> feed();
    Result<void> take_output();
    Result<void> take_errors();
    Result<void> read_note();
    Result<void> outlive(int wake, std::stop_token const& stop);

    Command& command_;
    std::function<Result<void>(ByteView)> const& on_output_;
    ByteView unsent_;
    PipeSignalBlocked signals_;
    File in_, out_, err_;
    File note_;  ///< instead of err_, see make_note
    pid_t pid_ = -1;
    Exit exit_;
};

Result<void> Child::start() {
    PD_TRY(Pipe in, make_pipe());
    Pipe out, err;
    if (command_.leaves_others) {
        int const nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (nowhere < 0) return error_from_errno(errno, "open /dev/null");
        out.write_end = File(nowhere);
        PD_TRY(err.write_end, make_note());
    } else {
        PD_TRY(out, make_pipe());
        PD_TRY(err, make_pipe());
    }
    std::array<int, 3> const ends{in.read_end.descriptor(), out.write_end.descriptor(),
                                  err.write_end.descriptor()};
    auto started = command_.ends_with_us ? start_with_bond(ends) : spawn(ends);
    // A fork may need more memory than there is, where a spawn needs none.
    if (!started && started.error().fault() == Fault::exhausted) started = spawn(ends);
    PD_CHECK(started);
    in_ = std::move(in.write_end);
    out_ = std::move(out.read_end);
    err_ = std::move(err.read_end);
    if (command_.leaves_others) note_ = std::move(err.write_end);
    ::fcntl(in_.descriptor(), F_SETFL, O_NONBLOCK);
    return {};
}

Result<void> Child::start_with_bond(std::array<int, 3> const& ends) {
    PD_TRY(pid_, start_bound({.argv = command_.argv,
                              .environment = merged_environment(command_.environment),
                              .ends = ends,
                              .working_folder = command_.working_folder}));
    return {};
}

Result<void> Child::spawn(std::array<int, 3> const& ends) {
    SpawnSetup setup;
    for (int at = 0; at < 3; ++at) {
        ::posix_spawn_file_actions_adddup2(&setup.actions, ends[static_cast<std::size_t>(at)], at);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&setup.actions, 3);
    if (!command_.working_folder.empty())
        ::posix_spawn_file_actions_addchdir_np(&setup.actions, command_.working_folder.c_str());
    sigset_t none, defaults;
    ::sigemptyset(&none);
    ::sigemptyset(&defaults);
    for (int const ignored_by_us : {SIGPIPE, SIGXFSZ}) ::sigaddset(&defaults, ignored_by_us);
    ::posix_spawnattr_setsigmask(&setup.attributes, &none);
    ::posix_spawnattr_setsigdefault(&setup.attributes, &defaults);
    ::posix_spawnattr_setpgroup(&setup.attributes, 0);
    ::posix_spawnattr_setflags(
        &setup.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<std::string> variables = merged_environment(command_.environment);
    std::vector<char*> environment = pointers_to(variables);
    std::vector<char*> arguments = pointers_to(command_.argv);
    int const error_number = ::posix_spawnp(&pid_, arguments[0], &setup.actions, &setup.attributes,
                                            arguments.data(), environment.data());
    if (error_number == 0) return {};
    pid_ = -1;
    return error_from_errno(error_number, fmt::format("run {}", command_.argv[0]));
}

Result<void> Child::feed() {
    if (!unsent_.empty()) {
        ssize_t const put = ::write(in_.descriptor(), unsent_.data(), unsent_.size());
        if (put >= 0) {
            unsent_ = unsent_.subspan(static_cast<std::size_t>(put));
        } else if (errno == EPIPE) {  // it does not want more: its exit status tells why
            signals_.note_broken_pipe();
            unsent_ = {};
        } else if (errno != EAGAIN && errno != EINTR) {
            return error_from_errno(errno, fmt::format("write to {}", command_.argv[0]));
        }
    }
    if (unsent_.empty()) return in_.close();
    return {};
}

Result<void> Child::take_output() {
    std::array<std::byte, 64 * 1024> buffer;
    PD_TRY(std::size_t const got, out_.read(buffer));
    if (got == 0) return out_.close();
    if (!on_output_) return {};
    return on_output_(ByteView(buffer.data(), got));
}

Result<void> Child::take_errors() {
    std::array<std::byte, 16 * 1024> buffer;
    PD_TRY(std::size_t const got, err_.read(buffer));
    if (got == 0) return err_.close();
    std::string& text = exit_.standard_error;
    text += as_text(ByteView(buffer.data(), got));
    if (text.size() > error_text_max_bytes) text.erase(0, text.size() - error_text_max_bytes);
    return {};
}

Result<void> Child::talk(std::stop_token stop) {
    File wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.is_open()) return error_from_errno(errno, "make an eventfd");
    std::stop_callback const on_stop(stop, [&] { ::eventfd_write(wake.descriptor(), 1); });
    PD_CHECK(feed());
    while (out_.is_open() || err_.is_open()) {
        std::array<pollfd, 4> waits{
            pollfd{wake.descriptor(), POLLIN, 0}, pollfd{in_.descriptor(), POLLOUT, 0},
            pollfd{out_.descriptor(), POLLIN, 0}, pollfd{err_.descriptor(), POLLIN, 0}};
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
            return error_from_errno(errno, "poll");
        if (stop.stop_requested())
            return fail(Fault::cancelled, fmt::format("{} was stopped", command_.argv[0]));
        if (waits[1].revents != 0) PD_CHECK(feed());
        if (waits[2].revents != 0) PD_CHECK(take_output());
        if (waits[3].revents != 0) PD_CHECK(take_errors());
    }
    PD_CHECK(in_.close());
    return outlive(wake.descriptor(), stop);
}

Result<void> Child::read_note() {
    if (!note_.is_open()) return {};
    off_t const written = ::lseek(note_.descriptor(), 0, SEEK_CUR);  // it wrote at our position
    Bytes text(static_cast<std::size_t>(std::max<off_t>(written, 0)));
    PD_TRY(std::size_t const got, note_.read_at(text, 0));
    exit_.standard_error = as_text(ByteView(text).first(got));
    return {};
}

/// Until it has ended: one that closed its output may go on for as long as it likes.
Result<void> Child::outlive(int wake, std::stop_token const& stop) {
    File const end(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!end.is_open()) return {};  // an old kernel: wait_for_end() waits, deaf to a stop
    for (;;) {
        std::array<pollfd, 2> waits{pollfd{wake, POLLIN, 0}, pollfd{end.descriptor(), POLLIN, 0}};
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
            return error_from_errno(errno, "poll");
        if (waits[1].revents != 0) return {};
        if (stop.stop_requested())
            return fail(Fault::cancelled, fmt::format("{} was stopped", command_.argv[0]));
    }
}

void Child::end_politely() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGTERM);
    auto const deadline = std::chrono::steady_clock::now() + polite_wait;
    siginfo_t info{};
    while (std::chrono::steady_clock::now() < deadline) {
        info.si_pid = 0;
        if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            info.si_pid != 0)
            break;
        timespec const nap{0, 5'000'000};
        ::nanosleep(&nap, nullptr);
    }
    // The leader is not reaped yet, so its group id cannot belong to anybody else.
    ::kill(-pid_, SIGKILL);
}

Result<Exit> Child::wait_for_end() {
    int status = 0;
    pid_t const pid = std::exchange(pid_, -1);
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return error_from_errno(errno, "wait for a program");
    PD_CHECK(read_note());
    exit_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return std::move(exit_);
}

}  // namespace

Result<Exit> run(Command command, std::function<Result<void>(ByteView)> on_output,
                 std::stop_token stop) {
    if (command.argv.empty()) return fail(Fault::invalid, "an empty command");
    if (stop.stop_requested()) return fail(Fault::cancelled, "stopped before it started");
    Child child(command, on_output);
    PD_CHECK(child.start());
    Result<void> const talked = child.talk(stop);
    if (!talked) {
        child.end_politely();
        (void)child.wait_for_end();
        return talked.error();
    }
    return child.wait_for_end();
}

}  // namespace perdure::system
