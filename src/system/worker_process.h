#pragma once

#include <sys/types.h>

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "system/file.h"

namespace perdure::system {

/// The end of a conversation in messages: a socket that carries length-prefixed bytes and, with a
/// message, an open file. Used on both sides. Threads: one.
class MessageSocket {
public:
    MessageSocket() = default;
    explicit MessageSocket(File socket) : socket_(std::move(socket)) {}

    struct Message {
        Bytes bytes;
        File file;  ///< the sender's, if it sent one
    };
    /// Fails: unavailable (the other side is gone), cancelled.
    Result<void> send(ByteView bytes, File const* file, std::stop_token stop);
    /// Waits at most `patience`. Fails: unavailable (the other side is gone), exhausted (patience
    /// or max_bytes), cancelled.
    Result<Message> receive(std::size_t max_bytes, std::chrono::milliseconds patience,
                            std::stop_token stop);
    bool is_open() const { return socket_.is_open(); }
    void close() { socket_ = File(); }

private:
    File socket_;
};

/// A process that is given work by messages, one after the other. Killed in the destructor.
/// Threads: one.
class WorkerProcess {
public:
    /// Starts `program` (a path) with its end of the conversation as descriptor
    /// `socket_descriptor`, no input, and what it prints thrown away. Fails: not_found.
    static constexpr int socket_descriptor = 3;
    static Result<WorkerProcess> start(Path const& program, std::vector<std::string> argv,
                                       std::vector<std::string> environment);
    WorkerProcess(WorkerProcess&& other) noexcept;
    WorkerProcess& operator=(WorkerProcess&& other) noexcept;
    ~WorkerProcess();

    MessageSocket& socket() { return socket_; }
    /// Ends it (if it did not end by itself) and says how it ended: "killed by signal 11".
    std::string end();

private:
    WorkerProcess(pid_t pid, File socket) : pid_(pid), socket_(std::move(socket)) {}
    pid_t pid_ = -1;
    MessageSocket socket_;
};

/// An unnamed file in memory with these bytes; for handing over, not for keeping.
Result<File> memory_file(ByteView bytes);
Result<void> append_to_memory_file(File& file, ByteView bytes);

}  // namespace perdure::system
