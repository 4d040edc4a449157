/*  Problem: a folder must behave like an object store: whole bodies or none, durable when put
    returns, exactly one winner of put-if-absent, across processes, crashes and pulled cables.

    1. Nobody sees a part of a body: it is written below _tmp and renamed into place.
    2. What is visible was synced: fsync(file) precedes the rename (kopia #5292).
    3. What put confirmed survives a power cut: fsync(folder) follows the rename. One who loses the
       race syncs the folder too, since he will rely on the winner's object.
    4. The kernel decides races (RENAME_NOREPLACE or link), not an existence check before.
    5. Nothing is written into a mount point whose disk has gone: the root keeps its device and
       inode. One that may be made is made by the first write: who only looks changes nothing.

    Rejected: O_EXCL on the final name (a crash leaves half an object that blocks the name); sharded
    sub-folders (file systems of today index large folders; plain names are easier to copy).  */
#include "store/local/local_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "system/account.h"
#include "system/direct_append.h"
#include "system/random.h"

namespace perdure::store {

namespace {

using system::File;
using system::Path;

constexpr char temporary_folder[] = "_tmp";  // '_' is outside the grammar of names
constexpr std::int64_t stale_after_seconds = 24 * 3600;
constexpr std::size_t piece_bytes = std::size_t{8} << 20;  // a stop is noticed between pieces

struct FolderCloser {
    void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, FolderCloser>;

Timestamp modified_of(struct stat const& status) {
    return {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
}

/// Folders that somebody may have moved to a larger disk, leaving a link: reading goes through it,
/// so a listing of everything must, too. Other links lead anywhere.
bool may_be_elsewhere(std::string_view name) {
    constexpr std::string_view folders[] = {"pack",     "pack/d",  "pack/m", "index",
                                            "snapshot", "keyring", "collect"};
    return std::ranges::find(folders, name) != std::end(folders);
}

Error cancelled() {
    return fail(Fault::cancelled, "stopped");
}

class LocalStore : public ObjectStore {
public:
    /// `root`: empty for one that is to be made.
    LocalStore(LocalOptions options, std::optional<struct stat> const& root)
        : root_(std::move(options.root)),
          temporary_(root_ / temporary_folder),
          read_only_(options.read_only) {
        if (!root) return;
        identity_ = {root->st_dev, root->st_ino};
        owner_ = root->st_uid;
        group_ = root->st_gid;
        hands_over_ = ::geteuid() == 0 && root->st_uid != 0;
    }

    void remove_stale_temporaries();

    Result<Bytes> read(ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override;
    Result<void> put(ObjectName const& name, ByteView body, PutMode mode,
                     std::stop_token stop) override;
    Result<ObjectInfo> head(ObjectName const& name, std::stop_token stop) override;
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(ObjectInfo const&)> each,
                      std::stop_token stop) override;
    Result<void> remove(ObjectName const& name, std::stop_token stop) override;
    Capabilities capabilities() const override {
        return {.put_if_absent = true, .removes = !read_only_, .history = false};
    }
    std::string describe() const override { return "local " + root_.native(); }
    Result<Timestamp> now(std::stop_token stop) override;

private:
    struct Listing {
        std::string const& prefix;
        std::function<Result<void>(ObjectInfo const&)> const& each;
        std::stop_token const& stop;
    };
    struct Identity {
        dev_t device;
        ino_t inode;
    };
    std::optional<Identity> identity() const {
        std::lock_guard const lock(mutex_);
        return identity_;
    }
    Result<void> make_root();
    Result<void> check_root() const;
    Result<void> check_writable() const;
    Result<Path> new_temporary();
    Result<void> write_temporary(Path const& path, ByteView body, std::stop_token const& stop);
    Result<void> ensure_folder(Path const& folder);
    Result<void> hand_over(int descriptor, Path const& path) const;
    Result<void> hand_over_folders(Path const& folder) const;
    Result<void> list_folder(std::string const& below, Listing const& listing);
    Result<void> list_one(std::string const& name, Listing const& listing);
    Error explain(Error error) const;

    Path root_, temporary_;
    bool read_only_;
    uid_t owner_ = 0;  ///< of the root
    gid_t group_ = 0;
    bool hands_over_ = false;  ///< root works in a folder of somebody else
    mutable std::mutex mutex_;
    std::optional<Identity> identity_;  ///< of the root; empty until it is made
    std::set<Path> known_folders_;
};

/// A vanished root makes every name "not found"; callers would take an unplugged disk for data
/// loss.
Error LocalStore::explain(Error error) const {
    if (error.fault() == Fault::not_found)
        if (auto present = check_root(); !present) return present.error();
    return error;
}

Result<void> LocalStore::check_root() const {
    auto const known = identity();
    if (!known) return {};  // it is not made yet, and holds nothing
    struct stat status{};
    if (::stat(root_.c_str(), &status) == 0 && status.st_dev == known->device &&
        status.st_ino == known->inode) {
        return {};
    }
    return fail(Fault::unavailable,
                fmt::format("the folder {} has gone or was replaced", root_.native()))
        .with_fix("mount it again");
}

Result<void> LocalStore::check_writable() const {
    if (read_only_) return fail(Fault::denied, fmt::format("{} is open read-only", root_.native()));
    return check_root();
}

Result<void> LocalStore::make_root() {
    std::lock_guard const lock(mutex_);
    if (identity_) return {};
    PD_CHECK(system::make_folders(root_));
    struct stat status{};
    if (::stat(root_.c_str(), &status) != 0)
        return system::error_from_errno(errno, "look at " + root_.native());
    identity_ = {status.st_dev, status.st_ino};
    return {};
}

Result<Path> LocalStore::new_temporary() {
    static std::atomic<std::uint64_t> counter{0};
    std::uint64_t salt = 0;
    system::real_random().fill(ByteSpan(reinterpret_cast<std::byte*>(&salt), sizeof salt));
    PD_CHECK(ensure_folder(temporary_));
    return temporary_ / fmt::format("{}-{}-{:016x}", ::getpid(), ++counter, salt);
}

Result<void> LocalStore::ensure_folder(Path const& folder) {
    {
        std::lock_guard const lock(mutex_);
        if (known_folders_.contains(folder)) return {};
    }
    PD_CHECK(system::make_folders(folder));
    PD_CHECK(hand_over_folders(folder));
    std::lock_guard const lock(mutex_);
    known_folders_.insert(folder);
    return {};
}

/// What root writes into somebody's repository stays theirs: one `sudo perdure backup` must not
/// lock them out of it.
Result<void> LocalStore::hand_over(int descriptor, Path const& path) const {
    if (!hands_over_) return {};
    return system::give_to(descriptor, path, owner_, group_);
}

/// From the root on by descriptors, never through a link: whoever owns the root may plant one.
Result<void> LocalStore::hand_over_folders(Path const& folder) const {
    if (!hands_over_) return {};
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    File at(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (auto const& name : folder.lexically_relative(root_)) {
        if (name == ".") continue;
        File next(::openat(at.descriptor(), name.c_str(), flags));
        struct stat status{};
        if (!next.is_open() || ::fstat(next.descriptor(), &status) != 0) return {};
        if (status.st_uid == 0) PD_CHECK(hand_over(next.descriptor(), folder));
        at = std::move(next);
    }
    return {};
}

Result<void> write_pieces(File& file, ByteView body, std::stop_token const& stop) {
    do {
        if (stop.stop_requested()) return cancelled();
        ByteView const piece = body.first(std::min(body.size(), piece_bytes));
        PD_CHECK(file.write(piece));
        body = body.subspan(piece.size());
    } while (!body.empty());
    return {};
}

/// Packs of data: nobody reads them soon.
Result<void> write_past_the_cache(File const& file, Path const& path, ByteView body,
                                  std::stop_token const& stop) {
    system::DirectAppend direct(file.descriptor(), path.native());
    while (!body.empty()) {
        if (stop.stop_requested()) return cancelled();
        ByteSpan const room = direct.room();
        std::size_t const count = std::min(room.size(), body.size());
        copy_bytes(body.first(count), room);
        body = body.subspan(count);
        PD_CHECK(direct.filled(count));
    }
    return direct.finish();
}

Result<void> LocalStore::write_temporary(Path const& path, ByteView body,
                                         std::stop_token const& stop) {
    PD_TRY(File file, File::create(path));
    PD_CHECK(hand_over(file.descriptor(), path));
    PD_CHECK(body.size() < system::DirectAppend::worth_bytes
                 ? write_pieces(file, body, stop)
                 : write_past_the_cache(file, path, body, stop));
    PD_CHECK(file.sync());
    return file.close();
}

Result<Bytes> LocalStore::read(ObjectName const& name, std::uint64_t offset_bytes,
                               std::uint64_t count_bytes, std::stop_token stop) {
    PD_CHECK(check_name(name));
    if (stop.stop_requested()) return cancelled();
    auto file = File::open_to_read(root_ / name);
    if (!file) return explain(std::move(file).error());
    PD_TRY(std::uint64_t const size, file->size_bytes());
    if (offset_bytes > size || count_bytes > size - offset_bytes) {
        return fail(Fault::invalid, fmt::format("{} has {} bytes: {} from {} are past its end",
                                                name, size, count_bytes, offset_bytes));
    }
    Bytes bytes(count_bytes);
    PD_TRY(std::size_t const got, file->read_at(bytes, offset_bytes));
    if (got != count_bytes)
        return fail(Fault::unavailable, fmt::format("{} shrank while it was read", name));
    return bytes;
}

Result<void> LocalStore::put(ObjectName const& name, ByteView body, PutMode mode,
                             std::stop_token stop) {
    PD_CHECK(check_name(name));
    PD_CHECK(check_writable());
    PD_CHECK(make_root());
    Path const path = root_ / name;
    Path const folder = path.parent_path();
    bool const exclusive = mode == PutMode::if_absent;
    Result<void> done;
    if (exclusive && system::exists(path)) {  // saves writing a body that will lose anyway
        done = fail(Fault::conflict, fmt::format("{} exists", name));
    } else {
        PD_TRY(Path const temporary, new_temporary());
        done = write_temporary(temporary, body, stop);
        if (done) done = ensure_folder(folder);
        if (done) {
            done = exclusive ? system::rename_without_replacing(temporary, path)
                             : system::rename(temporary, path);
        }
        if (!done) (void)system::remove_file(temporary);
    }
    if (!done && done.error().fault() != Fault::conflict)
        return explain(std::move(done).error()).within(fmt::format("writing {}", name));
    PD_CHECK(system::sync_folder(folder));
    if (!done) return fail(Fault::conflict, fmt::format("{} exists", name));
    return {};
}

Result<ObjectInfo> LocalStore::head(ObjectName const& name, std::stop_token stop) {
    PD_CHECK(check_name(name));
    if (stop.stop_requested()) return cancelled();
    struct stat status{};
    if (::stat((root_ / name).c_str(), &status) != 0)
        return explain(system::error_from_errno(errno, fmt::format("look up {}", name)));
    if (!S_ISREG(status.st_mode))
        return fail(Fault::not_found, fmt::format("{} is no object", name));
    return ObjectInfo{name, static_cast<std::uint64_t>(status.st_size), modified_of(status)};
}

Result<void> LocalStore::list(std::string const& prefix,
                              std::function<Result<void>(ObjectInfo const&)> each,
                              std::stop_token stop) {
    PD_CHECK(check_root());
    auto const slash = prefix.rfind('/');
    std::string const below = slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
    if (!below.empty()) PD_CHECK(check_name(below.substr(0, below.size() - 1)));
    PD_CHECK(list_folder(below, {prefix, each, stop}));
    return check_root();  // a disk unplugged meanwhile looks like an empty folder
}

/// `below` is empty or ends in '/'.
Result<void> LocalStore::list_folder(std::string const& below, Listing const& listing) {
    Path const path = root_ / below;
    Folder const folder(::opendir(path.c_str()));
    if (!folder) {
        if (errno == ENOENT || errno == ENOTDIR) return {};
        return system::error_from_errno(errno, fmt::format("list {}", path.native()));
    }
    for (;;) {
        if (listing.stop.stop_requested()) return cancelled();
        errno = 0;
        dirent const* const entry = ::readdir(folder.get());
        if (entry == nullptr && errno == 0) return {};
        if (entry == nullptr)
            return system::error_from_errno(errno, fmt::format("list {}", path.native()));
        PD_CHECK(list_one(below + entry->d_name, listing));
    }
}

Result<void> LocalStore::list_one(std::string const& name, Listing const& listing) {
    std::string const& prefix = listing.prefix;
    auto const shared = std::min(name.size(), prefix.size());
    if (name.compare(0, shared, prefix, 0, shared) != 0) return {};
    if (!check_name(name)) return {};  // _tmp, lost+found, what others left here
    struct stat status{};
    if (::lstat((root_ / name).c_str(), &status) != 0) {
        if (errno == ENOENT) return {};  // removed meanwhile
        return system::error_from_errno(errno, fmt::format("look up {}", name));
    }
    if (S_ISLNK(status.st_mode) && may_be_elsewhere(name) &&
        ::stat((root_ / name).c_str(), &status) != 0) {
        return system::error_from_errno(errno, fmt::format("look up {}", name));
    }
    if (S_ISDIR(status.st_mode)) return list_folder(name + "/", listing);
    if (!S_ISREG(status.st_mode) || name.size() < prefix.size()) return {};
    return listing.each({name, static_cast<std::uint64_t>(status.st_size), modified_of(status)});
}

Result<void> LocalStore::remove(ObjectName const& name, std::stop_token stop) {
    PD_CHECK(check_name(name));
    if (stop.stop_requested()) return cancelled();
    PD_CHECK(check_writable());
    Path const path = root_ / name;
    auto const removed = system::remove_file(path);
    bool const absent = !removed && removed.error().fault() == Fault::not_found;
    if (!removed && !absent) return removed;
    // Also where it was gone: whoever removed it may have died before that was durable.
    auto const synced = system::sync_folder(path.parent_path());
    bool const folder_absent = !synced && synced.error().fault() == Fault::not_found;
    return folder_absent ? Result<void>() : synced;
}

/// What the file system would stamp: on a network file system this is the server's clock.
Result<Timestamp> LocalStore::now(std::stop_token stop) {
    if (stop.stop_requested()) return cancelled();
    PD_CHECK(check_root());
    if (read_only_ || !identity()) return to_timestamp(std::chrono::system_clock::now());
    PD_TRY(Path const path, new_temporary());
    auto file = File::create(path);
    if (!file) return explain(std::move(file).error());
    struct stat status{};
    int const failed = ::fstat(file->descriptor(), &status);
    (void)system::remove_file(path);
    if (failed != 0) return system::error_from_errno(errno, "read the clock of the store");
    return modified_of(status);
}

/// A crash leaves its temporaries behind. Another process may be writing right now, so only those
/// that nobody can still be busy with are removed. Failing to tidy up is no reason to fail.
void LocalStore::remove_stale_temporaries() {
    Folder const folder(::opendir(temporary_.c_str()));
    if (!folder) return;
    auto const time = now({});
    if (!time) return;
    while (dirent const* const entry = ::readdir(folder.get())) {
        Path const path = temporary_ / entry->d_name;
        struct stat status{};
        if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
        if (time->seconds - status.st_mtim.tv_sec > stale_after_seconds)
            (void)system::remove_file(path);
    }
}

/// Looked at when the store is opened, though it is made later: who would be refused then is now.
Result<void> check_can_be_made(Path const& root) {
    Path above = root.parent_path();
    while (above != above.parent_path() && !system::exists(above)) above = above.parent_path();
    if (::access(above.c_str(), W_OK | X_OK) == 0) return {};
    return system::error_from_errno(errno, "make the folder " + root.native());
}

}  // namespace

Result<std::shared_ptr<ObjectStore>> open_local(LocalOptions options) {
    if (options.root.empty()) return fail(Fault::invalid, "a local destination needs a path");
    std::error_code error;
    options.root = std::filesystem::absolute(options.root, error).lexically_normal();
    struct stat status{};
    bool const there = ::stat(options.root.c_str(), &status) == 0;
    if (!there && errno == ENOENT && options.create && !options.read_only) {
        PD_CHECK(check_can_be_made(options.root));
        return std::shared_ptr<ObjectStore>(
            std::make_shared<LocalStore>(std::move(options), std::nullopt));
    }
    if (!there) {
        auto const what = fmt::format("the destination folder {}", options.root.native());
        return system::error_from_errno(errno, what)
            .with_fix("mount the disk; a new one: `perdure init --destination NAME`");
    }
    if (!S_ISDIR(status.st_mode))
        return fail(Fault::conflict, fmt::format("{} is not a folder", options.root.native()));
    auto store = std::make_shared<LocalStore>(std::move(options), status);
    if (store->capabilities().removes) store->remove_stale_temporaries();
    return std::shared_ptr<ObjectStore>(std::move(store));
}

}  // namespace perdure::store
