/*  Problem: a first backup and a restore of large files wrote each byte into the page cache, which
    cost more than sealing it (measured: 4 of 9 core-seconds for 1.5 GB), pushed out what other
    programs had there, and was waited for by the sync in the end all the same.

    1. Only whole, aligned blocks bypass the cache; the end of the file goes through it.
    2. Whoever cannot write so (EINVAL at the flag or at a write) gets ordinary writes of the same
       bytes at the same places.
    3. An error of a direct write is told at that write, not at a later sync.

    Chosen: a thread that writes while the caller decodes or seals: of 3.0 s of a restore each of
    two threads waited 0.7 s for the disk. It alone touches the flag and the file until it ended.
    Where no thread can be had, the caller writes itself.  */
#include "system/direct_append.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "system/file.h"
#include "system/step.h"

namespace perdure::system {

namespace {

/// Every block device of Linux takes writes whose place, length and memory are aligned so.
constexpr std::size_t alignment = 4096;
constexpr std::size_t piece_bytes = std::size_t{2} << 20;
constexpr std::size_t pieces_waiting = 2;

}  // namespace

void DirectAppend::Free::operator()(std::byte* bytes) const {
    ::munmap(bytes, piece_bytes);
}

/// Mapped, not allocated: memory of this alignment that comes and goes with every file tore
/// malloc's arenas apart (70 MB more in a first backup), and a page is aligned anyway.
DirectAppend::Buffer DirectAppend::new_buffer() {
    void* const pages =
        ::mmap(nullptr, piece_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    return Buffer(static_cast<std::byte*>(pages));
}

DirectAppend::DirectAppend(int descriptor, std::string what)
    : descriptor_(descriptor),
      what_(std::move(what)),
      buffer_(new_buffer()),
      full_(pieces_waiting),
      back_(pieces_waiting) {
    int const flags = ::fcntl(descriptor_, F_GETFL);
    direct_ = flags >= 0 && ::fcntl(descriptor_, F_SETFL, flags | O_DIRECT) == 0;
    if (direct_) start_writer();
}

DirectAppend::~DirectAppend() {
    stop_writer();
    through_the_cache();
}

void DirectAppend::start_writer() {
    for (std::size_t i = 0; i < pieces_waiting; ++i) back_.send({new_buffer()});
    try {
        writer_ = std::jthread([this](std::stop_token const& stop) { write_pieces(stop); });
    } catch (std::system_error const&) {
        return;  // no thread to be had: slower, no less right
    }
}

/// After a failure nothing more is written, and each buffer goes back without an error of its own.
void DirectAppend::write_pieces(std::stop_token const& stop) {
    bool failed = false;
    while (auto piece = full_.receive(stop)) {
        Written back{std::move(piece->buffer)};
        if (!failed) {
            auto const written = write(ByteView(back.buffer.get(), piece_bytes), piece->at);
            failed = !written;
            if (failed) back.failed = written.error();
        }
        back_.send(std::move(back), stop);
    }
}

void DirectAppend::stop_writer() {
    full_.close();
    if (writer_.joinable()) writer_.join();
}

void DirectAppend::through_the_cache() {
    if (!std::exchange(direct_, false)) return;
    int const flags = ::fcntl(descriptor_, F_GETFL);
    if (flags >= 0) ::fcntl(descriptor_, F_SETFL, flags & ~O_DIRECT);
}

ByteSpan DirectAppend::room() {
    return {buffer_.get() + held_, piece_bytes - held_};
}

Result<void> DirectAppend::filled(std::size_t count) {
    PD_ASSERT(count <= piece_bytes - held_);
    held_ += count;
    if (held_ < piece_bytes) return {};
    held_ = 0;
    PD_CHECK(step(Step::write, what_));
    std::uint64_t const at = std::exchange(at_, at_ + piece_bytes);
    if (!writer_.joinable()) return write(ByteView(buffer_.get(), piece_bytes), at);
    full_.send({std::move(buffer_), at});
    Written back = std::move(*back_.receive());
    buffer_ = std::move(back.buffer);
    if (back.failed) return std::move(*back.failed);
    return {};
}

Result<void> DirectAppend::finish() {
    stop_writer();
    back_.close();
    while (auto back = back_.receive()) {
        if (back->failed) return std::move(*back->failed);
    }
    through_the_cache();  // the end of a file is no whole number of blocks
    PD_CHECK(step(Step::write, what_));
    return write(ByteView(buffer_.get(), std::exchange(held_, 0)), at_);
}

Result<void> DirectAppend::write(ByteView bytes, std::uint64_t at) {
    while (!bytes.empty()) {
        ssize_t const put =
            ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EINVAL && direct_) {  // it was accepted and is not supported
            through_the_cache();
            continue;
        }
        if (put < 0) {
            error_number_ = errno;
            return error_from_errno(error_number_, "write " + what_);
        }
        auto const done = static_cast<std::size_t>(put);
        if (done % alignment != 0) through_the_cache();  // a nearly full disk cuts writes short
        bytes = bytes.subspan(done);
        at += done;
    }
    return {};
}

}  // namespace perdure::system
