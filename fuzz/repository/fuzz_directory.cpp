// The list inside a pack's directory.
#include "repository/pack/pack_directory.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    ByteView const bytes = std::as_bytes(std::span(data, size));
    std::uint64_t frames_end = repository::object_header_bytes;
    if (size >= 4) frames_end += data[0] | data[1] << 8 | data[2] << 16;
    auto const parsed =
        repository::PackDirectory::decode(size >= 4 ? bytes.subspan(3) : bytes, frames_end);
    if (!parsed) return 0;
    // Domains may be listed in another order, so compare what is read back, not the bytes.
    auto const again = repository::PackDirectory::decode(parsed->encode(), frames_end);
    PD_ASSERT(again && again->frames.size() == parsed->frames.size());
    PD_ASSERT(again->encode() == parsed->encode());
    return 0;
}
