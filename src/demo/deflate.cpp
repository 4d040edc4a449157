#include "demo/deflate.h"

#include <isa-l/igzip_lib.h>

namespace perdure::demo {
namespace {

Bytes deflate(ByteView bytes, std::uint16_t wrapping) {
    Bytes out(bytes.size() + bytes.size() / 1000 + 512);
    isal_zstream stream;
    isal_deflate_stateless_init(&stream);
    stream.gzip_flag = wrapping;
    stream.end_of_stream = 1;
    stream.flush = NO_FLUSH;
    stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(bytes.data()));
    stream.avail_in = static_cast<std::uint32_t>(bytes.size());
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.avail_out = static_cast<std::uint32_t>(out.size());
    PD_ASSERT(isal_deflate_stateless(&stream) == COMP_OK);
    out.resize(stream.total_out);
    return out;
}

}  // namespace

Bytes gzip(ByteView bytes) {
    return deflate(bytes, IGZIP_GZIP);
}
Bytes zlib_stream(ByteView bytes) {
    return deflate(bytes, IGZIP_ZLIB);
}

}  // namespace perdure::demo
