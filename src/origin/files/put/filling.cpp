#include "origin/files/put/filling.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "data/bytes/placement.h"
#include "origin/files/metadata.h"
#include "system/direct_append.h"
#include "system/step.h"

namespace perdure::origin {
namespace {

using data::Entry;
using system::Step;

constexpr std::size_t copy_bytes = 256 << 10;
constexpr std::uint64_t write_back_bytes = 8 << 20;

class Filling {
public:
    Filling(FileToFill const& to, Entry const& entry)
        : file_(to.file), entry_(entry), path_(to.path), durable_(to.durable), placement_(entry) {}

    Result<void> run(data::ByteSource& content) {
        PD_CHECK(check_extents());
        if (durable_ && !entry_.sparse && entry_.size >= system::DirectAppend::worth_bytes)
            return run_direct(content);
        thread_local Bytes buffer(copy_bytes);
        for (;;) {
            PD_TRY(std::size_t const got, content.read(buffer));
            if (got == 0) break;
            PD_CHECK(place(ByteView(buffer).first(got)));
        }
        if (!entry_.sparse) return {};
        if (!placement_.is_filled())
            return fail(Fault::corrupt, path_ + ": its content ends before its last extent");
        PD_CHECK(system::step(Step::write, path_));
        if (::ftruncate(file_, static_cast<off_t>(entry_.size)) == 0) return {};
        return cannot(errno, "cannot size " + path_);
    }

private:
    /// A long file that is to be on the disk in the end needs no place in the page cache.
    Result<void> run_direct(data::ByteSource& content) {
        system::DirectAppend file(file_, path_);
        for (;;) {
            PD_TRY(std::size_t const got, content.read(file.room()));
            auto const written = got == 0 ? file.finish() : file.filled(got);
            if (!written && file.error_number() != 0)
                return cannot(file.error_number(), "cannot write " + path_);
            if (!written || got == 0) return written;
        }
    }

    /// Extents come from a snapshot: in order, apart, within the size, and a size the kernel can
    /// hold.
    Result<void> check_extents() const {
        std::uint64_t end = 0;
        if (entry_.size > INT64_MAX) return fail(Fault::corrupt, path_ + ": an impossible size");
        for (data::Extent const& extent : entry_.extents) {
            if (extent.offset < end || extent.length == 0 || extent.offset > entry_.size ||
                extent.length > entry_.size - extent.offset)
                return fail(Fault::corrupt, path_ + ": extents that overlap or leave the file");
            end = extent.offset + extent.length;
        }
        return {};
    }

    Result<void> place(ByteView bytes) {
        PD_TRY(ByteView const rest,
               placement_.feed(bytes, [&](std::uint64_t offset, ByteView piece) {
                   return put(piece, offset);
               }));
        if (rest.empty()) return {};
        return fail(Fault::corrupt, path_ + ": more content than its extents hold");
    }

    Result<void> put(ByteView bytes, std::uint64_t offset) {
        PD_CHECK(system::step(Step::write, path_));
        std::uint64_t const end = offset + bytes.size();
        while (!bytes.empty()) {
            ssize_t const done =
                ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (done < 0 && errno == EINTR) continue;
            if (done < 0) return cannot(errno, "cannot write " + path_);
            bytes = bytes.subspan(static_cast<std::size_t>(done));
            offset += static_cast<std::uint64_t>(done);
        }
        if (durable_ && end - written_back_ >= write_back_bytes) {
            // Only a hint: the disk works while the next bytes are decoded. Errors show at syncfs.
            ::sync_file_range(file_, static_cast<off_t>(written_back_),
                              static_cast<off_t>(end - written_back_), SYNC_FILE_RANGE_WRITE);
            written_back_ = end;
        }
        return {};
    }

    int file_;
    Entry const& entry_;
    std::string const& path_;
    bool durable_;
    data::Placement placement_;
    std::uint64_t written_back_ = 0;  ///< the kernel was asked to write what lies before
};

}  // namespace

Result<void> fill_file(FileToFill const& to, Entry const& entry, data::ByteSource& content) {
    return Filling(to, entry).run(content);
}

}  // namespace perdure::origin
