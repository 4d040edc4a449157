// A row is varint(shared · 4 + outlined · 2 + other table) ‖ [varint table] ‖ bytes rest of key ‖
// bytes payload. `shared` leading bytes of the key equal those of the row before; it is 0 where the
// table changes. Neighbouring keys share most of their bytes, which zstd alone would pay for with a
// match in every row.
#include "repository/rows/row_block.h"

#include <algorithm>

#include "repository/rows/row_sort.h"

namespace perdure::repository {

namespace {

constexpr std::uint64_t bit_other_table = 1, bit_outlined = 2;
constexpr std::size_t payload_bytes_max = 80u << 20;  // an entry with millions of extents

Error bad(char const* what) {
    return fail(Fault::corrupt, what);
}

}  // namespace

void RowBlockWriter::add(StoredRow const& row) {
    bool const other = first_ || row.table != table_;
    std::size_t shared = 0;
    if (!other) {
        auto const split = std::ranges::mismatch(key_, row.key);
        shared = static_cast<std::size_t>(split.in1 - key_.begin());
    }
    out_.varint((shared << 2) | (row.outlined ? bit_outlined : 0U) |
                (other ? bit_other_table : 0U));
    if (other) out_.varint(row.table);
    out_.bytes(row.key.subspan(shared));
    out_.bytes(row.payload);
    first_ = false;
    table_ = row.table;
    key_.assign(row.key.begin(), row.key.end());
}

Bytes RowBlockWriter::take() {
    first_ = true;
    key_.clear();
    Bytes block = out_.take();
    out_.clear();
    return block;
}

Result<std::optional<StoredRow>> RowBlockReader::next() {
    if (in_.done()) return std::optional<StoredRow>();
    PD_TRY(std::uint64_t const head, in_.varint());
    std::uint64_t const shared = head >> 2;
    bool const other = (head & bit_other_table) != 0;
    StoredRow row;
    row.outlined = (head & bit_outlined) != 0;
    row.table = table_;
    if (other) {
        PD_TRY(std::uint64_t const table, in_.varint());
        bool const ascends = first_ || table > table_;
        if (table > 0xffff'ffff || !ascends || shared != 0) {
            return bad("tables of a row block that are not sorted");
        }
        row.table = static_cast<std::uint32_t>(table);
    } else if (first_ || shared > key_.size()) {
        return bad("a row block that begins in the middle");
    }
    PD_TRY(ByteView const rest, in_.bytes(RowSort::key_bytes_max));
    std::swap(previous_, key_);
    key_.assign(previous_.begin(), previous_.begin() + static_cast<std::ptrdiff_t>(shared));
    append(key_, rest);
    if (!other && !std::ranges::lexicographical_compare(previous_, key_)) {
        return bad("rows of a block that are not sorted");
    }
    PD_TRY(row.payload, in_.bytes(payload_bytes_max));
    row.key = key_;
    first_ = false;
    table_ = row.table;
    return std::optional<StoredRow>(row);
}

}  // namespace perdure::repository
