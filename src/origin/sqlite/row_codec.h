#pragma once

#include "base/codec.h"
#include "origin/sqlite/layout.h"

namespace perdure::origin {

/// Appends the value in `column` of the row that `statement` stands on, as data/value.h encodes it.
/// Text goes in as its bytes in the database's encoding.
void encode_column(Encoder& out, Statement const& statement, int column);

/// 8 bytes whose memcmp order is the order of the numbers.
void encode_rowid(Encoder& out, std::int64_t rowid);
/// Fails: corrupt, unless it is 8 bytes.
Result<std::int64_t> decode_rowid(ByteView key);

/// One value of a primary key: injective; NULL < integers < doubles < text < blobs, each in order.
void encode_key_column(Encoder& out, Statement const& statement, int column);

/// Binds the next encoded value of `in` to parameter `index`. The views must outlive the step.
/// Fails: corrupt.
class ValueBinder {
public:
    /// `encoding`: SQLITE_UTF8, SQLITE_UTF16LE or SQLITE_UTF16BE.
    explicit ValueBinder(unsigned char encoding) : encoding_(encoding) {}
    Result<void> bind(Decoder& in, sqlite3_stmt* statement, int index);
    /// Text that had to be rewritten for a bind lives here until the row is stepped.
    void forget() { kept_.clear(); }

private:
    Result<void> bind_text(ByteView text, sqlite3_stmt* statement, int index);
    unsigned char encoding_;
    std::vector<std::unique_ptr<Bytes>> kept_;
};

/// "UTF-8", "UTF-16le", "UTF-16be" → SQLITE_UTF8…
unsigned char encoding_code(std::string_view name);

}  // namespace perdure::origin
