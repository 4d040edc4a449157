#include "origin/files/target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "data/bytes/placement.h"
#include "origin/files/below.h"
#include "origin/files/leftovers.h"
#include "origin/files/metadata.h"
#include "origin/files/stat.h"
#include "origin/files/xattr.h"
#include "system/direct_append.h"
#include "system/durable.h"
#include "system/memory.h"
#include "system/random.h"
#include "system/step.h"

// The problem: put names and bytes of an untrusted snapshot onto a disk where others may be at
// work, without ever touching anything outside the target folder, and without half-written files.
//
// 0. The root is a folder, never a link to one.
// 1. Every path is resolved beneath the root with no link followed (open_beneath), component names
//    checked first; the last component is only ever created, renamed over or linked, never opened.
// 2. A file appears under its name complete: written under a temporary name in its folder, with its
//    metadata, then renamed (RENAME_NOREPLACE unless overwrite). An existing file is never written
//    into, so a planted hard link cannot lead outside either.
// 3. A folder is never removed; a file, link or device is replaced only with overwrite.
// 4. Folders stay private (0700) until finish_folder gives them their mode: nobody plants names in
//    a folder that is being filled.
// 5. Flags that lock (immutable, append only) come after everything else, at the root's finish.
// 6. Temporary names of a process that was killed go when the next one may overwrite here. Whoever
//    fills a folder holds a shared lock on it, which the kernel gives back whatever happens.
// 7. One syncfs at the root's finish (when durable) instead of an fsync for every file; the bytes
//    of large files are on their way to the disk by then.
//
// Rejected: O_TMPFILE + linkat (ext4 puts every such file on its orphan list: slower than a
// rename); writing small files directly under their name (a crash would leave them cut short).

namespace perdure::origin {
namespace {

using data::Entry;
using data::EntryKind;
using system::Step;

constexpr std::size_t copy_bytes = 256 << 10;
constexpr std::uint64_t write_back_bytes = 8 << 20;
constexpr std::size_t folders_open_max = 64;
constexpr std::size_t refused_named_max = 1000;

struct Place {
    std::shared_ptr<system::File> folder;  ///< the parent
    std::string name;
};

class FilesTarget final : public data::TreeTarget {
public:
    FilesTarget(TargetOptions options, system::File root)
        : options_(std::move(options)), root_(std::move(root)) {
        temporary_prefix_ = temporary_prefix();
        struct stat status{};
        ::fstat(root_.descriptor(), &status);
        if (options_.overwrite && (status.st_mode & 0700) != 0700)
            ::fchmod(root_.descriptor(), (status.st_mode & 07777) | 0700);
        // What the root hands down to new names must be undone where the entry says otherwise.
        metadata_.owners = options_.owners;
        metadata_.special = options_.special_files;
        metadata_.inherits_group = (status.st_mode & S_ISGID) != 0 || options_.overwrite;
        metadata_.strip_xattrs = options_.overwrite || inherits_access_list();
    }
    ~FilesTarget() override { apply_locking_flags(); }

    Result<void> make_folder(std::string const& path, Entry const& entry) override {
        return named(path, put_folder(path, entry));
    }
    Result<void> write_file(std::string const& path, Entry const& entry,
                            data::ByteSource& content) override {
        return named(path, put_file(path, entry, content));
    }
    Result<void> make_other(std::string const& path, Entry const& entry) override {
        return named(path, put_other(path, entry));
    }
    Result<void> finish_folder(std::string const& path, Entry const& entry) override;
    std::vector<data::Problem> take_problems() override;

private:
    Result<void> put_folder(std::string const& path, Entry const& entry);
    Result<void> put_file(std::string const& path, Entry const& entry, data::ByteSource& content);
    Result<void> put_other(std::string const& path, Entry const& entry);
    Result<void> named(std::string const& path, Result<void> done);
    bool inherits_access_list() const;
    Result<Place> locate(std::string const& path);
    Result<void> settle(Place const& place, std::string const& temporary, std::string const& path);
    Result<void> make_node(Place const& place, std::string const& name, std::string const& path,
                           Entry const& entry, bool& skipped);
    Result<void> make_link(Place const& place, std::string const& name, std::string const& path,
                           Entry const& entry);
    std::string temporary_name() { return temporary_prefix_ + std::to_string(temporary_++); }
    void remember_locking_flags(std::string const& path, Entry const& entry);
    void apply_locking_flags();

    TargetOptions options_;
    system::File root_;
    MetadataOptions metadata_;
    std::string temporary_prefix_;
    std::atomic<std::uint64_t> temporary_ = 0;
    Shortfalls shortfalls_;
    std::mutex mutex_;  ///< of what follows
    std::size_t const folders_open_ = system::descriptors_for(folders_open_max);
    std::unordered_map<std::string, std::shared_ptr<system::File>> folders_;
    std::vector<std::pair<std::string, std::uint32_t>> locking_flags_;
    std::vector<data::Problem> refused_;
    std::size_t refused_total_ = 0;
};

/// Keeps what was refused for take_problems.
Result<void> FilesTarget::named(std::string const& path, Result<void> done) {
    if (done || done.error().fault() != Fault::unsupported || done.error().code() != 3) return done;
    std::lock_guard lock(mutex_);
    ++refused_total_;
    if (refused_.size() < refused_named_max) refused_.push_back({path, done.error().message()});
    return done;
}

std::vector<data::Problem> FilesTarget::take_problems() {
    std::vector<data::Problem> problems = shortfalls_.take();
    std::lock_guard lock(mutex_);
    if (refused_total_ > refused_.size())
        refused_.back().reason +=
            " (and " + std::to_string(refused_total_ - refused_.size()) + " more)";
    problems.insert(problems.end(), refused_.begin(), refused_.end());
    refused_.clear();
    refused_total_ = 0;
    return problems;
}

bool FilesTarget::inherits_access_list() const {
    std::vector<data::Xattr> xattrs;
    read_xattrs(root_.descriptor(), "", xattrs);
    for (data::Xattr const& attribute : xattrs)
        if (attribute.name == "system.posix_acl_default") return true;
    return false;
}

/// Checks the path and opens its parent, which must be a real folder beneath the root.
Result<Place> FilesTarget::locate(std::string const& path) {
    PD_CHECK(check_path(path));
    if (path.empty()) return fail(Fault::invalid, "the root can only be a folder");
    auto const [parent, name] = split_path(path);
    std::string key(parent);
    {
        std::lock_guard lock(mutex_);
        if (auto const found = folders_.find(key); found != folders_.end())
            return Place{found->second, std::string(name)};
    }
    PD_TRY(system::File opened, open_folder_beneath(root_.descriptor(), key));
    auto folder = std::make_shared<system::File>(std::move(opened));
    std::lock_guard lock(mutex_);
    if (folders_.size() >= folders_open_) folders_.clear();
    folders_[key] = folder;
    return Place{std::move(folder), std::string(name)};
}

/// Gives a finished temporary name its real one.
Result<void> FilesTarget::settle(Place const& place, std::string const& temporary,
                                 std::string const& path) {
    int const folder = place.folder->descriptor();
    auto stepped = system::step(Step::rename, path);
    int error = 0;
    if (stepped) {
        unsigned const flags = options_.overwrite ? 0 : RENAME_NOREPLACE;
        if (::renameat2(folder, temporary.c_str(), folder, place.name.c_str(), flags) == 0)
            return {};
        error = errno;
        if (error == EINVAL && flags != 0) {
            // A file system without RENAME_NOREPLACE: a link does not replace either.
            if (::linkat(folder, temporary.c_str(), folder, place.name.c_str(), 0) == 0)
                error = 0;
            else if (errno != EPERM)  // no links either: then it was the name
                error = errno;
        }
    }
    ::unlinkat(folder, temporary.c_str(), 0);
    if (!stepped) return stepped;
    if (error == 0) return {};
    bool const folder_there = error == EISDIR || error == ENOTEMPTY;
    if (options_.overwrite && folder_there) {
        // What a whole folder holds is more than one file may replace.
        return fail(Fault::unsupported, path + ": a folder lies in its place and was left alone")
            .with_code(3)
            .with_fix("move that folder away, then restore this path again");
    }
    if (error == EEXIST || error == EISDIR || error == ENOTEMPTY)
        return taken(folder, place.name, path);
    return cannot(error, "cannot create " + path);
}

Result<void> FilesTarget::put_folder(std::string const& path, Entry const& entry) {
    if (entry.kind != EntryKind::folder) return fail(Fault::invalid, path + " is no folder");
    if (path.empty()) return {};  // open since the beginning
    PD_TRY(Place const place, locate(path));
    PD_CHECK(system::step(Step::make_folder, path));
    int const folder = place.folder->descriptor();
    char const* name = place.name.c_str();
    if (::mkdirat(folder, name, 0700) == 0) return {};
    if (errno != EEXIST) return cannot(errno, "cannot make the folder " + path);
    if (!options_.overwrite) return taken(folder, place.name, path);
    struct stat status{};
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode)) {
        if ((status.st_mode & 0700) != 0700)  // read-only, as it came back before
            ::fchmodat(folder, name, (status.st_mode & 07777) | 0700, AT_SYMLINK_NOFOLLOW);
        return {};
    }
    PD_CHECK(system::step(Step::remove, path));  // a file or a link: replaced, never followed
    if (::unlinkat(folder, name, 0) == 0 && ::mkdirat(folder, name, 0700) == 0) return {};
    return system::error_from_errno(errno, "cannot make the folder " + path);
}

/// Takes the content in pieces and puts each where it belongs.
class Filling {
public:
    Filling(int file, Entry const& entry, std::string const& path, bool durable)
        : file_(file), entry_(entry), path_(path), durable_(durable), placement_(entry) {}

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

Result<void> FilesTarget::put_file(std::string const& path, Entry const& entry,
                                   data::ByteSource& content) {
    if (entry.kind != EntryKind::file) return fail(Fault::invalid, path + " is no file");
    PD_TRY(Place const place, locate(path));
    int const folder = place.folder->descriptor();
    std::string const temporary = temporary_name();
    PD_CHECK(system::step(Step::create, path));
    int const opened = ::openat(folder, temporary.c_str(),
                                O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (opened < 0) return system::error_from_errno(errno, "cannot create " + path);
    system::File file(opened);
    auto written = Filling(opened, entry, path, options_.durable).run(content);
    if (written) written = apply_metadata({opened, "", path}, entry, metadata_, shortfalls_);
    if (written) apply_flags(opened, entry.flags & ~flags_that_lock, path, shortfalls_);
    if (written) written = file.close();  // a failed close is lost data
    if (!written) {
        ::unlinkat(folder, temporary.c_str(), 0);
        return written;
    }
    PD_CHECK(settle(place, temporary, path));
    remember_locking_flags(path, entry);
    return {};
}

Result<void> FilesTarget::make_link(Place const& place, std::string const& name,
                                    std::string const& path, Entry const& entry) {
    PD_TRY(Place const first, locate(entry.same_as));
    PD_CHECK(system::step(Step::link, path));
    if (::linkat(first.folder->descriptor(), first.name.c_str(), place.folder->descriptor(),
                 name.c_str(), 0) == 0)
        return {};
    // EPERM is the answer of file systems without links.
    return cannot(errno == EPERM ? EOPNOTSUPP : errno,
                  "cannot link " + path + " to " + entry.same_as);
}

Result<void> FilesTarget::make_node(Place const& place, std::string const& name,
                                    std::string const& path, Entry const& entry, bool& skipped) {
    int const folder = place.folder->descriptor();
    mode_t type = 0;
    switch (entry.kind) {
        case EntryKind::symlink:
            if (entry.link_target.empty() || entry.link_target.find('\0') != std::string::npos)
                return fail(Fault::corrupt, path + ": a link without a valid target");
            PD_CHECK(system::step(Step::create, path));
            if (::symlinkat(entry.link_target.c_str(), folder, name.c_str()) == 0) return {};
            return cannot(errno == EPERM ? EOPNOTSUPP : errno, "cannot make the link " + path);
        case EntryKind::fifo:
            type = S_IFIFO;
            break;
        case EntryKind::socket:
            type = S_IFSOCK;
            break;
        case EntryKind::char_device:
            type = S_IFCHR;
            break;
        case EntryKind::block_device:
            type = S_IFBLK;
            break;
        default:
            return fail(Fault::invalid, path + ": not a link, pipe, socket or device");
    }
    bool const device = type == S_IFCHR || type == S_IFBLK;
    if (device && !options_.special_files) {
        shortfalls_.note("devices were not restored", path);
        skipped = true;
        return {};
    }
    PD_CHECK(system::step(Step::create, path));
    if (::mknodat(folder, name.c_str(), type | 0600, device ? entry.special : 0) == 0) return {};
    if (errno != EPERM) return cannot(errno, "cannot make " + path);
    shortfalls_.note("devices were not restored (this needs root)", path);
    skipped = true;
    return {};
}

Result<void> FilesTarget::put_other(std::string const& path, Entry const& entry) {
    PD_TRY(Place const place, locate(path));
    std::string const temporary = temporary_name();
    bool skipped = false;
    if (!entry.same_as.empty()) {
        PD_CHECK(make_link(place, temporary, path, entry));
    } else {
        PD_CHECK(make_node(place, temporary, path, entry, skipped));
        if (skipped) return {};
        MetadataTarget const target{place.folder->descriptor(), temporary.c_str(), path};
        if (auto done = apply_metadata(target, entry, metadata_, shortfalls_); !done) {
            ::unlinkat(place.folder->descriptor(), temporary.c_str(), 0);
            return done;
        }
    }
    PD_CHECK(settle(place, temporary, path));
    // rename(2) does nothing when both names are links to one file already.
    if (options_.overwrite && !entry.same_as.empty())
        ::unlinkat(place.folder->descriptor(), temporary.c_str(), 0);
    return {};
}

Result<void> FilesTarget::finish_folder(std::string const& path, Entry const& entry) {
    PD_CHECK(check_path(path));
    PD_TRY(system::File const folder, open_folder_beneath(root_.descriptor(), path));
    if (path.empty()) apply_locking_flags();  // setting them moves no time but ctime
    PD_CHECK(apply_metadata({folder.descriptor(), "", path}, entry, metadata_, shortfalls_));
    apply_flags(folder.descriptor(), entry.flags & ~flags_that_lock, path, shortfalls_);
    remember_locking_flags(path, entry);
    if (!path.empty()) return {};
    apply_locking_flags();  // the root's own, last of all
    if (!options_.durable) return {};
    return system::sync_file_system(root_);
}

void FilesTarget::remember_locking_flags(std::string const& path, Entry const& entry) {
    if ((entry.flags & flags_that_lock) == 0 || !options_.durable) return;
    if (!options_.special_files) {
        shortfalls_.note("immutable and append-only flags were not restored", path);
        return;
    }
    std::lock_guard lock(mutex_);
    locking_flags_.emplace_back(path, entry.flags & flags_that_lock);
}

void FilesTarget::apply_locking_flags() {
    for (auto const& [path, flags] : locking_flags_) {
        int const opened = open_beneath(root_.descriptor(), path, O_RDONLY | O_NONBLOCK);
        if (opened < 0) continue;
        system::File const file(opened);
        if (system::step(Step::set_metadata, path)) apply_flags(opened, flags, path, shortfalls_);
    }
    locking_flags_.clear();
}

}  // namespace

Error refuse_link(system::Path const& folder) {
    return fail(Fault::conflict, folder.native() + " is a link: nothing is written through it")
        .with_fix("remove the link, or restore into another folder");
}

Result<std::unique_ptr<data::TreeTarget>> open_files_target(TargetOptions const& options) {
    PD_CHECK(system::make_folders(options.folder, 0700));
    // The folder itself is part of the target: others may have put a link there that leads away.
    int const opened =
        ::open(options.folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (opened < 0 && (errno == ENOTDIR || errno == ELOOP)) return refuse_link(options.folder);
    if (opened < 0)
        return system::error_from_errno(errno, "cannot open " + options.folder.native());
    system::File root(opened);
    bool const alone = claim_folder(root);
    if (alone && options.overwrite) sweep_leftovers(options.folder);
    return std::make_unique<FilesTarget>(options, std::move(root));
}

}  // namespace perdure::origin
