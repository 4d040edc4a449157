#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace perdure::system {

using Path = std::filesystem::path;

/// The Fault that fits an errno, with its text: ENOENT not_found, EEXIST conflict, ENOSPC and
/// EDQUOT exhausted, EACCES and EPERM denied, EIO corrupt… `what` says what was tried.
Error error_from_errno(int error_number, std::string_view what);

/// An open file descriptor. Closing in the destructor ignores errors: writers call close().
class File {
public:
    File() = default;
    explicit File(int descriptor) : descriptor_(descriptor) {}
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;
    ~File();

    static Result<File> open_to_read(Path const& path);
    /// Creates; fails: conflict when it exists.
    static Result<File> create(Path const& path, unsigned mode = 0600);

    int descriptor() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }
    Result<std::uint64_t> size_bytes() const;
    /// Fills `into` from offset; fewer bytes only at the end of the file.
    Result<std::size_t> read_at(ByteSpan into, std::uint64_t offset_bytes) const;
    /// Reads the next bytes (0 at the end).
    Result<std::size_t> read(ByteSpan into) const;
    Result<void> write(ByteView bytes);
    Result<void> write_at(ByteView bytes, std::uint64_t offset_bytes);
    Result<void> sync();
    Result<void> close();

private:
    int descriptor_ = -1;
    std::string name_;
};

/// Reads a whole file. Fails: exhausted when it is larger than max_bytes.
Result<Bytes> read_file(Path const& path, std::uint64_t max_bytes);

struct WriteOptions {
    bool replace = true;  ///< false: fails with conflict when the name exists, atomically
    bool durable = true;  ///< fsync the file and its folder
    unsigned mode = 0600;
};
/// Writes through a temporary name in the same folder, fsync, rename (or link for replace = false),
/// fsync of the folder. After a crash the name holds the old bytes or the new, never a part.
Result<void> write_file(Path const& path, ByteView bytes, WriteOptions options = {});

Result<void> sync_folder(Path const& folder);
Result<void> rename(Path const& from, Path const& to);
/// Fails: conflict, when `to` exists; decided by the kernel, so exactly one of many callers wins.
Result<void> rename_without_replacing(Path const& from, Path const& to);
Result<void> remove_file(Path const& path);
Result<void> make_folders(Path const& path, unsigned mode = 0700);
/// Removes a folder and all below it; not_found is success.
Result<void> remove_tree(Path const& path);
bool exists(Path const& path);
Result<std::uint64_t> free_bytes(Path const& folder);

/// A private folder that is removed with its contents in the destructor.
class ScratchFolder {
public:
    /// Below `parent`, or below TMPDIR when empty. Mode 0700.
    static Result<ScratchFolder> create(Path const& parent = {});
    ScratchFolder(ScratchFolder&& other) noexcept;
    ScratchFolder& operator=(ScratchFolder&& other) noexcept;
    ~ScratchFolder();
    Path const& path() const { return path_; }

private:
    explicit ScratchFolder(Path path) : path_(std::move(path)) {}
    Path path_;
};

}  // namespace perdure::system
