#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "data/stream.h"
#include "origin/merge/files/file_swap.h"
#include "system/file.h"

namespace perdure::origin {

/// What a restore is going to put in place, complete, under numbers in a folder beneath the live
/// root. Threads: any.
class FileStage {
public:
    /// Makes the folder `name`. Fails: conflict (it is there).
    static Result<std::unique_ptr<FileStage>> make(int root, system::Path const& path,
                                                   std::string name, std::string const& source);
    std::uint64_t next() { return ++number_; }
    /// A file; its number.
    Result<std::uint64_t> put(data::Entry const& entry, data::ByteSource& content);
    /// A link or special file; its number.
    Result<std::uint64_t> put_other(data::Entry const& entry);
    /// An empty folder that things can be put into; its own mode comes last.
    Result<std::uint64_t> put_folder(data::Entry entry);
    /// A staged file's content once more, as its snapshot tells it.
    Result<std::unique_ptr<data::ByteSource>> read(std::uint64_t number, data::Entry const& entry);
    /// Takes a staged file away again.
    Result<void> drop(std::uint64_t number);
    /// The change that puts it at `path`; nothing: it is not there (a device that could not be
    /// made, see lacks()).
    std::optional<FileChange> change(FileChange::Act act, std::string const& path,
                                     std::uint64_t number) const;
    /// Brings everything to the disk.
    Result<void> settle();
    /// How the staged thing differs from what its snapshot tells, its owner included. Empty: not.
    std::string lacks(std::uint64_t number, data::Entry const& entry) const;

private:
    FileStage(int root, system::Path folder, std::string name,
              std::unique_ptr<data::TreeTarget> target)
        : root_(root),
          folder_(std::move(folder)),
          name_(std::move(name)),
          target_(std::move(target)) {}
    int root_;
    system::Path folder_;
    std::string name_;
    std::unique_ptr<data::TreeTarget> target_;
    std::atomic<std::uint64_t> number_ = 0;
};

}  // namespace perdure::origin
