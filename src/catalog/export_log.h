#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "system/file.h"

namespace perdure::catalog {

/// One export as it was when it was finished: what `export verify` compares with.
struct ExportRecord {
    std::int64_t id = 0;
    Timestamp written;
    std::string source;
    std::string snapshot;  ///< id, or empty: live data
    std::string format;
    std::string output;  ///< absolute path
    std::string sha256;  ///< of the file, or of the folder's list (job::digest_output), hexadecimal
    std::uint64_t records = 0, media = 0, files = 0, bytes = 0, omissions = 0;
};

/// A way for somebody else to fetch an export. Secrets are kept as hashes only.
struct ShareRecord {
    std::string id;          ///< short, public
    std::string bundle;      ///< absolute path of the encrypted file
    std::string sha256;      ///< of the bundle
    std::string token_hash;  ///< SHA-256 of the link secret, hexadecimal
    std::int64_t export_id = 0;
    Timestamp created, expires;
    std::uint64_t downloads = 0;
    std::uint64_t downloads_max = 0;  ///< 0: no limit
    bool passphrase = false;          ///< one is asked for beside the secret
    std::optional<Timestamp> revoked;
};

/// Remembers exports and shares across processes. Threads: one; processes: any number.
class ExportLog {
public:
    /// Makes the file when missing. Fails: denied, exhausted, corrupt.
    static Result<ExportLog> open(system::Path const& file);
    ~ExportLog();
    ExportLog(ExportLog&&) noexcept;
    ExportLog& operator=(ExportLog&&) noexcept;

    /// The id it got.
    Result<std::int64_t> add(ExportRecord const& record);
    /// Newest first.
    Result<std::vector<ExportRecord>> list(std::size_t max);
    /// The newest one to that output, else the newest with that digest. Nothing: never heard of.
    Result<std::optional<ExportRecord>> find(std::string const& output, std::string const& sha256);

    Result<void> add_share(ShareRecord const& share);
    /// Newest first.
    Result<std::vector<ShareRecord>> shares();
    /// Fails: not_found. A share that is revoked already stays as it was.
    Result<ShareRecord> revoke(std::string const& id, Timestamp now);

private:
    struct State;
    explicit ExportLog(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace perdure::catalog
