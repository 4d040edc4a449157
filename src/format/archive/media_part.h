#pragma once

#include <unordered_map>
#include <unordered_set>

#include "format/archive/archive_files.h"
#include "format/format.h"

namespace perdure::format {

/// The media of an archive: each content once, under its SHA-256, and media/media.json.
/// Memory: about 150 bytes a distinct medium, 48 a name of one.
class MediaPart {
public:
    static Result<MediaPart> open(OutputTree& tree);

    /// Writes the file unless an equal one is there. Its hash in hexadecimal.
    /// Fails: not_found, corrupt, unsupported (that medium alone); conflict (it changed between two
    /// readings, which ends the export).
    Result<std::string> add(ArchiveFiles& files, data::MediaRef const& ref, MediaLibrary& library,
                            std::stop_token stop);
    Result<ArchiveFiles::Written> write(ArchiveFiles& files);
    std::uint64_t count() const { return seen_.size(); }
    std::uint64_t bytes() const { return bytes_; }

    /// From the spool, which a resumed tree brought back; `bytes` as counted then.
    Result<void> restore(std::uint64_t bytes);

private:
    struct Entry {
        crypto::Digest hash;
        std::uint64_t offset = 0;
        std::uint32_t name_bytes = 0, facts_bytes = 0;
    };

    Result<crypto::Digest> store(ArchiveFiles& files, MediaFile& file, std::stop_token stop);
    Result<void> remember(crypto::Digest const& hash, std::string_view name,
                          std::string_view facts);
    Result<void> write_entries(Output& out);

    std::unique_ptr<Spool> entries_;
    std::vector<Entry> index_;
    std::unordered_set<crypto::Digest, OpaqueHash> seen_;
    std::unordered_map<std::string, crypto::Digest> recent_;  ///< path → what was stored for it
    std::uint64_t bytes_ = 0;
};

}  // namespace perdure::format
