#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/stream.h"
#include "repository/blob_store.h"
#include "system/clock.h"
#include "system/file.h"

namespace perdure::repository {

enum class SnapshotType : std::uint8_t { full = 1, incremental = 2, differential = 3 };

/// Blobs that, joined, are a byte string: the ids inline, or (many) in a blob of ids.
struct BlobList {
    std::uint64_t length_bytes = 0;
    std::uint8_t depth = 0;  ///< 0: ids are content; n: ids are lists of depth n-1
    std::vector<BlobId> ids;
};

/// What one source was, inside a snapshot.
struct SourceSnapshot {
    std::string name, type, location;  ///< "app", "sqlite", "/srv/app/app.db"
    bool rows = false;
    Timestamp started;  ///< before its first byte was read: the racy-timestamp rule
    BlobList root;      ///< tree: its root folder; rows: its roster
    BlobList schema;    ///< rows: encoded DatabaseSchema
    std::map<std::string, std::string> options;  ///< what a restore needs: file and media names
    data::LogicalDigest digest;  ///< of the source, as its origin computed it (rows)
    std::uint64_t items = 0, bytes_read = 0, bytes_total = 0, subjects = 0;
    std::uint64_t items_unchanged = 0;    ///< files (media files too) taken over unread
    std::vector<data::Problem> problems;  ///< at most 1,000 are kept; problems_total counts all
    std::uint64_t problems_total = 0;
};

/// docs/FORMAT.md §snapshot. Sealed under the common domain, signed by the writer.
struct Snapshot {
    SessionId session;
    Timestamp started, finished;
    SnapshotType type = SnapshotType::incremental;
    std::string host, user, program;  ///< "perdure 0.1.0"
    std::vector<std::string> tags;
    std::optional<SessionId> parent;
    std::optional<Timestamp> parent_receipt;
    std::uint64_t min_epoch = 0;
    crypto::Digest writer;       ///< SHA-256 of the writer's verify key
    std::uint64_t sequence = 0;  ///< of this writer
    crypto::Digest previous;     ///< hash of this writer's previous snapshot object
    std::vector<SourceSnapshot> sources;
    BlobStatistics statistics;
    /// Filled on reading: the store's receipt time and the hash of the object.
    Timestamp received;
    crypto::Digest object_hash;

    std::string id() const { return to_hex(session); }
    Bytes encode() const;
    static Result<Snapshot> decode(ByteView bytes);
};

/// What a backup tells while it runs. Threads: called from any, must be quick.
struct Progress {
    std::function<void(std::uint64_t items, std::uint64_t bytes, std::string_view current)> report;
    /// Bytes of one content that were just read: report() counts a large file only when it is done.
    std::function<void(std::uint64_t bytes, std::string_view name)> reading;
};

/// Everything a writer of trees or rows needs of the session.
struct WriteContext {
    BlobWriter& blobs;
    BlobReader& known;  ///< for predecessors
    Domains& domains;
    crypto::Secret32 chunk_key;
    unsigned threads = 2;
    system::Path spill_folder;  ///< for external sorting; spilled bytes are sealed
    Progress progress;
    system::Clock const* clock = &system::real_clock();
};

/// Stores a tree, reading only what changed against `parent` (null: everything is read).
Result<SourceSnapshot> write_tree(data::TreeReader& reader, SourceSnapshot const* parent,
                                  WriteContext& context, std::stop_token stop);
/// Stores a database: rows sorted by (domain, table, key), cut into blocks, unchanged blocks known
/// by their id, changed ones as deltas.
/// Fails: invalid, when the reader gave two rows with one key, as damaged databases do.
Result<SourceSnapshot> write_rows(data::RowReader& reader, std::string const& source,
                                  SourceSnapshot const* parent, WriteContext& context,
                                  std::stop_token stop);

struct ReadContext {
    BlobReader& blobs;
    Domains& domains;
    unsigned threads = 2;
    system::Path spill_folder;
    Progress progress;
    /// What came back: entries and rows, media files too; bytes of contents, keys and values.
    std::uint64_t items_restored = 0, bytes_restored = 0;
    /// Called for every blob a restore could not use because its domain is erased: not an error.
    std::uint64_t erased_blocks = 0, erased_subjects = 0;
    /// What could not be read back although it should be there: any makes the restore partial.
    std::vector<data::Problem> problems;
};

/// Puts a tree back; `select` empty: all; else paths below the root, '/'-joined, folders whole.
Result<void> restore_tree(SourceSnapshot const& source, std::vector<std::string> const& select,
                          data::TreeTarget& target, ReadContext& context, std::stop_token stop);
Result<void> restore_rows(SourceSnapshot const& source, data::RowTarget& target,
                          ReadContext& context, std::stop_token stop);

/// One listed name (backup show, restore selection).
struct Listed {
    std::string path;
    data::Entry entry;
};
Result<void> list_tree(SourceSnapshot const& source, std::string const& below,
                       std::function<Result<void>(Listed const&)> each, ReadContext& context,
                       std::stop_token stop);
/// Rows in (domain, table, key) order, media rows included (payload = entry + blob list).
Result<void> list_rows(SourceSnapshot const& source,
                       std::function<Result<void>(data::RowView const&)> each, ReadContext& context,
                       std::stop_token stop);
/// Calls `each` for every blob a snapshot refers to, domain by domain: collection and verification.
/// Needs no subject's key.
Result<void> walk_blobs(Snapshot const& snapshot,
                        std::function<Result<void>(BlobId const&, Handle const&)> each,
                        ReadContext& context, std::stop_token stop);

}  // namespace perdure::repository
