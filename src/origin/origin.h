#pragma once

#include <map>
#include <memory>
#include <string>

#include "data/mapping.h"
#include "data/stream.h"
#include "system/file.h"

namespace perdure::origin {

/// What a source is made of: a tree of files, or rows with media.
enum class Shape { tree, rows };

/// One `[source.NAME]`, resolved: absolute paths, defaults filled in.
struct SourceOptions {
    std::string name;    ///< "app"
    std::string type;    ///< a kind: "files", "sqlite", "git", "command"
    system::Path path;   ///< database file, folder, repository
    system::Path media;  ///< folder of media files, or empty
    data::Mapping mapping;
    std::vector<std::string> exclude;         ///< gitignore syntax, relative to path
    std::map<std::string, std::string> mask;  ///< "table.column" → "drop" (never enters a backup)
    /// Absolute paths of files, and of folders of files, that a source of rows keeps: by no other
    /// name (a hard link) are they read here.
    std::vector<std::string> kept_as_rows;
    bool one_file_system = false;
    bool exclude_caches = true;        ///< folders tagged by CACHEDIR.TAG
    std::vector<std::string> command;  ///< argv of a command source
    std::string output_name;           ///< file name that a command's output gets
};

struct TargetOptions {
    system::Path folder;        ///< everything is written beneath it, nothing outside
    bool overwrite = false;     ///< false: fails with conflict on an existing name
    bool special_files = true;  ///< device nodes, setuid: our own snapshots restore them
    bool owners = true;         ///< chown; without the right to, reported once, not fatal
    /// A tree: sync its file system at the end, and lock what was immutable or append-only. False
    /// for copies that are thrown away again, which such flags would keep from going.
    bool durable = true;
};

/// One kind of source, bound to one place.
/// Threads: one.
class Origin {
public:
    virtual ~Origin() = default;
    virtual Shape shape() const = 0;
    /// Cheap check that it can be read now, with a clear error.
    virtual Result<void> test(std::stop_token stop) = 0;
    /// Exactly one of the two works, by shape; the other fails with unsupported.
    virtual Result<std::unique_ptr<data::TreeReader>> open_tree(std::stop_token stop) = 0;
    virtual Result<std::unique_ptr<data::RowReader>> open_rows(std::stop_token stop) = 0;
    /// The digest of what is there now, read afresh and with no help from any snapshot.
    virtual Result<data::LogicalDigest> digest(std::stop_token stop) = 0;
    /// Integrity of the source's own structures (PRAGMA integrity_check, fsck…): what is wrong.
    virtual Result<std::vector<data::Problem>> check(std::stop_token stop) = 0;
    /// Runs a read-only query of a drill's invariant: empty when it returns no rows, else the first
    /// rows as text. Fails: unsupported (not a database); invalid (the SQL, or it would write).
    virtual Result<std::string> query(std::string const& sql, std::stop_token stop) {
        static_cast<void>(stop);
        return fail(Fault::unsupported, "only a database answers a query: " + sql);
    }
};

/// Fails: invalid (unknown type, with the known ones; a missing option).
Result<std::unique_ptr<Origin>> open_origin(SourceOptions const& options);

/// Where a snapshot of a source of that type is put back. A database keeps its file name below the
/// folder, its media folder beside it; a tree its relative paths.
Result<std::unique_ptr<data::TreeTarget>> open_tree_target(SourceOptions const& source,
                                                           TargetOptions const& options);
Result<std::unique_ptr<data::RowTarget>> open_row_target(SourceOptions const& source,
                                                         TargetOptions const& options);
/// The same source, as it lies below a folder after a restore: for digest and check.
SourceOptions relocated(SourceOptions const& source, system::Path const& folder);

struct OriginKind {
    std::string_view type;
    Shape shape;
    Result<std::unique_ptr<Origin>> (*open)(SourceOptions const&);
    /// Null where the shape does not fit.
    Result<std::unique_ptr<data::TreeTarget>> (*open_tree_target)(SourceOptions const&,
                                                                  TargetOptions const&);
    Result<std::unique_ptr<data::RowTarget>> (*open_row_target)(SourceOptions const&,
                                                                TargetOptions const&);
};
std::span<OriginKind const> origin_kinds();

}  // namespace perdure::origin
