#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "data/entry.h"
#include "data/schema.h"

namespace perdure::data {

/// Bytes, read once from front to back.
class ByteSource {
public:
    virtual ~ByteSource() = default;
    /// Fills `into` as far as it can; 0 at the end.
    virtual Result<std::size_t> read(ByteSpan into) = 0;
    /// Asked after the end: what the content's owner looks like now. For a file that changed while
    /// it was read this differs from the entry it was opened for.
    virtual Result<Entry> entry_after_reading() = 0;
};

/// Something that can be opened when, and only if, its bytes are needed.
/// Threads: open() from any thread, also while the reader that made it goes on.
class Content {
public:
    virtual ~Content() = default;
    /// Fails: not_found (vanished), denied (unreadable).
    virtual Result<std::unique_ptr<ByteSource>> open(std::stop_token stop) = 0;
};

/// What was passed over, and why. Every one is named to the user; any makes the run partial (exit
/// 3).
struct Problem {
    std::string path;
    std::string reason;
};

// ---- trees --------------------------------------------------------------------------------------

struct TreeItem {
    enum class Step { enter, leaf, leave } step = Step::leaf;
    Entry entry;                       ///< of leave: name only
    std::shared_ptr<Content> content;  ///< of files, under each of their names
};

/// A tree in depth-first order: enter(root), its entries in memcmp order of their names,
/// leave(root). A folder's entries stand between its enter and leave.
class TreeReader {
public:
    virtual ~TreeReader() = default;
    /// Empty at the end. Asked once more after all contents were read, it is empty again, or the
    /// error that makes them worthless (a command that failed after its output was taken).
    virtual Result<std::optional<TreeItem>> next(std::stop_token stop) = 0;
    /// What could not be read so far; complete after the end.
    virtual std::vector<Problem> take_problems() = 0;
};

/// Where a tree is put back. Paths are relative to the target, components checked, '/'-joined; the
/// root is "". Order of calls: make_folder parents first; then write_file in any order, and folders
/// for them; then make_other (symlinks, devices, hard links); then finish_folder children first.
/// Threads: write_file, and make_folder beside it, from many at once; the rest from one.
class TreeTarget {
public:
    virtual ~TreeTarget() = default;
    virtual Result<void> make_folder(std::string const& path, Entry const& entry) = 0;
    virtual Result<void> write_file(std::string const& path, Entry const& entry,
                                    ByteSource& content) = 0;
    virtual Result<void> make_other(std::string const& path, Entry const& entry) = 0;
    virtual Result<void> finish_folder(std::string const& path, Entry const& entry) = 0;
    virtual std::vector<Problem> take_problems() = 0;
};

// ---- rows ---------------------------------------------------------------------------------------

/// One row on its way to or from a repository. The views live until the next call.
struct RowView {
    ByteView subject;         ///< encoded key value of the person it is about; empty: nobody's
    std::uint32_t table = 0;  ///< position in DatabaseSchema::tables, or media_table
    ByteView key;             ///< unique in its table; memcmp order is the order of storage
    ByteView payload;         ///< encoded values of the non-generated columns, in order
};

/// Media files travel among the rows so that they share their person's fate: key = path below the
/// media folder, payload = encode_entry; the content is fetched by RowReader::open_media.
inline constexpr std::uint32_t media_table = 0xffff'ffff;

/// What a database or tree is, in one value that its copy must reproduce.
struct LogicalDigest {
    crypto::Digest hash;
    std::uint64_t items = 0;  ///< rows, or tree entries
    std::uint64_t bytes = 0;
    bool operator==(LogicalDigest const&) const = default;
};

/// A database and its media, in one consistent view, each row with the person it is about.
class RowReader {
public:
    virtual ~RowReader() = default;
    virtual DatabaseSchema const& schema() const = 0;
    /// Empty at the end. Any order of rows.
    virtual Result<std::optional<RowView>> next(std::stop_token stop) = 0;
    /// The content of a media file by its key. Threads: any.
    virtual std::shared_ptr<Content> open_media(ByteView key) = 0;
    /// After the end: the digest of everything read, computed from the source's own values.
    virtual Result<LogicalDigest> digest() = 0;
    virtual std::vector<Problem> take_problems() = 0;
};

/// Where a database is put back: begin, rows sorted by (table, key), media in any order, finish.
class RowTarget {
public:
    virtual ~RowTarget() = default;
    virtual Result<void> begin(DatabaseSchema const& schema) = 0;
    virtual Result<void> add(RowView const& row) = 0;
    virtual Result<void> add_media(Entry const& entry, std::string const& path,
                                   ByteSource& content) = 0;
    /// Indexes, views, triggers; then makes the database visible under its name.
    virtual Result<void> finish(std::stop_token stop) = 0;
    virtual std::vector<Problem> take_problems() = 0;
};

}  // namespace perdure::data
