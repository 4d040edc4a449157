#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "origin/sqlite/handle.h"

namespace perdure::origin {

/// A user's database, open for reading in one read transaction, and never modified:
/// - live (read-only connection) wherever SQLite can do that: rollback journal or WAL, writers
/// running;
/// - in place without locks where neither side files exist nor can be made (read-only media), with
///   still_unchanged() as the proof afterwards;
/// - from a private copy where a crash left a journal or a WAL behind: rolling it back or indexing
/// it
///   would write to the user's folder.
/// Side files that SQLite had to make for us are removed again by SQLite's own protocol.
class Source {
public:
    /// Fails: not_found; invalid (a folder, no database); corrupt; denied; unavailable (locked for
    /// longer than 10 s); exhausted (no space for the copy).
    static Result<Source> open(system::Path const& path, std::stop_token stop);
    Source(Source&&) = default;
    Source& operator=(Source&&) = delete;
    ~Source();

    Connection& connection() { return *connection_; }
    /// The write version in the file's header: the database is in WAL mode for all who open it.
    bool is_wal() const { return is_wal_; }
    std::uint64_t size_bytes() const { return size_bytes_; }
    /// Fails: conflict, when a database that was read without locks was written meanwhile.
    Result<void> still_unchanged() const;

private:
    struct Identity {
        std::uint64_t size = 0, inode = 0;
        std::int64_t seconds = 0, nanoseconds = 0;
        bool operator==(Identity const&) const = default;
    };
    struct Sides {
        Identity database, wal, journal, index;
        bool operator==(Sides const&) const = default;
    };
    Source() = default;
    static Identity identity_of(system::Path const& path);
    static Sides sides_of(system::Path const& path);
    Result<void> begin(system::Path const& path, Connection::Options options,
                       std::stop_token const& stop);
    Result<void> begin_copy(std::stop_token const& stop);
    bool needs_copy() const;
    Result<void> look_at_header();

    system::Path path_;
    Sides before_;
    std::optional<system::ScratchFolder> scratch_;
    std::optional<Connection> connection_;
    bool is_wal_ = false;
    bool immutable_ = false;
    bool live_ = false;
    std::uint64_t size_bytes_ = 0;
};

}  // namespace perdure::origin
