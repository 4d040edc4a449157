#pragma once

#include <map>
#include <stop_token>

#include "format/archive/unpack/file_set.h"
#include "format/container/minisign/minisign.h"

namespace perdure::format {

struct VerifyOptions {
    OpenOptions open;
    /// The key whose signature counts. None: the one the archive names itself, which proves that
    /// nothing was changed by accident, and nothing about who made it.
    std::optional<MinisignPublicKey> key;
};

enum class SignatureState : std::uint8_t { none, valid, valid_by_own_word, wrong };

struct ArchiveReport {
    std::string container;  ///< "folder", "tar.gz", "zip", "tar"
    bool encrypted = false, bagit = false;
    std::string schema_version, source, export_date;
    std::uint64_t files = 0, bytes = 0, records = 0, media = 0, vectors = 0;
    std::map<std::string, std::uint64_t> per_type;
    SignatureState signature = SignatureState::none;
    std::string signed_by;  ///< the key's id
    std::vector<std::string> errors, warnings;
    /// Of a salvage: what is lost, by record ("memory 17") or file.
    std::vector<data::Problem> lost;

    bool good() const { return errors.empty() && lost.empty(); }
};

/// Reads everything in a portable archive and compares it with everything the archive says of
/// itself: names and kinds of entries, checksums, signature, manifest, index, records, vectors,
/// media, the bag around it. What is wrong is in the report; at most 1,000 sentences.
/// Fails: where nothing can be said at all: not_found, denied, unsupported, corrupt (the container
/// cannot be read), exhausted (a limit), cancelled.
Result<ArchiveReport> verify_archive(system::Path const& path, VerifyOptions options,
                                     std::stop_token stop);

}  // namespace perdure::format
