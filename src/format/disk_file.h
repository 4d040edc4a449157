#pragma once

#include <functional>
#include <memory>

#include "format/disk_tree.h"

namespace perdure::format {

/// What a checkpoint has to remember of a file on disk.
struct DiskPosition {
    std::uint64_t size_bytes = 0;
    Timestamp modified;
};

/// A file of a tree on disk, written through a buffer. Threads: one.
class DiskFile {
public:
    DiskFile(system::File file, DiskPosition position);
    Result<void> write(ByteView bytes);
    Result<void> patch(std::uint64_t offset_bytes, ByteView bytes);
    Result<std::size_t> read_at(ByteSpan into, std::uint64_t offset_bytes);
    /// After it the file on disk holds everything.
    Result<void> flush();
    Result<void> sync();
    /// Everything is written, with its date; nothing more may be.
    Result<void> settle();
    Result<void> close();
    /// With what waits in the buffer.
    DiskPosition position() const;

private:
    void write_back();

    system::File file_;
    std::uint64_t flushed_bytes_ = 0, on_its_way_bytes_ = 0;
    Timestamp modified_;
    Bytes waiting_;
};

/// A file as a writer holds it; `finish` is what ends it.
std::unique_ptr<Output> output_on(std::shared_ptr<DiskFile> file,
                                  std::function<Result<void>()> finish);
std::unique_ptr<Spool> spool_on(std::shared_ptr<DiskFile> file);

}  // namespace perdure::format
