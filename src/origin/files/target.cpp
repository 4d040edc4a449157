#include "origin/files/target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <set>
#include <unordered_map>
#include <utility>

#include "origin/files/below.h"
#include "origin/files/leftovers.h"
#include "origin/files/metadata.h"
#include "origin/files/put/database_files.h"
#include "origin/files/put/filling.h"
#include "origin/files/put/folded_names.h"
#include "origin/files/stat.h"
#include "origin/files/xattr.h"
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
// 7. Of what would replace something, nothing comes beside a database of another time or in the
//    place of one in use (DatabaseFiles), nor under a name that the file system takes for one that
//    was put (FoldedNames).
// 8. One syncfs at the root's finish (when durable) instead of an fsync for every file; the bytes
//    of large files are on their way to the disk by then.
//
// Rejected: O_TMPFILE + linkat (ext4 puts every such file on its orphan list: slower than a
// rename); writing small files directly under their name (a crash would leave them cut short).

namespace perdure::origin {
namespace {

using data::Entry;
using data::EntryKind;
using system::Step;

constexpr std::size_t folders_open_max = 64;
constexpr std::size_t refused_named_max = 1000;

struct Place {
    std::shared_ptr<OpenFolder> folder;  ///< the parent
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
    ~FilesTarget() override {
        apply_locking_flags();
        for (Waiting const& each : waiting_)
            if (auto const place = locate(each.path))
                ::unlinkat(place->folder->descriptor(), each.temporary.c_str(), 0);
    }

    Result<void> make_folder(std::string const& path, Entry const& entry) override {
        return named(path, put_folder(path, entry));
    }
    Result<void> write_file(std::string const& path, Entry const& entry,
                            data::ByteSource& content) override {
        return named(path, put_file(path, entry, content));
    }
    Result<void> make_other(std::string const& path, Entry const& entry) override {
        PD_CHECK(put_waiting());
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
    Result<void> give_name(Place const& place, std::string const& temporary,
                           std::string const& path);
    Result<void> replace(Place const& place, std::string const& temporary, std::string const& path);
    Result<void> reuse_folder(Place const& place, std::string const& path);
    Result<void> put_waiting();
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
    std::unordered_map<std::string, std::shared_ptr<OpenFolder>> folders_;
    FoldedNames folded_;
    DatabaseFiles databases_;
    struct Waiting {
        std::string path, temporary;
        Entry entry;
    };
    std::vector<Waiting> waiting_;  ///< for all contents, see DatabaseFiles
    std::set<std::string> coming_;  ///< their paths, while they get their names
    std::vector<std::pair<std::string, std::uint32_t>> locking_flags_;
    std::vector<data::Problem> refused_;
    std::size_t refused_total_ = 0;
};

bool is_refused(Error const& error) {
    return error.fault() == Fault::unsupported && error.code() == 3;
}

/// Keeps what was refused for take_problems.
Result<void> FilesTarget::named(std::string const& path, Result<void> done) {
    if (done || !is_refused(done.error())) return done;
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
    auto folder = std::make_shared<OpenFolder>();
    folder->file = std::move(opened);
    std::lock_guard lock(mutex_);
    if (folders_.size() >= folders_open_) folders_.clear();
    folders_[key] = folder;
    return Place{std::move(folder), std::string(name)};
}

/// Gives a finished temporary name its real one.
Result<void> FilesTarget::settle(Place const& place, std::string const& temporary,
                                 std::string const& path) {
    if (!options_.overwrite) return give_name(place, temporary, path);
    auto done = folded_.put({*place.folder, place.name, path, temporary},
                            [&] { return replace(place, temporary, path); });
    if (!done) ::unlinkat(place.folder->descriptor(), temporary.c_str(), 0);
    return done;
}

Result<void> FilesTarget::replace(Place const& place, std::string const& temporary,
                                  std::string const& path) {
    DatabaseFiles::Name const name{place.folder->descriptor(), place.name, path, temporary};
    auto const why = databases_.why_not(name, coming_);
    if (!why.empty())
        return fail(Fault::unsupported, path + " was left alone: " + why)
            .with_code(3)
            .with_fix("then restore this path again");
    PD_CHECK(give_name(place, temporary, path));
    databases_.note_put(name);
    return {};
}

Result<void> FilesTarget::give_name(Place const& place, std::string const& temporary,
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
    bool const made = ::mkdirat(folder, place.name.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) return cannot(errno, "cannot make the folder " + path);
    if (!options_.overwrite) return made ? Result<void>{} : taken(folder, place.name, path);
    return folded_.put({*place.folder, place.name, path, place.name},
                       [&] { return made ? Result<void>{} : reuse_folder(place, path); });
}

Result<void> FilesTarget::reuse_folder(Place const& place, std::string const& path) {
    int const folder = place.folder->descriptor();
    char const* name = place.name.c_str();
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
    auto written = fill_file({opened, path, options_.durable}, entry, content);
    if (written) written = apply_metadata({opened, "", path}, entry, metadata_, shortfalls_);
    if (written) apply_flags(opened, entry.flags & ~flags_that_lock, path, shortfalls_);
    if (written) written = file.close();  // a failed close is lost data
    if (!written) {
        ::unlinkat(folder, temporary.c_str(), 0);
        return written;
    }
    if (options_.overwrite && databases_.waits({folder, place.name, path, temporary})) {
        std::lock_guard lock(mutex_);
        waiting_.push_back({path, temporary, entry});
        return {};
    }
    PD_CHECK(settle(place, temporary, path));
    remember_locking_flags(path, entry);
    return {};
}

/// All contents are there: databases first, since what becomes of their logs depends on them.
Result<void> FilesTarget::put_waiting() {
    if (waiting_.empty()) return {};
    std::ranges::stable_partition(
        waiting_, [](Waiting const& each) { return database_of(each.path).empty(); });
    for (Waiting const& each : waiting_) coming_.insert(each.path);
    for (auto const& [path, temporary, entry] : waiting_) {
        PD_TRY(Place const place, locate(path));
        auto const done = named(path, settle(place, temporary, path));
        if (done) remember_locking_flags(path, entry);
        if (!done && !is_refused(done.error())) return done;
    }
    waiting_.clear();
    coming_.clear();
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
    PD_CHECK(put_waiting());
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
