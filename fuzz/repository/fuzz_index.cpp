// The plaintext of an index segment, and its local form.
#include <algorithm>

#include "repository/index/index_segment.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::repository;
    ByteView const bytes = std::as_bytes(std::span(data, size));
    auto const parsed = IndexTables::decode(bytes);
    if (!parsed) return 0;
    PD_ASSERT(std::ranges::equal(parsed->encode(), bytes));
    static crypto::HmacKey const key{crypto::Secret32{}};
    auto const segment = IndexSegment::make(*parsed, {}, key, {});
    PD_ASSERT(segment->entries().size() == parsed->entries.size());
    for (IndexEntry const& entry : parsed->entries) PD_ASSERT(!segment->find(entry.id).empty());
    return 0;
}
