#pragma once

#include <string_view>

#include "base/codec.h"
#include "data/schema.h"
#include "data/stream.h"

namespace perdure::origin {

/// The logical digest of a database with its media: SHA-256 over the settings, the schema's SQL in
/// order, one SHA-256 per table over (key, values) in key order, and the names, kinds and sizes of
/// the media files. Two databases with equal digests hold the same rows under the same schema.
/// Threads: one.
class DigestBuilder {
public:
    void schema(data::DatabaseSchema const& schema);
    /// Ends the table before it.
    void begin_table(std::string_view name);
    void row(ByteView key, ByteView values) {
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

    crypto::Sha256 whole_, table_;
    Encoder rows_;
    std::string table_name_;
    bool in_table_ = false;
    std::uint64_t table_rows_ = 0;
    data::LogicalDigest result_;
    bool finished_ = false;
};

}  // namespace perdure::origin
