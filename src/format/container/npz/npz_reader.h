#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/container/npz/zip_index.h"

namespace perdure::format {

/// The header of an .npy file, strictly: a plain element type and a shape, never objects (pickles).
struct NpyHeader {
    char kind = 0;  ///< f, i, u, U, S, b
    std::size_t element_bytes = 0;
    std::string descr;
    std::vector<std::uint64_t> shape;
    std::size_t header_bytes = 0;  ///< where the data begins
    bool fortran_order = false;

    /// Product of the shape times the element. Fails: corrupt, when it does not fit 63 bits.
    Result<std::uint64_t> data_bytes() const;
    std::uint64_t rows() const { return shape.empty() ? 0 : shape.front(); }
    /// Reads from the first bytes of a file. Fails: corrupt; denied (a pickle); unsupported.
    static Result<NpyHeader> parse(ByteView start);
};
/// The longest header that is looked at.
inline constexpr std::size_t npy_header_max = 64 << 10;

struct NpzLimits {
    std::size_t arrays_max = 1024;
    std::uint64_t bytes_max = std::uint64_t{1} << 40;  ///< unpacked
    std::uint64_t row_bytes_max = 64 << 20;
    std::uint64_t empty_rows_max = 1 << 24;  ///< rows that take no bytes
    std::uint64_t ratio_max = 1100;  ///< unpacked to packed of one array: what DEFLATE can at most
};

/// Arrays of an .npz file, each row readable alone. Everything was read once and checked when it is
/// open; what was compressed lies unpacked in `scratch` then.
/// Threads: any, once open.
class NpzReader {
public:
    struct Array {
        NpyHeader header;
        std::uint64_t data_offset = 0;
        system::File const* file = nullptr;
    };
    /// Fails: corrupt, denied, unsupported, exhausted.
    static Result<NpzReader> open(system::Path const& file, system::Path const& scratch,
                                  NpzLimits limits = {});
    std::map<std::string, Array> const& arrays() const { return arrays_; }
    Array const* find(std::string_view name) const;
    /// Bytes of one row. Fails: invalid (no such array or row).
    Result<Bytes> row(std::string_view array, std::uint64_t index) const;
    /// A row of unicode or byte strings as UTF-8, without its padding. Fails: as row; corrupt.
    Result<std::string> text(std::string_view array, std::uint64_t index) const;

private:
    Result<void> add(ZipEntry const& entry, system::Path const& scratch, NpzLimits const& limits);

    std::unique_ptr<system::File> file_;
    std::vector<std::unique_ptr<system::File>> unpacked_;
    std::map<std::string, Array> arrays_;
};

}  // namespace perdure::format
