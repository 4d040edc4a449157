// A compressed frame from a hostile writer, and what we compress ourselves.
#include <algorithm>

#include "content/codec.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::content;
    if (size < 5) return 0;
    ByteView const bytes = std::as_bytes(std::span(data, size));
    std::size_t const raw_bytes = data[1] | data[2] << 8 | data[3] << 16 | data[4] << 24;
    auto const hostile = decompress({Codec{data[0]}, bytes.subspan(5), raw_bytes, bytes.first(5)});
    PD_ASSERT(!hostile || hostile->size() == raw_bytes);
    ByteView const prefix = data[0] % 2 == 0 ? bytes.first(size / 2) : ByteView{};
    Bytes packed;
    Codec const codec = compress(bytes, {.effort = Effort(data[0] % 3), .prefix = prefix}, packed);
    ByteView const stored = codec == Codec::stored ? bytes : ByteView(packed);
    auto const back = decompress({codec, stored, size, prefix});
    PD_ASSERT(back && std::ranges::equal(*back, bytes));
    return 0;
}
