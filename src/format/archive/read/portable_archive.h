#pragma once

#include "format/archive/read/manifest.h"
#include "format/archive/unpack/file_set.h"

namespace perdure::format {

/// A portable archive that was opened: its files, where its root lies among them, its manifest.
class PortableArchive {
public:
    /// Fails: as FileSet::open and ArchiveManifest::parse; unsupported (no manifest.json in it).
    static Result<PortableArchive> open(system::Path const& path, OpenOptions const& options,
                                        std::stop_token stop);

    FileSet const& files() const { return files_; }
    ArchiveManifest const& manifest() const { return manifest_; }
    /// What stands before the names of the archive, such as "portable_backup/data/".
    std::string const& root() const { return root_; }
    /// The folder of the bag around it, such as "portable_backup/"; empty text for the set's own
    /// folder; nothing where there is no bag.
    std::optional<std::string> const& bag() const { return bag_; }
    bool salvaged() const { return salvage_; }

    bool has(std::string_view name) const { return files_.has(root_ + std::string(name)); }
    Result<Bytes> read(std::string_view name, std::uint64_t max_bytes) const {
        return files_.read(root_ + std::string(name), max_bytes);
    }
    Result<system::File> open_file(std::string_view name) const {
        return files_.open_file(root_ + std::string(name));
    }
    system::Path path_of(std::string_view name) const {
        return files_.folder() / (root_ + std::string(name));
    }
    bool damaged(std::string_view name) const;

private:
    FileSet files_;
    std::string root_;
    std::optional<std::string> bag_;
    ArchiveManifest manifest_;
    bool salvage_ = false;
};

/// The records of an archive, in the order of its files. The archive must outlive the reader.
/// Everything is checked on the way: the index against the bytes, the framing, ids, the hashes of
/// records, the owners of vectors. A salvaged archive gives what is whole; what is lost is told by
/// take_problems(), by record id where the index is whole.
/// next() fails: corrupt, invalid.
std::unique_ptr<data::RecordReader> open_archive_records(PortableArchive const& archive);
/// The same for an archive that needs no keys; the reader keeps it.
Result<std::unique_ptr<data::RecordReader>> open_archive_file(system::Path const& path,
                                                              std::stop_token stop);

}  // namespace perdure::format
