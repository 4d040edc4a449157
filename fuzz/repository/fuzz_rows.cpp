// A row block from a hostile writer: what is accepted ascends and is written back alike in meaning.
#include "repository/rows/row_block.h"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace perdure;
    using namespace perdure::repository;
    RowBlockReader reader(std::as_bytes(std::span(data, size)));
    RowBlockWriter writer;
    std::size_t rows = 0;
    Bytes last;
    std::uint32_t last_table = 0;
    while (true) {
        auto const row = reader.next();
        if (!row) return 0;
        if (!*row) break;
        bool const ascends =
            rows == 0 || last_table < (*row)->table || as_text(last) < as_text((*row)->key);
        PD_ASSERT(ascends);
        writer.add(**row);
        last = to_bytes((*row)->key);
        last_table = (*row)->table;
        ++rows;
    }
    Bytes const again = writer.take();
    RowBlockReader back(again);
    for (; rows > 0; --rows) {
        auto const row = back.next();
        PD_ASSERT(row && *row);
    }
    PD_ASSERT(!*back.next());
    return 0;
}
