#pragma once

#include <string>
#include <vector>

#include "system/file.h"

namespace perdure::origin {

/// Makes sure that nobody has a database file open, and keeps it so while another file takes its
/// name. SQLite's locks cannot tell: between two transactions of a database without a write-ahead
/// log nobody holds any, and who still has the old file open would go on writing into a file that
/// has no name. So a write lease is taken (fcntl(2), F_SETLEASE): the kernel grants it only while
/// no other descriptor of the file is open, in any process, and makes whoever opens the file then
/// wait until it is given back. Where a file system knows no leases, the descriptors of all
/// processes are looked through, which only root can do.
/// Threads: one. This process must not open the file while this lives: it would wait for itself.
class SoleHold {
public:
    /// Fails: unavailable (PD-0011: somebody has it open, who is named where that can be seen);
    /// denied (it cannot be told).
    static Result<SoleHold> take(system::Path const& database);
    /// Nobody tried to open the file so far.
    bool undisturbed() const;

    SoleHold(SoleHold&& other) noexcept;
    SoleHold& operator=(SoleHold&&) = delete;
    ~SoleHold();

private:
    SoleHold(system::File file, bool leased) : file_(std::move(file)), leased_(leased) {}
    system::File file_;
    bool leased_ = false;
};

/// Folds a database's log into it, so that all of it lies in one file. What is no whole database is
/// left as it is. Fails: unavailable (PD-0011: somebody has it open).
Result<void> bring_to_rest(system::Path const& database);

/// Files that belong to a database beside its own: -wal, -journal, -shm, as far as they exist.
std::vector<system::Path> side_files(system::Path const& database);

/// Gives a new file the mode and owner of the file it replaces. Fails: denied.
Result<void> take_after(system::Path const& replaced, system::Path const& file);

}  // namespace perdure::origin
