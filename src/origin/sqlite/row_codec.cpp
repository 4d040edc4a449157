#include "origin/sqlite/row_codec.h"

#include <bit>

#include "data/value.h"

namespace perdure::origin {

namespace {

enum KeyTag : std::uint8_t {
    key_null = 0x05,
    key_integer = 0x10,
    key_double = 0x11,
    key_text = 0x20,
    key_bytes = 0x30
};
enum ValueTag : std::uint8_t { value_null, value_integer, value_double, value_text, value_bytes };

constexpr std::size_t value_bytes_max = std::size_t{1} << 31;
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

void big_endian(Encoder& out, std::uint64_t value) {
    std::array<std::byte, 8> bytes;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        bytes[at] = static_cast<std::byte>(value >> (56 - 8 * at));
    }
    out.raw(bytes);
}

/// Bytes with every 0 followed by 0xff, ended by 0 0: prefixes sort first, nothing runs together.
void escaped(Encoder& out, ByteView bytes) {
    for (std::byte const byte : bytes) {
        out.u8(static_cast<std::uint8_t>(byte));
        if (byte == std::byte{0}) out.u8(0xff);
    }
    out.u16(0);
}

bool begins_with_mark(ByteView text) {
    if (text.size() < 2) return false;
    auto const first = static_cast<unsigned>(text[0]), second = static_cast<unsigned>(text[1]);
    return (first == 0xff && second == 0xfe) || (first == 0xfe && second == 0xff);
}

Result<void> checked(int code, sqlite3_stmt* statement) {
    if (code == SQLITE_OK) return {};
    return error_from_sqlite(sqlite3_db_handle(statement), code, "binding a value");
}

}  // namespace

void encode_column(Encoder& out, Statement const& statement, int column) {
    switch (sqlite3_column_type(statement.get(), column)) {
        case SQLITE_INTEGER:
            return data::encode_integer(out, statement.integer(column));
        case SQLITE_FLOAT:
            return data::encode_double(out, sqlite3_column_double(statement.get(), column));
        case SQLITE_TEXT:
            return data::encode_text(out, as_text(statement.bytes(column)));
        case SQLITE_BLOB:
            return data::encode_bytes(out, statement.bytes(column));
        default:
            return data::encode_null(out);
    }
}

void encode_rowid(Encoder& out, std::int64_t rowid) {
    big_endian(out, static_cast<std::uint64_t>(rowid) ^ sign_bit);
}

Result<std::int64_t> decode_rowid(ByteView key) {
    if (key.size() != 8) return fail(Fault::corrupt, "a row key that is no rowid");
    std::uint64_t value = 0;
    for (std::byte const byte : key) value = value << 8 | static_cast<std::uint64_t>(byte);
    return static_cast<std::int64_t>(value ^ sign_bit);
}

void encode_key_column(Encoder& out, Statement const& statement, int column) {
    switch (sqlite3_column_type(statement.get(), column)) {
        case SQLITE_INTEGER:
            out.u8(key_integer);
            return encode_rowid(out, statement.integer(column));
        case SQLITE_FLOAT: {
            auto const bits =
                std::bit_cast<std::uint64_t>(sqlite3_column_double(statement.get(), column));
            out.u8(key_double);
            return big_endian(out, (bits & sign_bit) != 0 ? ~bits : bits | sign_bit);
        }
        case SQLITE_TEXT:
            out.u8(key_text);
            return escaped(out, statement.bytes(column));
        case SQLITE_BLOB:
            out.u8(key_bytes);
            return escaped(out, statement.bytes(column));
        default:
            return out.u8(key_null);
    }
}

Result<void> ValueBinder::bind_text(ByteView text, sqlite3_stmt* statement, int index) {
    // SQLite takes a byte order mark away from bound UTF-16; a second one in front saves the first.
    if (encoding_ != SQLITE_UTF8 && begins_with_mark(text)) {
        bool const little = encoding_ == SQLITE_UTF16LE;
        auto marked = std::make_unique<Bytes>();
        marked->push_back(little ? std::byte{0xff} : std::byte{0xfe});
        marked->push_back(little ? std::byte{0xfe} : std::byte{0xff});
        append(*marked, text);
        kept_.push_back(std::move(marked));
        text = *kept_.back();
    }
    return checked(sqlite3_bind_text64(statement, index, as_text(text).data(), text.size(),
                                       SQLITE_STATIC, encoding_),
                   statement);
}

Result<void> ValueBinder::bind(Decoder& in, sqlite3_stmt* statement, int index) {
    PD_TRY(std::uint8_t const tag, in.u8());
    switch (tag) {
        case value_null:
            return checked(sqlite3_bind_null(statement, index), statement);
        case value_integer: {
            PD_TRY(std::int64_t const number, in.svarint());
            return checked(sqlite3_bind_int64(statement, index, number), statement);
        }
        case value_double: {
            PD_TRY(std::uint64_t const bits, in.u64());
            return checked(sqlite3_bind_double(statement, index, std::bit_cast<double>(bits)),
                           statement);
        }
        case value_text: {
            PD_TRY(ByteView const text, in.bytes(value_bytes_max));
            return bind_text(text, statement, index);
        }
        case value_bytes: {
            PD_TRY(ByteView const bytes, in.bytes(value_bytes_max));
            // An empty view may point nowhere, and a null pointer would bind NULL.
            void const* data = bytes.empty() ? "" : static_cast<void const*>(bytes.data());
            return checked(sqlite3_bind_blob64(statement, index, data, bytes.size(), SQLITE_STATIC),
                           statement);
        }
        default:
            return fail(Fault::corrupt, "a value of an unknown type");
    }
}

unsigned char encoding_code(std::string_view name) {
    if (name == "UTF-16le") return SQLITE_UTF16LE;
    if (name == "UTF-16be") return SQLITE_UTF16BE;
    return SQLITE_UTF8;
}

}  // namespace perdure::origin
