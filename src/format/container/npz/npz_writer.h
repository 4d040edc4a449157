#pragma once

#include <functional>
#include <string>
#include <vector>

#include "format/output.h"

namespace perdure::format {

using ByteSink = std::function<Result<void>(ByteView)>;

/// One array of an .npz file. Its bytes are asked for twice: for their checksum, and to be written.
struct NpzArray {
    std::string name;   ///< "vectors"
    std::string descr;  ///< numpy's word for the element: "<f4", "<U36"
    std::vector<std::uint64_t> shape;
    std::size_t element_bytes = 0;
    std::function<Result<void>(ByteSink const&)> feed;

    std::uint64_t size_bytes() const;
};

/// How long the file will be: known before, since nothing is compressed.
std::uint64_t npz_size_bytes(std::vector<NpzArray> const& arrays);

/// A zip of .npy files (format 1.0), stored, in the order given, without dates: numpy maps it, and
/// the same arrays give the same bytes. zip64 where sizes ask for it.
/// Fails: internal, when an array feeds another number of bytes than its shape says.
Result<void> write_npz(Output& out, std::vector<NpzArray> const& arrays);

/// The header of an .npy file, padded so that its data begins at a multiple of 64.
std::string npy_header(NpzArray const& array);

}  // namespace perdure::format
