#include "system/durable.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "system/step.h"

namespace perdure::system {

Result<File> open_to_go_on(Path const& path, std::uint64_t keep_bytes) {
    PD_CHECK(step(Step::write, path.native()));
    int const descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) return error_from_errno(errno, fmt::format("open {}", path.native()));
    File file(descriptor);
    PD_TRY(auto const size, file.size_bytes());
    if (size < keep_bytes) {
        return fail(Fault::corrupt, fmt::format("{} has {} bytes, {} were written", path.native(),
                                                size, keep_bytes));
    }
    auto const at = static_cast<off_t>(keep_bytes);
    if (::ftruncate(descriptor, at) != 0 || ::lseek(descriptor, at, SEEK_SET) != at) {
        return error_from_errno(errno, fmt::format("cut {}", path.native()));
    }
    return file;
}

Result<void> stamp(File const& file, Timestamp modified) {
    PD_CHECK(step(Step::set_metadata, "an open file"));
    timespec const when{modified.seconds, modified.nanoseconds};
    timespec const times[2] = {when, when};
    if (::futimens(file.descriptor(), times) != 0) return error_from_errno(errno, "date a file");
    return {};
}

void start_writing_back(File const& file, std::uint64_t offset_bytes, std::uint64_t count_bytes) {
    static_cast<void>(::sync_file_range(file.descriptor(), static_cast<off64_t>(offset_bytes),
                                        static_cast<off64_t>(count_bytes), SYNC_FILE_RANGE_WRITE));
}

Result<void> sync_file_system(File const& opened) {
    PD_CHECK(step(Step::sync_folder, "a file system"));
    if (::syncfs(opened.descriptor()) == 0) return {};
    return error_from_errno(errno, "bring what was written to the disk");
}

}  // namespace perdure::system
