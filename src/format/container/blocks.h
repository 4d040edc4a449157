#pragma once

#include <deque>
#include <functional>
#include <future>

#include "base/bytes.h"
#include "base/result.h"

namespace perdure::format {

/// Containers compress in blocks that do not know each other: several at a time, a broken one costs
/// itself alone, and a killed export goes on at a block's border with the same bytes to come.
inline constexpr std::size_t block_bytes = std::size_t{1} << 20;

/// A part of one deflate stream (RFC 1951) that ends at a byte's border with nothing remembered;
/// `last` ends the stream. Level 6 of zlib. Fails: exhausted.
Result<Bytes> deflate_part(ByteView block, bool last);
/// A whole gzip member (RFC 1952) without name and time. Fails: exhausted.
Result<Bytes> gzip_member(ByteView block);

/// CRC-32 as zip and gzip have it; 0 to begin with.
std::uint32_t crc32(std::uint32_t so_far, ByteView bytes);

/// Cuts bytes into blocks, compresses a few at a time, hands the results on in order.
/// Memory: (in_flight + 1) blocks, twice. Threads: one calls; the work is done by others.
class BlockCompressor {
public:
    using Compress = std::function<Result<Bytes>(ByteView block, bool last)>;
    using Take = std::function<Result<void>(ByteView compressed)>;

    BlockCompressor(Compress compress, Take take, Bytes waiting = {})
        : compress_(std::move(compress)), take_(std::move(take)), waiting_(std::move(waiting)) {}

    Result<void> write(ByteView bytes);
    /// Hands on every whole block; what is left of the last one stays in waiting().
    Result<void> drain();
    Bytes const& waiting() const { return waiting_; }
    /// The rest, as the last block, which may be empty.
    Result<void> finish();

private:
    static constexpr std::size_t in_flight = 3;
    void start(Bytes block, bool last);
    Result<void> take_front();

    Compress compress_;
    Take take_;
    Bytes waiting_;
    std::deque<std::future<Result<Bytes>>> running_;
};

}  // namespace perdure::format
