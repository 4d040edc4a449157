#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "data/conflict.h"
#include "origin/merge/files/file_swap.h"
#include "origin/origin.h"

namespace perdure::origin {

/// What a restore would do, or does, to one file, link or folder.
struct FileItem {
    enum class Finding { create, conflict, remove, blocked } finding = Finding::create;
    std::string path;
    data::Decision decision = data::Decision::keep;
    std::string reason;
    struct Field {
        std::string name, target, snapshot;
    };
    std::vector<Field> fields;
    std::string target_state;  ///< kind, size and times of what is there; empty: nothing is
};

struct FileSummary {
    std::uint64_t chosen = 0, create = 0, identical = 0, conflict = 0, remove = 0, blocked = 0;
    std::uint64_t only_target = 0, bytes = 0;
    std::map<std::string, std::uint64_t> decisions;
};

struct TreeMergeRequest {
    system::Path root;  ///< the live folder; everything happens beneath it
    std::string source;
    std::function<bool(std::string_view path)> chosen;
    data::Strategy strategy = data::Strategy::keep_newer;
    std::map<std::string, data::Decision> overrides;  ///< "app/a/b.txt" → decision
    Timestamp now;
    /// Snapshots hold what stands there: what cannot be read may go all the same.
    bool held = false;
    std::string stage;  ///< name of the stage below root; empty: compare only
    bool again = true;  ///< whoever feeds it can do so once more: take_alone()
    std::function<Result<void>(FileItem const&)> tell;  ///< any order, one at a time
};

/// Compares the files of a snapshot with a live folder; it is fed like any target of a restore.
/// Metadata is compared always; contents of equal size where the times differ, and, when the
/// strategy is to overwrite, also where the kernel says that somebody touched the file since.
/// With a stage the new contents are put into `<root>/<stage>/`, complete and on the disk, and
/// nothing else changes until swap(). Every name is resolved beneath the root with no link
/// followed. Threads: write_file from many, the rest from one.
class TreeMerge : public data::TreeTarget {
public:
    /// Fails: not_found (no such folder), conflict (a stage of that name is there).
    static Result<std::unique_ptr<TreeMerge>> create(TreeMergeRequest request);
    virtual FileSummary const& summary() const = 0;
    /// An order-free hash of all items.
    virtual std::string state() const = 0;
    /// Further names of files whose first name does not become what it was: fed once more, by
    /// themselves, with the content, they become files of their own. And logs beside a database
    /// that is there: only now is known what becomes of it. Asked after the root's finish; whoever
    /// cannot feed them says why.
    virtual std::vector<std::string> take_alone() = 0;
    virtual Result<void> refuse(std::string const& path, std::string why) = 0;
    /// Takes a name away in swap(), when it is still what it was at `seen`.
    virtual Result<void> remove(std::string const& path) = 0;
    /// Takes a folder away in swap(), if it is empty then.
    virtual void remove_folder(std::string const& path) = 0;
    virtual std::vector<FileChange> const& changes() const = 0;
    /// Brings the staged contents to the disk.
    virtual Result<void> settle_stage() = 0;
};

/// Fails: invalid, for a path that leaves its root.
Result<void> check_tree_path(std::string const& path);

}  // namespace perdure::origin
