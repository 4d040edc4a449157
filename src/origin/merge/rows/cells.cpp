#include "origin/merge/rows/cells.h"

#include <bit>
#include <cstring>

#include "crypto/hash.h"
#include "origin/records/record_source.h"

namespace perdure::origin {

namespace {

constexpr std::size_t state_bytes = 8;

}  // namespace

bool same_column(Statement const& row, int a, int b) {
    auto* const statement = row.get();
    int const type = sqlite3_column_type(statement, a);
    if (type != sqlite3_column_type(statement, b)) return false;
    switch (type) {
        case SQLITE_INTEGER:
            return row.integer(a) == row.integer(b);
        case SQLITE_FLOAT:
            return std::bit_cast<std::uint64_t>(sqlite3_column_double(statement, a)) ==
                   std::bit_cast<std::uint64_t>(sqlite3_column_double(statement, b));
        case SQLITE_NULL:
            return true;
        default: {
            auto const left = row.bytes(a), right = row.bytes(b);
            return left.size() == right.size() &&
                   (left.empty() || std::memcmp(left.data(), right.data(), left.size()) == 0);
        }
    }
}

data::Value value_of(Statement const& row, int column) {
    switch (sqlite3_column_type(row.get(), column)) {
        case SQLITE_INTEGER:
            return row.integer(column);
        case SQLITE_FLOAT:
            return sqlite3_column_double(row.get(), column);
        case SQLITE_TEXT:
            return data::Text{row.text(column)};
        case SQLITE_BLOB:
            return to_bytes(row.bytes(column));
        default:
            return data::Null{};
    }
}

std::optional<Timestamp> moment_of(Statement const& row, int column) {
    if (column < 0) return std::nullopt;
    auto const value = value_of(row, column);
    if (auto const* number = std::get_if<std::int64_t>(&value)) return instant_of(*number);
    if (auto const* real = std::get_if<double>(&value)) return instant_of(*real);
    if (auto const* text = std::get_if<data::Text>(&value)) {
        return instant_of(std::string_view(text->bytes));
    }
    return std::nullopt;
}

std::string state_of(ByteView values) {
    return to_hex(crypto::sha256(values).view().first(state_bytes));
}

void bind_view(sqlite3_stmt* statement, int index, data::ValueView const& value) {
    if (auto const* number = std::get_if<std::int64_t>(&value)) {
        sqlite3_bind_int64(statement, index, *number);
    } else if (auto const* real = std::get_if<double>(&value)) {
        sqlite3_bind_double(statement, index, *real);
    } else if (auto const* text = std::get_if<std::string_view>(&value)) {
        sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8);
    } else if (auto const* bytes = std::get_if<ByteView>(&value)) {
        sqlite3_bind_blob64(statement, index, bytes->empty() ? "" : (void const*)bytes->data(),
                            bytes->size(), SQLITE_TRANSIENT);
    } else {
        sqlite3_bind_null(statement, index);
    }
}

void bind_value(sqlite3_stmt* statement, int index, data::Value const& value) {
    auto const bind = [&]<typename Held>(Held const& held) {
        if constexpr (std::is_same_v<Held, data::Text>) {
            bind_view(statement, index, std::string_view(held.bytes));
        } else if constexpr (std::is_same_v<Held, Bytes>) {
            bind_view(statement, index, ByteView(held));
        } else {
            bind_view(statement, index, held);
        }
    };
    std::visit(bind, value);
}

}  // namespace perdure::origin
