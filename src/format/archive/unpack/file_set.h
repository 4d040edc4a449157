#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/hash.h"
#include "data/stream.h"
#include "format/container/age/age_keys.h"
#include "system/file.h"

namespace perdure::format {

/// What an unpacking may cost at most.
struct UnpackLimits {
    std::uint64_t entries_max = 2'000'000;
    std::uint64_t bytes_max = std::uint64_t{1} << 42;  ///< of all files together
    /// Unpacked to packed, of the whole, once more than 256 MiB came out.
    std::uint64_t ratio_max = 300;
    std::uint64_t disk_reserve_bytes = std::uint64_t{512}
                                       << 20;  ///< left free in the scratch place
};

struct OpenOptions {
    AgeKeys keys;
    UnpackLimits limits;
    system::Path scratch_parent;  ///< empty: TMPDIR
    bool keep_media = true;       ///< false: media are hashed and dropped; enough to verify
    bool salvage = false;         ///< go on where bytes are damaged, and remember where
};

/// The files of somebody's archive, checked by name and kind before anything is written, whatever
/// they came in: a folder, .tar, .tar.gz, .zip, or one of these encrypted with age. Nothing lies
/// outside the scratch folder, which goes with the object.
class FileSet {
public:
    struct File {
        std::uint64_t bytes = 0;
        std::optional<crypto::Digest> hash;  ///< known when it passed through; else see hash_of
        bool kept = true;
        bool damaged = false;  ///< by a salvage: bytes of it are zeros
    };
    struct Damage {
        std::string what;
    };

    /// Fails: not_found; denied (a name, a link, a device, keys); corrupt; exhausted (a limit:
    /// which); unsupported (no container that is known).
    static Result<FileSet> open(system::Path const& path, OpenOptions const& options,
                                std::stop_token stop);

    std::map<std::string, File> const& files() const { return files_; }
    bool has(std::string_view name) const { return files_.contains(std::string(name)); }
    system::Path const& folder() const { return folder_; }
    /// Private, for whatever must be unpacked further.
    system::Path const& scratch() const { return scratch_->path(); }
    /// Fails: not_found, exhausted (longer than max_bytes).
    Result<Bytes> read(std::string const& name, std::uint64_t max_bytes) const;
    /// Fails: not_found.
    Result<system::File> open_file(std::string const& name) const;
    /// Reads the file unless the hash is known. Fails: not_found, as the disk.
    Result<crypto::Digest> hash_of(std::string const& name) const;
    std::vector<Damage> const& damages() const { return damages_; }
    bool encrypted() const { return encrypted_; }
    std::string const& container() const { return container_; }

private:
    friend class SetBuilder;
    std::optional<system::ScratchFolder> scratch_;
    system::Path folder_;
    std::map<std::string, File> files_;
    std::vector<Damage> damages_;
    bool encrypted_ = false;
    std::string container_;
};

}  // namespace perdure::format
