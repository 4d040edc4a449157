#pragma once

#include <array>
#include <string_view>

#include "base/codec.h"
#include "data/schema.h"
#include "data/stream.h"

namespace perdure::origin {

/// The logical digest of a database with its media: SHA-256 over the settings, the schema's SQL in
/// order, one SHA-256 per table over (key, values) in key order, and the names, kinds and sizes of
/// the media files. Of tables that only their application can sort the order is left out. Two
/// databases with equal digests hold the same rows under the same schema. Threads: one.
class DigestBuilder {
public:
    enum class Order { counts, does_not_count };
    void schema(data::DatabaseSchema const& schema);
    /// Ends the table before it.
    void begin_table(std::string_view name, Order order = Order::counts);
    void row(ByteView key, ByteView values) {
        if (order_ == Order::does_not_count) return add_up(key, values);
        rows_.bytes(key);
        rows_.bytes(values);
        ++table_rows_;
        result_.bytes += values.size();
        if (rows_.size() >= block_bytes) flush();
    }
    void media(std::string_view path, data::Entry const& entry);
    data::LogicalDigest finish();

private:
    static constexpr std::size_t block_bytes = std::size_t{64} << 10;
    void flush();
    void end_table();
    void add_up(ByteView key, ByteView values);

    crypto::Sha256 whole_, table_;
    Encoder rows_;
    std::string table_name_;
    Order order_ = Order::counts;
    std::array<std::uint64_t, 4> sum_{};  ///< of the rows' digests, modulo 2^256
    bool in_table_ = false;
    std::uint64_t table_rows_ = 0;
    data::LogicalDigest result_;
    bool finished_ = false;
};

}  // namespace perdure::origin
