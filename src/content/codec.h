#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace perdure::content {

/// How the bytes of a frame are written. The numbers are part of the format.
enum class Codec : std::uint8_t {
    stored = 0,       ///< as they are
    zstd = 1,         ///< one zstd frame (RFC 8878) with content size, without dictionary id
    zstd_prefix = 2,  ///< the same, with the plaintext of another blob as its prefix
};

/// What a decoder accepts, checked before anything is allocated.
inline constexpr std::size_t frame_raw_bytes_max = 16 << 20;
inline constexpr int window_log_max = 23;

/// How hard compress tries. Measured in docs/DECISIONS.md; any decoder reads all of them.
enum class Effort : std::uint8_t {
    fast,      ///< 4 MiB frames of large data: one pass with a table of half a megabyte
    balanced,  ///< 256 KiB frames of small files, rows and metadata
    thorough,  ///< what is little, and kept for long: the changes of one day
};

struct CompressOptions {
    Effort effort = Effort::fast;
    ByteView prefix;  ///< non-empty: compress as a delta against these bytes
};

/// Compresses raw (at most frame_raw_bytes_max) into `out`, replacing what it held. Falls back to
/// stored, with `out` left empty, when less than 1/64 would be saved: data that looks
/// incompressible by sample costs about a fiftieth of its length. Contexts are kept per thread.
/// Threads: any.
Codec compress(ByteView raw, CompressOptions options, Bytes& out);

struct Encoded {
    Codec codec = Codec::stored;
    ByteView bytes;
    std::size_t raw_bytes = 0;
    ByteView prefix;  ///< for zstd_prefix
};
/// Gives back what was compressed, exactly raw_bytes long.
/// Fails: corrupt (another length, a dictionary, a window above the limit, trailing bytes);
/// unsupported (a codec we do not know); exhausted (raw_bytes above the limit).
Result<Bytes> decompress(Encoded const& encoded);

}  // namespace perdure::content
