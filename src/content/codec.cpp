#include "content/codec.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <memory>

namespace perdure::content {
namespace {

struct FreeCCtx {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDCtx {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* compressor() {
    thread_local std::unique_ptr<ZSTD_CCtx, FreeCCtx> const context(ZSTD_createCCtx());
    PD_ASSERT(context != nullptr);
    return context.get();
}

ZSTD_DCtx* decompressor() {
    thread_local std::unique_ptr<ZSTD_DCtx, FreeDCtx> const context(ZSTD_createDCtx());
    PD_ASSERT(context != nullptr);
    return context.get();
}

void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
    PD_ASSERT(!ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)));
}

void configure(ZSTD_CCtx* context, Effort effort, std::size_t reach_bytes) {
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    int const window_log = std::clamp<int>(std::bit_width(reach_bytes), 10, window_log_max);
    if (effort == Effort::fast) {
        set(context, ZSTD_c_compressionLevel, 1);
        set(context, ZSTD_c_strategy, ZSTD_fast);
        set(context, ZSTD_c_hashLog, 17);
        set(context, ZSTD_c_minMatch, 7);
    } else {
        set(context, ZSTD_c_compressionLevel, effort == Effort::balanced ? 2 : 6);
    }
    set(context, ZSTD_c_windowLog, window_log);
    set(context, ZSTD_c_contentSizeFlag, 1);
    set(context, ZSTD_c_checksumFlag, 0);  // the seal and the blob id say more
    set(context, ZSTD_c_dictIDFlag, 0);
}

std::size_t worth_bytes(std::size_t raw_bytes) {
    return raw_bytes - raw_bytes / 64;
}

/// Compresses sixteen samples spread over raw; text and images are told apart at a small price.
bool looks_incompressible(ByteView raw) {
    constexpr std::size_t samples = 16, sample_bytes = 2048;
    if (raw.size() < 8 * samples * sample_bytes) return false;
    thread_local Bytes sample(samples * sample_bytes), packed;
    std::size_t const step = (raw.size() - sample_bytes) / (samples - 1);
    for (std::size_t i = 0; i < samples; ++i) {
        std::memcpy(sample.data() + i * sample_bytes, raw.data() + i * step, sample_bytes);
    }
    ZSTD_CCtx* const context = compressor();
    configure(context, Effort::fast, sample.size());
    packed.resize(ZSTD_compressBound(sample.size()));
    std::size_t const size =
        ZSTD_compress2(context, packed.data(), packed.size(), sample.data(), sample.size());
    return !ZSTD_isError(size) && size > worth_bytes(sample.size());
}

/// Checks the parts of a zstd frame header that bound memory, before the library sees the frame.
Result<void> check_header(ByteView frame) {
    if (frame.size() < 6) return fail(Fault::corrupt, "a compressed frame is too short");
    auto const descriptor = std::to_integer<unsigned>(frame[4]);
    if ((descriptor & 3U) != 0)
        return fail(Fault::corrupt, "a compressed frame asks for a dictionary");
    bool const single_segment = (descriptor & 32U) != 0;
    if (!single_segment) {
        auto const window_log = 10 + static_cast<int>(std::to_integer<unsigned>(frame[5]) >> 3);
        if (window_log > window_log_max) {
            return fail(Fault::corrupt, "a compressed frame asks for too large a window");
        }
    }
    return {};
}

}  // namespace

Codec compress(ByteView raw, CompressOptions options, Bytes& out) {
    PD_ASSERT(raw.size() <= frame_raw_bytes_max);
    out.clear();
    bool const delta = !options.prefix.empty();
    if (raw.size() < 32 && !delta) return Codec::stored;
    if (!delta && looks_incompressible(raw)) return Codec::stored;
    ZSTD_CCtx* const context = compressor();
    configure(context, options.effort, raw.size() + options.prefix.size());
    if (delta) {
        PD_ASSERT(!ZSTD_isError(
            ZSTD_CCtx_refPrefix(context, options.prefix.data(), options.prefix.size())));
    }
    std::size_t const room = worth_bytes(raw.size());
    thread_local Bytes packed;
    if (packed.size() < room) packed.resize(room);
    std::size_t const size = ZSTD_compress2(context, packed.data(), room, raw.data(), raw.size());
    if (ZSTD_isError(size)) return Codec::stored;  // does not fit into what would be worth it
    out.assign(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size));
    return delta ? Codec::zstd_prefix : Codec::zstd;
}

Result<Bytes> decompress(Encoded const& encoded) {
    if (encoded.raw_bytes > frame_raw_bytes_max) {
        return fail(Fault::exhausted, "a frame is larger than any may be");
    }
    if (encoded.codec == Codec::stored) {
        if (encoded.bytes.size() != encoded.raw_bytes) {
            return fail(Fault::corrupt, "a stored frame has another length than it says");
        }
        return to_bytes(encoded.bytes);
    }
    if (encoded.codec != Codec::zstd && encoded.codec != Codec::zstd_prefix) {
        return fail(Fault::unsupported, "a frame is written with a codec of a newer version");
    }
    PD_CHECK(check_header(encoded.bytes));
    if (ZSTD_getFrameContentSize(encoded.bytes.data(), encoded.bytes.size()) != encoded.raw_bytes ||
        ZSTD_findFrameCompressedSize(encoded.bytes.data(), encoded.bytes.size()) !=
            encoded.bytes.size()) {
        return fail(Fault::corrupt, "a compressed frame has another length than it says");
    }
    ZSTD_DCtx* const context = decompressor();
    ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
    if (encoded.codec == Codec::zstd_prefix) {
        ZSTD_DCtx_refPrefix(context, encoded.prefix.data(), encoded.prefix.size());
    }
    Bytes raw(encoded.raw_bytes);
    std::size_t const size = ZSTD_decompressDCtx(context, raw.data(), raw.size(),
                                                 encoded.bytes.data(), encoded.bytes.size());
    if (ZSTD_isError(size) || size != raw.size()) {
        return fail(Fault::corrupt, "a compressed frame does not decode");
    }
    return raw;
}

}  // namespace perdure::content
