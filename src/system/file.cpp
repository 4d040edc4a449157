#include "system/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "system/step.h"

namespace perdure::system {

namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 30;  // Linux moves at most 2 GiB a call

Fault fault_of(int error_number) {
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
            return Fault::not_found;
        case EEXIST:
        case ENOTEMPTY:
            return Fault::conflict;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case EMFILE:
        case ENFILE:
        case ENOMEM:
            return Fault::exhausted;
        case EACCES:
        case EPERM:
        case EROFS:
            return Fault::denied;
        case EIO:
            return Fault::corrupt;
        case EINVAL:
        case ENAMETOOLONG:
        case EISDIR:
        case ELOOP:
            return Fault::invalid;
        case ENOSYS:
        case EOPNOTSUPP:
            return Fault::unsupported;
        default:
            return Fault::unavailable;
    }
}

Error failed(std::string_view verb, std::string const& name) {
    return error_from_errno(errno, fmt::format("{} {}", verb, name));
}

}  // namespace

Error error_from_errno(int error_number, std::string_view what) {
    return fail(fault_of(error_number), fmt::format("{}: {}", what, ::strerror(error_number)));
}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), name_(std::move(other.name_)) {}

File& File::operator=(File&& other) noexcept {
    if (this != &other) {
        if (descriptor_ >= 0) ::close(descriptor_);
        descriptor_ = std::exchange(other.descriptor_, -1);
        name_ = std::move(other.name_);
    }
    return *this;
}

File::~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<File> File::open_to_read(Path const& path) {
    int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) return failed("open", path.native());
    File file(descriptor);
    file.name_ = path.native();
    return file;
}

Result<File> File::create(Path const& path, unsigned mode) {
    PD_CHECK(step(Step::create, path.native()));
    int const descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) return failed("create", path.native());
    File file(descriptor);
    file.name_ = path.native();
    return file;
}

Result<std::uint64_t> File::size_bytes() const {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0) return failed("stat", name_);
    return static_cast<std::uint64_t>(status.st_size);
}

Result<std::size_t> File::read_at(ByteSpan into, std::uint64_t offset_bytes) const {
    std::size_t done = 0;
    while (done < into.size()) {
        ssize_t const got =
            ::pread(descriptor_, into.data() + done, std::min(into.size() - done, piece_bytes),
                    static_cast<off_t>(offset_bytes + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("read", name_);
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

Result<std::size_t> File::read(ByteSpan into) const {
    for (;;) {
        ssize_t const got = ::read(descriptor_, into.data(), std::min(into.size(), piece_bytes));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("read", name_);
        return static_cast<std::size_t>(got);
    }
}

Result<void> File::write(ByteView bytes) {
    PD_CHECK(step(Step::write, name_));
    while (!bytes.empty()) {
        ssize_t const put = ::write(descriptor_, bytes.data(), std::min(bytes.size(), piece_bytes));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed("write", name_);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
}

Result<void> File::write_at(ByteView bytes, std::uint64_t offset_bytes) {
    PD_CHECK(step(Step::write, name_));
    while (!bytes.empty()) {
        ssize_t const put = ::pwrite(descriptor_, bytes.data(), std::min(bytes.size(), piece_bytes),
                                     static_cast<off_t>(offset_bytes));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed("write", name_);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
        offset_bytes += static_cast<std::uint64_t>(put);
    }
    return {};
}

Result<void> File::sync() {
    PD_CHECK(step(Step::sync, name_));
    if (::fsync(descriptor_) != 0) return failed("sync", name_);
    return {};
}

Result<void> File::close() {
    // Linux frees the descriptor even when close fails: closing again would hit a stranger's file.
    int const descriptor = std::exchange(descriptor_, -1);
    if (descriptor >= 0 && ::close(descriptor) != 0 && errno != EINTR)
        return failed("close", name_);
    return {};
}

Result<Bytes> read_file(Path const& path, std::uint64_t max_bytes) {
    PD_TRY(File file, File::open_to_read(path));
    PD_TRY(std::uint64_t const size, file.size_bytes());
    auto const too_large = [&] {
        return fail(Fault::exhausted,
                    fmt::format("{} is larger than {} bytes", path.native(), max_bytes));
    };
    if (size > max_bytes) return too_large();
    // The size is a hint only: files below /proc say 0, and others may grow while we read.
    Bytes bytes(size);
    std::size_t filled = 0;
    for (;;) {
        if (filled == bytes.size()) {
            std::byte extra;
            PD_TRY(std::size_t const more, file.read(ByteSpan(&extra, 1)));
            if (more == 0) break;
            if (filled >= max_bytes) return too_large();
            bytes.push_back(extra);
            ++filled;
            bytes.resize(std::min<std::uint64_t>(max_bytes, filled + 65536));
            continue;
        }
        PD_TRY(std::size_t const got, file.read(ByteSpan(bytes).subspan(filled)));
        if (got == 0) break;
        filled += got;
    }
    bytes.resize(filled);
    return bytes;
}

}  // namespace perdure::system
