// The plaintext of a snapshot, and a database schema: what is accepted is written back and read
// again alike.
#include "data/schema.h"
#include "repository/snapshot.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    ByteView const bytes = std::as_bytes(std::span(data, size));
    if (auto const snapshot = repository::Snapshot::decode(bytes)) {
        Bytes const encoded = snapshot->encode();
        auto const again = repository::Snapshot::decode(encoded);
        PD_ASSERT(again && again->encode() == encoded);
    }
    if (auto const schema = data::DatabaseSchema::decode(bytes)) {
        PD_ASSERT(std::ranges::equal(schema->encode(), bytes));
    }
    return 0;
}
