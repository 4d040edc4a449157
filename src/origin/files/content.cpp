#include "origin/files/content.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "origin/files/below.h"
#include "origin/files/stat.h"
#include "origin/files/xattr.h"

namespace perdure::origin {
namespace {

constexpr std::uint64_t read_ahead_bytes_max = 1u << 20;

class OpenFile final : public data::ByteSource {
public:
    OpenFile(system::File file, std::string name, std::vector<data::Extent> extents, bool sparse)
        : file_(std::move(file)),
          name_(std::move(name)),
          extents_(std::move(extents)),
          sparse_(sparse) {}

    Result<void> look() {
        struct statx status{};
        if (int const error = stat_at(file_.descriptor(), "", status))
            return system::error_from_errno(error, "cannot stat " + name_);
        if (!S_ISREG(status.stx_mode))
            return fail(Fault::not_found, name_ + " is no regular file any more");
        size_ = status.stx_size;
        stamp_later_writes();
        // Whoever opens some files before reading the first has the disk bring them all at once.
        if (size_ <= read_ahead_bytes_max)
            (void)::posix_fadvise(file_.descriptor(), 0, static_cast<off_t>(size_),
                                  POSIX_FADV_WILLNEED);
        return {};
    }

    Result<std::size_t> read(ByteSpan into) override {
        return sparse_ ? read_extents(into) : read_plain(into);
    }

    Result<data::Entry> entry_after_reading() override {
        struct statx status{};
        if (int const error = stat_at(file_.descriptor(), "", status))
            return system::error_from_errno(error, "cannot stat " + name_);
        data::Entry entry = entry_from(status);
        entry.name = std::string(split_path(name_).name);
        read_xattrs(file_.descriptor(), "", entry.xattrs);
        // The extents that were read, not those of now: the content is these, joined.
        entry.sparse = sparse_;
        entry.extents = extents_;
        return entry;
    }

private:
    /// Through a mapping, only the first write to a clean page is stamped: what a program writes to
    /// one that is dirty already would keep the times of what is read here, for ever. Written
    /// back, pages are clean, and the next write shows. (A tmpfs has nothing to write back to.)
    void stamp_later_writes() {
        (void)::sync_file_range(file_.descriptor(), 0, 0,
                                SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
    }

    Result<std::size_t> fill(ByteSpan into, std::uint64_t offset) {
        std::size_t done = 0;
        while (done < into.size()) {
            ssize_t const got = ::pread(file_.descriptor(), into.data() + done, into.size() - done,
                                        static_cast<off_t>(offset + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return system::error_from_errno(errno, "cannot read " + name_);
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
            // A file that ends where its size said needs no second read to learn that it ends: for
            // small files that is a fifth of all calls. Growth shows in entry_after_reading.
            if (!sparse_ && offset + done == size_) break;
        }
        return done;
    }

    Result<std::size_t> read_plain(ByteSpan into) {
        // Those of the kernel, and of some network file systems, say 0 and hold more.
        if (size_ > 0 && at_ >= size_) return std::size_t{0};
        PD_TRY(std::size_t const got, fill(into, at_));
        at_ += got;
        return got;
    }

    Result<std::size_t> read_extents(ByteSpan into) {
        std::size_t done = 0;
        while (done < into.size() && extent_ < extents_.size()) {
            data::Extent const& extent = extents_[extent_];
            std::uint64_t const left = extent.length - at_;
            auto const want =
                static_cast<std::size_t>(std::min<std::uint64_t>(left, into.size() - done));
            PD_TRY(std::size_t const got, fill(into.subspan(done, want), extent.offset + at_));
            if (got < want) {  // cut short while being read; entry_after_reading tells
                extent_ = extents_.size();
                return done + got;
            }
            done += got;
            at_ += got;
            if (at_ == extent.length) {
                at_ = 0;
                ++extent_;
            }
        }
        return done;
    }

    system::File file_;
    std::string name_;
    std::vector<data::Extent> extents_;
    bool sparse_;
    std::uint64_t size_ = 0, at_ = 0;
    std::size_t extent_ = 0;
};

class FileContent final : public data::Content {
public:
    FileContent(Root root, std::string path, bool sparse)
        : root_(std::move(root)), path_(std::move(path)), sparse_(sparse) {}

    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token stop) override {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(system::File file, open_file_beneath(root_->descriptor(), path_));
        if (!sparse_) return read_open_file(std::move(file), path_, {}, false);
        // Holes are filled and files grow between the walk and the reading: what the walk saw of
        // them must not decide what is read. Whoever reads asks entry_after_reading for these.
        struct statx status{};
        if (int const error = stat_at(file.descriptor(), "", status))
            return system::error_from_errno(error, "cannot stat " + path_);
        data::Entry now = entry_from(status);
        if (may_be_sparse(status)) find_extents(file.descriptor(), now);
        return read_open_file(std::move(file), path_, std::move(now.extents), now.sparse);
    }

private:
    Root root_;
    std::string path_;
    bool sparse_;
};

}  // namespace

Result<system::File> open_file_beneath(int root, std::string const& path) {
    // O_NONBLOCK: should a FIFO stand here by now, nobody waits for its other end.
    int const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
    int opened = open_beneath(root, path, flags | O_NOATIME);
    if (opened == -EPERM) opened = open_beneath(root, path, flags);  // not ours: atime may change
    if (opened >= 0) return system::File(opened);
    if (opened == -ELOOP || opened == -ENXIO)
        return fail(Fault::not_found, path + " is no regular file any more");
    return system::error_from_errno(-opened, "cannot open " + path);
}

Result<std::unique_ptr<data::ByteSource>> read_open_file(system::File file, std::string name,
                                                         std::vector<data::Extent> extents,
                                                         bool sparse) {
    auto source =
        std::make_unique<OpenFile>(std::move(file), std::move(name), std::move(extents), sparse);
    PD_CHECK(source->look());
    return source;
}

std::shared_ptr<data::Content> file_content(Root root, std::string path, data::Entry const& entry) {
    return std::make_shared<FileContent>(std::move(root), std::move(path), entry.sparse);
}

}  // namespace perdure::origin
