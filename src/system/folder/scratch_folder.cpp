#include <fcntl.h>
#include <fmt/core.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "system/file.h"
#include "system/random.h"
#include "system/step.h"

// The problem: a drill restores decrypted data into a scratch folder, and whoever kills it with
// SIGKILL leaves that data behind for good.
//
// 1. The process that made a scratch folder holds an flock on the folder itself until it removes
//    it; the kernel lets go when the last process that has the descriptor dies, however it dies.
// 2. The first scratch folder that a process makes in a place removes the dead ones there.
// 3. Removed is only what is provably a dead one's: a real folder (no link) whose whole name is of
//    our grammar, of our own user, 0700, whose lock we got, and which still lies under that name.
// 4. Between making and locking a folder it looks dead. Its maker therefore looks, once it has the
//    lock, whether the folder is still there, and else makes another.
// 5. Where a file system has no flock nobody holds one and nobody gets one: nothing is removed.
//
// Rejected: pid and start time in the name. A container with a /tmp shared with the host has pids
// of its own, and would see living owners as dead.

namespace perdure::system {

namespace {

constexpr std::string_view name_start = "perdure-scratch-";
constexpr std::size_t mark_digits = 16;
constexpr int attempts_max = 16;

/// The locks this process holds, by folder. The folders are moved about as values; their paths are
/// what stays.
class Locks {
public:
    static Locks& all() {
        static auto* const locks = new Locks;  // outlives whatever is destroyed at exit
        return *locks;
    }
    void keep(Path const& folder, File lock) {
        std::lock_guard const guard(mutex_);
        held_.insert_or_assign(folder, std::move(lock));
    }
    void release(Path const& folder) {
        std::lock_guard const guard(mutex_);
        held_.erase(folder);
    }
    bool is_first_visit(Path const& parent) {
        std::lock_guard const guard(mutex_);
        return visited_.insert(parent).second;
    }

private:
    std::mutex mutex_;
    std::map<Path, File> held_;
    std::set<Path> visited_;
};

bool is_scratch_name(std::string_view name) {
    return name.size() == name_start.size() + mark_digits && name.starts_with(name_start) &&
           name.substr(name_start.size()).find_first_not_of("0123456789abcdef") == name.npos;
}

/// The lock on a folder of ours that lies under this very path; not open when there is none.
File lock_own(Path const& folder) {
    File lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat opened{};
    if (!lock.is_open() || ::fstat(lock.descriptor(), &opened) != 0 ||
        opened.st_uid != ::geteuid() || (opened.st_mode & 0777) != 0700 ||
        ::flock(lock.descriptor(), LOCK_EX | LOCK_NB) != 0)
        return File(-1);
    struct stat named{};
    if (::lstat(folder.c_str(), &named) != 0 || named.st_ino != opened.st_ino ||
        named.st_dev != opened.st_dev)
        return File(-1);
    return lock;
}

/// A restored tree may hold folders that not even their owner may write in.
void open_up(Path const& folder) {
    std::error_code error;
    for (auto it = std::filesystem::directory_iterator(folder, error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
        std::error_code unknown;
        if (it->symlink_status(unknown).type() != std::filesystem::file_type::directory) continue;
        if (::fchmodat(AT_FDCWD, it->path().c_str(), 0700, 0) == 0) open_up(it->path());
    }
}

void remove_scratch(Path const& folder) {
    if (remove_tree(folder)) return;
    open_up(folder);
    (void)remove_tree(folder);
}

void remove_dead(Path const& parent) {
    std::vector<Path> candidates;
    std::error_code error;
    for (auto it = std::filesystem::directory_iterator(parent, error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error))
        if (is_scratch_name(it->path().filename().native())) candidates.push_back(it->path());
    for (Path const& folder : candidates)
        if (File const lock = lock_own(folder); lock.is_open()) remove_scratch(folder);
}

/// Empty: a remover of the dead was quicker than our lock.
Result<std::optional<Path>> make_and_lock(Path const& parent) {
    std::uint64_t mark = 0;
    real_random().fill(ByteSpan(reinterpret_cast<std::byte*>(&mark), sizeof mark));
    Path folder = parent / fmt::format("{}{:016x}", name_start, mark);
    PD_CHECK(step(Step::make_folder, folder.native()));
    if (::mkdir(folder.c_str(), 0700) != 0) {
        if (errno == EEXIST) return std::optional<Path>();
        return error_from_errno(errno, fmt::format("make a scratch folder in {}", parent.native()));
    }
    File lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!lock.is_open() && errno != ENOENT) {
        int const error_number = errno;
        (void)remove_tree(folder);
        return error_from_errno(error_number, fmt::format("open {}", folder.native()));
    }
    bool const locked = lock.is_open() && ::flock(lock.descriptor(), LOCK_EX | LOCK_NB) == 0;
    struct stat named{};
    if ((!locked && (errno == EWOULDBLOCK || errno == ENOENT)) ||
        ::lstat(folder.c_str(), &named) != 0)
        return std::optional<Path>();
    if (locked) Locks::all().keep(folder, std::move(lock));
    return std::optional(std::move(folder));
}

void let_go(Path const& folder) {
    if (folder.empty()) return;
    remove_scratch(folder);
    Locks::all().release(folder);
}

}  // namespace

Result<ScratchFolder> ScratchFolder::create(Path const& parent) {
    Path base = parent;
    if (base.empty()) {
        char const* const named = ::getenv("TMPDIR");
        base = named != nullptr && *named != '\0' ? named : "/tmp";
    }
    if (Locks::all().is_first_visit(base)) remove_dead(base);
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        PD_TRY(std::optional<Path> made, make_and_lock(base));
        if (made) return ScratchFolder(std::move(*made));
    }
    return fail(Fault::conflict,
                fmt::format("a scratch folder in {} was removed again and again", base.native()));
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept
    : path_(std::exchange(other.path_, Path())) {}

ScratchFolder& ScratchFolder::operator=(ScratchFolder&& other) noexcept {
    if (this != &other) {
        let_go(path_);
        path_ = std::exchange(other.path_, Path());
    }
    return *this;
}

ScratchFolder::~ScratchFolder() {
    let_go(path_);
}

}  // namespace perdure::system
