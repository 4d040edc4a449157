#include "repository/diff/row_identity.h"

#include <algorithm>
#include <bit>
#include <map>

#include "base/ascii.h"
#include "crypto/hash.h"

namespace perdure::repository {

namespace {

constexpr std::size_t identity_bytes_max = 4096;

/// SQLite's alias of the rowid: rows with the same number are the same row.
bool key_is_rowid(data::TableSchema const& table) {
    if (!table.keyed_by_rowid || table.primary_key.size() != 1) return false;
    auto const column = std::ranges::find_if(table.columns, [&](data::Column const& each) {
        return ascii_same(each.name, table.primary_key.front());
    });
    return column != table.columns.end() && ascii_same(column->declared_type, "INTEGER");
}

void put_big_endian(Encoder& out, std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) {
        out.u8(static_cast<std::uint8_t>(value >> shift));
    }
}

void put_escaped(Encoder& out, std::uint8_t tag, ByteView bytes) {
    out.u8(tag);
    for (std::byte const byte : bytes) {
        out.u8(static_cast<std::uint8_t>(byte));
        if (byte == std::byte{0}) out.u8(0xff);
    }
    out.u16(0);
}

void put_key_value(Encoder& out, data::Value const& value) {
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    if (auto const* integer = std::get_if<std::int64_t>(&value)) {
        out.u8(0x10);
        put_big_endian(out, static_cast<std::uint64_t>(*integer) ^ sign);
    } else if (auto const* number = std::get_if<double>(&value)) {
        auto const bits = std::bit_cast<std::uint64_t>(*number);
        out.u8(0x11);
        put_big_endian(out, (bits & sign) != 0 ? ~bits : bits ^ sign);
    } else if (auto const* text = std::get_if<data::Text>(&value)) {
        put_escaped(out, 0x20, as_bytes(text->bytes));
    } else if (auto const* bytes = std::get_if<Bytes>(&value)) {
        put_escaped(out, 0x30, *bytes);
    } else {
        out.u8(0x05);
    }
}

bool same_columns(data::TableSchema const& a, data::TableSchema const& b) {
    auto const stored = [](data::TableSchema const& table) {
        std::vector<std::string> names;
        for (data::Column const& column : table.columns) {
            if (!column.generated) names.push_back(column.name);
        }
        return names;
    };
    return stored(a) == stored(b);
}

}  // namespace

JoinedTables join_tables(data::DatabaseSchema const& before, data::DatabaseSchema const& after) {
    JoinedTables out;
    std::map<std::string_view, std::uint32_t> by_name;
    for (data::TableSchema const& table : after.tables) {
        auto const at = static_cast<std::uint32_t>(out.tables_.size());
        by_name[table.name] = at;
        out.of_after_.push_back(at);
        out.tables_.push_back({.after = &table});
    }
    for (data::TableSchema const& table : before.tables) {
        auto const found = by_name.find(table.name);
        auto at = static_cast<std::uint32_t>(out.tables_.size());
        if (found != by_name.end()) {
            data::TableSchema const& other = *out.tables_[found->second].after;
            bool const same_key = other.primary_key == table.primary_key;
            bool const comparable = (same_key && !table.primary_key.empty()) ||
                                    (other.keyed_by_rowid && table.keyed_by_rowid);
            if (comparable) at = found->second;
        }
        if (at == out.tables_.size()) out.tables_.push_back({});
        out.tables_[at].before = &table;
        out.of_before_.push_back(at);
    }
    for (auto& joined : out.tables_) {
        auto const& one = joined.after ? *joined.after : *joined.before;
        auto const& two = joined.before ? *joined.before : one;
        bool const same_key = one.primary_key == two.primary_key && !one.primary_key.empty();
        bool const both_stored = one.keyed_by_rowid == two.keyed_by_rowid &&
                                 (!one.keyed_by_rowid || (key_is_rowid(one) && key_is_rowid(two)));
        joined.by_primary_key = same_key && !both_stored;
        joined.by_rowid = !joined.by_primary_key && one.keyed_by_rowid;
        joined.same_columns = same_columns(one, two);
    }
    return out;
}

Result<Bytes> encode_identity(data::TableSchema const& table, ByteView stored_key,
                              ByteView payload) {
    std::vector<data::Value> values;
    std::vector<std::string_view> names;
    Decoder in(payload);
    for (data::Column const& column : table.columns) {
        if (column.generated) continue;
        PD_TRY(data::Value value, data::decode_value(in));
        values.push_back(std::move(value));
        names.push_back(column.name);
    }
    PD_CHECK(in.expect_end());
    Encoder out;
    bool has_null = false;
    for (std::string const& key : table.primary_key) {
        auto const at = std::ranges::find_if(
            names, [&](std::string_view name) { return ascii_same(name, key); });
        // A generated column cannot be a primary key of a rowid table that SQLite accepts.
        if (at == names.end()) return fail(Fault::corrupt, "a primary key that is no column");
        data::Value const& value = values[static_cast<std::size_t>(at - names.begin())];
        has_null |= std::holds_alternative<data::Null>(value);
        put_key_value(out, value);
    }
    if (has_null) out.raw(stored_key);
    if (out.size() <= identity_bytes_max) return out.take();
    Bytes shortened = to_bytes(ByteView(out.view()).first(64));
    append(shortened, crypto::sha256(out.view()).view());
    return shortened;
}

}  // namespace perdure::repository
