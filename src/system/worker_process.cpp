#include "system/worker_process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "system/spawn.h"

extern char** environ;

namespace perdure::system {

namespace {

using Clock = std::chrono::steady_clock;

/// Waits until the socket is ready, a stop is asked for, or the deadline passes.
class Waiting {
public:
    Waiting(int descriptor, std::optional<Clock::time_point> deadline, std::stop_token stop)
        : descriptor_(descriptor),
          deadline_(deadline),
          stop_(std::move(stop)),
          wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          on_stop_(stop_, Wake{wake_.descriptor()}) {}

    Result<void> until(short events) {
        while (true) {
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped while waiting");
            int wait_ms = -1;
            if (deadline_) {
                auto const left =
                    std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
                if (left.count() <= 0) return fail(Fault::exhausted, "it took too long");
                wait_ms = static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30));
            }
            std::array<pollfd, 2> waits{pollfd{wake_.descriptor(), POLLIN, 0},
                                        pollfd{descriptor_, events, 0}};
            if (::poll(waits.data(), waits.size(), wait_ms) < 0 && errno != EINTR) {
                return error_from_errno(errno, "poll");
            }
            if (waits[1].revents != 0) return {};
        }
    }

private:
    struct Wake {
        int descriptor;
        void operator()() const { ::eventfd_write(descriptor, 1); }
    };
    int descriptor_;
    std::optional<Clock::time_point> deadline_;
    std::stop_token stop_;
    File wake_;
    std::stop_callback<Wake> on_stop_;
};

Error gone() {
    return fail(Fault::unavailable, "the other side of the conversation is gone");
}

bool try_again() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/// A file travels with the first byte of a message.
ssize_t send_with_file(int socket, ByteView bytes, int file) {
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &file, sizeof file);
    return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t receive_with_file(int socket, ByteSpan into, File& file) {
    iovec part{into.data(), into.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t const got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0) return got;
    auto* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
        file = File(descriptor);
    }
    return got;
}

Result<void> receive_all(int socket, ByteSpan into, File& file, Waiting& waiting) {
    while (!into.empty()) {
        ssize_t const got = receive_with_file(socket, into, file);
        if (got > 0) {
            into = into.subspan(static_cast<std::size_t>(got));
        } else if (got == 0 || !try_again()) {
            return gone();
        } else {
            PD_CHECK(waiting.until(POLLIN));
        }
    }
    return {};
}

}  // namespace

Result<void> MessageSocket::send(ByteView bytes, File const* file, std::stop_token stop) {
    Bytes framed(sizeof(std::uint64_t));
    std::uint64_t const size = bytes.size();
    std::memcpy(framed.data(), &size, sizeof size);
    append(framed, bytes);
    ByteView left = framed;
    Waiting waiting(socket_.descriptor(), std::nullopt, std::move(stop));
    while (!left.empty()) {
        ssize_t const put = file != nullptr && left.size() == framed.size()
                                ? send_with_file(socket_.descriptor(), left, file->descriptor())
                                : ::send(socket_.descriptor(), left.data(), left.size(),
                                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put > 0) {
            left = left.subspan(static_cast<std::size_t>(put));
        } else if (!try_again()) {
            return gone();
        } else {
            PD_CHECK(waiting.until(POLLOUT));
        }
    }
    return {};
}

Result<MessageSocket::Message> MessageSocket::receive(std::size_t max_bytes,
                                                      std::chrono::milliseconds patience,
                                                      std::stop_token stop) {
    Message message;
    Waiting waiting(socket_.descriptor(), Clock::now() + patience, std::move(stop));
    std::uint64_t size = 0;
    PD_CHECK(receive_all(socket_.descriptor(), std::as_writable_bytes(std::span(&size, 1)),
                         message.file, waiting));
    if (size > max_bytes) return fail(Fault::exhausted, "a message larger than agreed");
    message.bytes.resize(size);
    PD_CHECK(receive_all(socket_.descriptor(), message.bytes, message.file, waiting));
    return message;
}

namespace {}  // namespace

Result<WorkerProcess> WorkerProcess::start(Path const& program, std::vector<std::string> argv,
                                           std::vector<std::string> environment) {
    PD_ASSERT(!argv.empty());
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return error_from_errno(errno, "make a pair of sockets");
    }
    File ours(ends[0]), theirs(ends[1]);
    SpawnSetup setup;
    auto* actions = &setup.actions;
    ::posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(actions, 0, 1);
    ::posix_spawn_file_actions_adddup2(actions, 0, 2);
    ::posix_spawn_file_actions_adddup2(actions, theirs.descriptor(), socket_descriptor);
    ::posix_spawn_file_actions_addclosefrom_np(actions, socket_descriptor + 1);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&setup.attributes, &none);
    ::posix_spawnattr_setsigdefault(&setup.attributes, &all);
    // A group of its own: Ctrl-C at a terminal is ours to handle.
    ::posix_spawnattr_setpgroup(&setup.attributes, 0);
    ::posix_spawnattr_setflags(
        &setup.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
    auto variables = pointers_to(environment);
    auto arguments = pointers_to(argv);
    pid_t pid = -1;
    int const error_number = ::posix_spawn(&pid, program.c_str(), actions, &setup.attributes,
                                           arguments.data(), variables.data());
    if (error_number != 0)
        return error_from_errno(error_number, fmt::format("run {}", program.string()));
    return WorkerProcess(pid, std::move(ours));
}

WorkerProcess::WorkerProcess(WorkerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::move(other.socket_)) {}

WorkerProcess& WorkerProcess::operator=(WorkerProcess&& other) noexcept {
    if (this != &other) {
        end();
        pid_ = std::exchange(other.pid_, -1);
        socket_ = std::move(other.socket_);
    }
    return *this;
}

WorkerProcess::~WorkerProcess() {
    end();
}

std::string WorkerProcess::end() {
    socket_.close();
    pid_t const pid = std::exchange(pid_, -1);
    if (pid <= 0) return "ended";
    int status = 0;
    // One that ended by itself keeps its own status; SIGKILL to a zombie changes nothing.
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return "lost";
    }
    if (WIFSIGNALED(status)) return fmt::format("killed by signal {}", WTERMSIG(status));
    return fmt::format("ended with status {}", WEXITSTATUS(status));
}

Result<File> memory_file(ByteView bytes) {
    File file(::memfd_create("perdure", MFD_CLOEXEC));
    if (!file.is_open()) return error_from_errno(errno, "make a file in memory");
    PD_CHECK(append_to_memory_file(file, bytes));
    return file;
}

Result<void> append_to_memory_file(File& file, ByteView bytes) {
    while (!bytes.empty()) {
        ssize_t const put = ::write(file.descriptor(), bytes.data(), bytes.size());
        if (put < 0 && errno != EINTR) return error_from_errno(errno, "fill a file in memory");
        if (put > 0) bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
}

}  // namespace perdure::system
