#pragma once

#include <stop_token>
#include <string>

#include "format/container/age/age_keys.h"
#include "format/output.h"

namespace perdure::job {

/// What becomes of a finished file before it gets its name: it is encrypted, cut into parts, or
/// both.
///
///   all.zip        as it is
///   all.zip.age    encrypted, as the age program does
///   all.zip.parts  a folder: all.zip.001, .002 … (which just follow each other in the whole),
///                  parts.sha256 and parts.json that prove them, JOIN.txt that tells what to do
struct Parcel {
    format::AgeSeal seal;          ///< empty: not encrypted
    std::uint64_t part_bytes = 0;  ///< 0: in one piece

    bool empty() const { return seal.empty() && part_bytes == 0; }
    Parcel copy() const;
};

inline constexpr std::uint64_t part_bytes_min = 64 << 10, parts_max = 9999;

/// The name that an output gets: with ".age" and ".parts" behind it, unless they are there already.
system::Path parcel_name(system::Path const& output, Parcel const& parcel);
/// The name of what lies inside, of a parcel's name.
system::Path content_name(system::Path const& output, Parcel const& parcel);

/// Puts the file `plain` as a parcel into `tree`, whose content will be called `output`.
/// Fails: invalid (too many parts), exhausted, cancelled.
/// `written` is where the tree keeps what it wrote: it is read back and must give `plain` again.
/// Fails also: corrupt.
Result<void> pack_parcel(system::Path const& plain, system::Path const& output,
                         Parcel const& parcel, format::OutputTree& tree,
                         system::Path const& written, std::stop_token stop);

/// Whether a folder holds the parts of one file.
bool holds_parts(system::Path const& folder);
/// Reads every part and compares it with parts.json, alone and in the whole.
/// Fails: corrupt (which part; missing, changed, short), invalid (a list that is none).
Result<void> check_parts(system::Path const& folder, std::stop_token stop);

}  // namespace perdure::job
