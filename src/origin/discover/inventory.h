#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/time.h"
#include "origin/origin.h"

namespace perdure::origin {

/// One line of a proposed mapping, and why it was proposed.
struct Guess {
    std::string where;      ///< "subjects", "subjects.owners", "records.memory"
    std::string field;      ///< "table", "key", "title", "tags"…
    std::string value;      ///< as it stands in perdure.toml
    double confidence = 0;  ///< 0 … 1
    std::string reason;     ///< "named like a title, 120 of 120 sampled values are short texts"
};

struct FoundDatabase {
    system::Path path;
    std::string engine;  ///< "sqlite"
    std::uint64_t size_bytes = 0;
    std::uint64_t tables = 0, rows = 0;  ///< rows: of tables that are no shadow tables
    bool live_log = false;               ///< a -wal or -journal lies beside it
    system::Path media;                  ///< the folder that its rows name files of, or empty
    data::Mapping mapping;               ///< what the guesses say
    std::vector<Guess> guesses;
    std::string trouble;  ///< why it cannot be read, or empty
};

struct FoundFolder {
    system::Path path;
    std::uint64_t files = 0, bytes = 0;
};

struct FoundRepository {
    system::Path path;
    bool bare = false;
    std::uint64_t bytes = 0;
};

struct FoundFile {
    system::Path path;
    std::uint64_t bytes = 0;
    std::string note;  ///< "nginx", "systemd unit", "crontab"…
};

struct FoundCertificate {
    system::Path path;
    std::string subject, issuer;
    Timestamp not_before, not_after;
    /// The private key found beside it that signs for it; empty: none was found.
    system::Path key;
    std::string trouble;  ///< "expired on 2024-01-01", "no matching key"
};

/// A source as it could stand in perdure.toml.
struct ProposedSource {
    SourceOptions options;
    double confidence = 0;
    std::string reason;
};

struct NotCovered {
    system::Path path;
    std::string why;
};

/// What lies below a place, and what of it the proposed sources protect.
struct Inventory {
    system::Path root;
    std::vector<FoundDatabase> databases;
    std::vector<FoundFolder> media;
    std::vector<FoundRepository> repositories;
    std::vector<system::Path> backups;  ///< folders of repositories of perdure's own; not_covered
    std::vector<FoundFile> configs, logs, others;
    std::vector<FoundCertificate> certificates;
    std::vector<ProposedSource> proposed;
    std::vector<NotCovered> not_covered;
    std::uint64_t files = 0, bytes = 0;
};

/// Looks at a file or at everything below a folder (one file system, no link followed). Reads at
/// most the first bytes of files, and samples of databases; changes nothing. Fails: not_found,
/// denied (the place itself), cancelled. What cannot be read inside is listed in not_covered.
Result<Inventory> discover(system::Path const& place, std::stop_token stop);

/// The mapping that a SQLite database suggests by its foreign keys, names, types and contents.
/// Fails: what opening and reading the database fails with.
Result<FoundDatabase> inspect_sqlite(system::Path const& database, system::Path const& media,
                                     std::stop_token stop);

}  // namespace perdure::origin
