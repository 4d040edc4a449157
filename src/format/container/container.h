#pragma once

#include <memory>
#include <string>

#include "format/output.h"

namespace perdure::format {

struct ContainerOptions {
    /// Of entries that name no time of their own: the state of the data, so that the same snapshot
    /// gives the same bytes.
    Timestamp modified;
    /// About how much comes, 0 if unknown: from 1 GiB on, entries whose size is not known before
    /// get room for sizes of 64 bits.
    std::uint64_t expected_bytes = 0;
};

/// A container as an OutputTree: one file named `name` of `base`, which must outlive it. One entry
/// is open at a time. Spools are base's; names below "container/" are taken.
///
/// checkpoint() tells this container's own state only (at most 1 MiB and a bit): whoever owns
/// `base` checkpoints that afterwards. finish() ends the container's file and not `base`.
/// The bytes depend on what is written and on the options alone. A zip needs
/// a PatchableOutput of `base`.

/// ZIP (APPNOTE 6.3.9): UTF-8 names, DOS times in UTC, deflate by blocks of 1 MiB, stored where
/// FileOptions::compressible is false, sizes before the data, no extra field unless an entry needs
/// 64-bit sizes. An uncompressible first file of known size is what EPUB wants of "mimetype".
Result<std::unique_ptr<OutputTree>> open_zip(OutputTree& base, std::string const& name,
                                             ContainerOptions options);
/// Fails: corrupt.
Result<std::unique_ptr<OutputTree>> resume_zip(OutputTree& base, std::string const& name,
                                               ContainerOptions options, ByteView state);

/// tar (POSIX.1-2001, pax records only where ustar falls short) in gzip members of 1 MiB each, so
/// that what is broken costs one member. An entry of unknown size that outgrows 1 MiB passes
/// through a spool.
Result<std::unique_ptr<OutputTree>> open_tar_gz(OutputTree& base, std::string const& name,
                                                ContainerOptions options);
/// Fails: corrupt.
Result<std::unique_ptr<OutputTree>> resume_tar_gz(OutputTree& base, std::string const& name,
                                                  ContainerOptions options, ByteView state);

}  // namespace perdure::format
