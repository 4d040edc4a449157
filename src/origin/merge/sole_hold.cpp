#include "origin/merge/sole_hold.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "origin/holder.h"
#include "origin/sqlite/handle.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

constexpr int busy_wait_ms = 500;

Error in_use(system::Path const& database, std::string const& holder) {
    auto const who = holder.empty() ? std::string("the application") : holder;
    return fail(Fault::unavailable,
                fmt::format("{} has {} open: it would go on writing into the old file", who,
                            database.string()))
        .with_code(11)
        .with_fix(
            "stop the application, then apply the plan; or leave out --swap, which writes into the "
            "running database");
}

}  // namespace

SoleHold::SoleHold(SoleHold&& other) noexcept
    : file_(std::move(other.file_)), leased_(std::exchange(other.leased_, false)) {}

SoleHold::~SoleHold() {
    if (leased_) static_cast<void>(::fcntl(file_.descriptor(), F_SETLEASE, F_UNLCK));
}

bool SoleHold::undisturbed() const {
    return !leased_ || ::fcntl(file_.descriptor(), F_GETLEASE) == F_WRLCK;
}

Result<SoleHold> SoleHold::take(system::Path const& database) {
    int const opened = ::open(database.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0) return system::error_from_errno(errno, "opening " + database.string());
    system::File file(opened);
    struct stat status{};
    if (::fstat(opened, &status) != 0) {
        return system::error_from_errno(errno, "looking at " + database.string());
    }
    // Who opens the file makes the kernel send a signal; this one is ignored unless asked for.
    static_cast<void>(::fcntl(opened, F_SETSIG, SIGURG));
    if (::fcntl(opened, F_SETLEASE, F_WRLCK) == 0) return SoleHold(std::move(file), true);
    if (errno == EAGAIN) return in_use(database, find_holder(status));
    auto const holder = find_holder(status);
    if (!holder.empty()) return in_use(database, holder);
    if (::geteuid() == 0) return SoleHold(std::move(file), false);
    return fail(Fault::denied,
                fmt::format("it cannot be told whether somebody has {} open: its file system knows "
                            "no leases, or it belongs to another user",
                            database.string()))
        .with_code(11)
        .with_fix("run as the owner of the file, or as root; or leave out --swap");
}

Result<void> bring_to_rest(system::Path const& database) {
    PD_CHECK(system::step(system::Step::write, database.string()));
    auto opened =
        Connection::open(database, {.flags = SQLITE_OPEN_READWRITE, .busy_wait_ms = busy_wait_ms});
    if (!opened) return {};
    sqlite3_db_config(opened->get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    auto rested = opened->run("PRAGMA wal_checkpoint(TRUNCATE)");
    if (rested) rested = opened->run("BEGIN EXCLUSIVE; ROLLBACK");
    if (!rested && rested.error().fault() == Fault::unavailable) {
        struct stat status{};
        static_cast<void>(::stat(database.c_str(), &status));
        return in_use(database, find_holder(status));
    }
    return {};
}

Result<void> take_after(system::Path const& replaced, system::Path const& file) {
    struct stat status{};
    if (::stat(replaced.c_str(), &status) != 0) return {};
    PD_TRY(auto const opened, system::File::open_to_read(file));
    PD_CHECK(system::step(system::Step::set_metadata, file.string()));
    bool const theirs = status.st_uid != ::geteuid() || status.st_gid != ::getegid();
    if (theirs && ::fchown(opened.descriptor(), status.st_uid, status.st_gid) != 0) {
        return fail(Fault::denied,
                    fmt::format("{} belongs to another user or group, who could not use what we "
                                "put in its place",
                                replaced.string()))
            .with_fix("run as its owner or as root; or leave out --swap");
    }
    if (::fchmod(opened.descriptor(), status.st_mode & 07777u) == 0) return {};
    return system::error_from_errno(errno, "the mode of " + file.string());
}

std::vector<system::Path> side_files(system::Path const& database) {
    std::vector<system::Path> out;
    for (char const* ending : {"-wal", "-journal", "-shm"}) {
        system::Path const path(database.string() + ending);
        if (system::exists(path)) out.push_back(path);
    }
    return out;
}

}  // namespace perdure::origin
