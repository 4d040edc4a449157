// A damaged object with a parity suffix; first the raw input, then a good object damaged by it.
#include "content/parity.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::content;
    ByteView const bytes = std::as_bytes(std::span(data, size));
    crypto::Digest const other{};
    PD_ASSERT(!repair_with_parity(bytes, other));
    PD_ASSERT(body_bytes(bytes) <= size);
    PD_ASSERT(salvage_with_parity(bytes).size() <= 64U << 20);
    (void)body_bytes_from_tail(bytes.size() > 32 ? bytes.last(32) : bytes, size);

    Bytes body = to_bytes(bytes);
    crypto::Digest const name = crypto::sha256(body);
    Bytes object = body;
    append(object, make_parity(body));
    PD_ASSERT(body_bytes(object) == size);
    if (size < 4) return 0;
    std::size_t const at = (data[0] | data[1] << 8 | data[2] << 16) % object.size();
    object[at] ^= std::byte{static_cast<unsigned char>(data[3] | 1)};
    auto const repaired = repair_with_parity(object, name);  // one bad byte is always repairable
    PD_ASSERT(repaired && *repaired == body);
    return 0;
}
