// Cuts of any bytes: never outside the sizes, and the same whether the bytes come at once or bit by
// bit.
#include "content/chunk.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::content;
    static ChunkSizes const sizes{128, 512, 2048};
    static Chunker const chunker(crypto::Secret32{}, sizes);
    ByteView const bytes = std::as_bytes(std::span(data, size));
    for (ByteView rest = bytes; !rest.empty();) {
        std::size_t const cut = chunker.cut(rest, true);
        PD_ASSERT(cut > 0 && cut <= rest.size() && cut <= sizes.max_bytes);
        PD_ASSERT(cut >= sizes.min_bytes || cut == rest.size());
        std::size_t const shorter = chunker.cut(rest.first(cut / 2), false);
        PD_ASSERT(shorter == 0);
        if (cut < rest.size()) PD_ASSERT(chunker.cut(rest.first(cut), false) == cut);
        rest = rest.subspan(cut);
    }
    return 0;
}
