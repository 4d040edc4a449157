#include "format/container/blocks.h"

#include <system_error>

#include "format/container/handle.h"

namespace perdure::format {

namespace {

constexpr int level = 6;

}  // namespace

Result<Bytes> deflate_part(ByteView block, bool last) {
    DeflateStream stream(new z_stream{});
    constexpr int raw_window_bits = -15;
    if (deflateInit2(stream.get(), level, Z_DEFLATED, raw_window_bits, 9, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        return fail(Fault::exhausted, "no memory to compress with");
    }
    Bytes out(deflateBound(stream.get(), block.size()) + 64);
    stream->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(block.data()));
    stream->avail_in = static_cast<uInt>(block.size());
    stream->next_out = reinterpret_cast<Bytef*>(out.data());
    stream->avail_out = static_cast<uInt>(out.size());
    int const done = deflate(stream.get(), last ? Z_FINISH : Z_FULL_FLUSH);
    PD_ASSERT(done == (last ? Z_STREAM_END : Z_OK) && stream->avail_in == 0);
    out.resize(stream->total_out);
    return out;
}

Result<Bytes> gzip_member(ByteView block) {
    Compressor compressor(libdeflate_alloc_compressor(level));
    if (!compressor) return fail(Fault::exhausted, "no memory to compress with");
    Bytes out(libdeflate_gzip_compress_bound(compressor.get(), block.size()));
    auto const size = libdeflate_gzip_compress(compressor.get(), block.data(), block.size(),
                                               out.data(), out.size());
    PD_ASSERT(size > 0);
    out.resize(size);
    return out;
}

std::uint32_t crc32(std::uint32_t so_far, ByteView bytes) {
    if (bytes.empty()) return so_far;  // the library starts anew where there is no address
    return libdeflate_crc32(so_far, bytes.data(), bytes.size());
}

Result<void> BlockCompressor::write(ByteView bytes) {
    while (waiting_.size() + bytes.size() >= block_bytes) {
        auto const piece = block_bytes - waiting_.size();
        append(waiting_, bytes.first(piece));
        bytes = bytes.subspan(piece);
        if (running_.size() == in_flight) PD_CHECK(take_front());
        start(std::exchange(waiting_, {}), false);
        waiting_.reserve(block_bytes);
    }
    append(waiting_, bytes);
    return {};
}

void BlockCompressor::start(Bytes block, bool last) {
    auto work = [this, block = std::move(block), last] { return compress_(block, last); };
    try {
        running_.push_back(std::async(std::launch::async, work));
    } catch (std::system_error const&) {  // no thread to be had: then here, when it is asked for
        running_.push_back(std::async(std::launch::deferred, work));
    }
}

Result<void> BlockCompressor::take_front() {
    auto block = running_.front().get();
    running_.pop_front();
    if (!block) return std::move(block).error();
    return take_(*block);
}

Result<void> BlockCompressor::drain() {
    while (!running_.empty()) PD_CHECK(take_front());
    return {};
}

Result<void> BlockCompressor::finish() {
    PD_CHECK(drain());
    PD_TRY(auto const block, compress_(std::exchange(waiting_, {}), true));
    return take_(block);
}

}  // namespace perdure::format
