#include "data/schema.h"

#include "base/codec.h"

namespace perdure::data {

namespace {

constexpr std::uint64_t schema_version = 1;
constexpr std::size_t text_bytes_max = 64u << 20;  // the longest SQL text taken
constexpr std::uint64_t tables_max = 1u << 20;

Error bad(char const* what) {
    return fail(Fault::corrupt, what);
}

void encode_table(Encoder& out, TableSchema const& table) {
    out.text(table.name);
    out.u8(static_cast<std::uint8_t>((table.keyed_by_rowid ? 1 : 0) | (table.shadow ? 2 : 0)));
    out.varint(table.columns.size());
    for (Column const& column : table.columns) {
        out.text(column.name);
        out.text(column.declared_type);
        out.u8(column.generated ? 1 : 0);
    }
    out.varint(table.primary_key.size());
    for (std::string const& name : table.primary_key) out.text(name);
}

/// A count of things that take at least one byte each, so never more than bytes are left.
Result<std::uint64_t> decode_count(Decoder& in) {
    PD_TRY(std::uint64_t const count, in.varint());
    if (count > in.left()) return bad("a count in a schema that exceeds its bytes");
    return count;
}

Result<std::uint8_t> decode_flags(Decoder& in, std::uint8_t known) {
    PD_TRY(std::uint8_t const flags, in.u8());
    if ((flags & ~known) != 0) return bad("an unknown flag in a schema");
    return flags;
}

Result<TableSchema> decode_table(Decoder& in) {
    TableSchema table;
    PD_TRY(table.name, in.text(text_bytes_max));
    PD_TRY(std::uint8_t const flags, decode_flags(in, 3));
    table.keyed_by_rowid = (flags & 1) != 0;
    table.shadow = (flags & 2) != 0;
    PD_TRY(std::uint64_t const columns, decode_count(in));
    for (std::uint64_t i = 0; i < columns; ++i) {
        Column column;
        PD_TRY(column.name, in.text(text_bytes_max));
        PD_TRY(column.declared_type, in.text(text_bytes_max));
        PD_TRY(std::uint8_t const generated, decode_flags(in, 1));
        column.generated = generated != 0;
        table.columns.push_back(std::move(column));
    }
    PD_TRY(std::uint64_t const keys, decode_count(in));
    for (std::uint64_t i = 0; i < keys; ++i) {
        PD_TRY(std::string name, in.text(text_bytes_max));
        table.primary_key.push_back(std::move(name));
    }
    return table;
}

Result<DatabaseSchema::Object> decode_object(Decoder& in) {
    DatabaseSchema::Object object;
    PD_TRY(object.type, in.text(text_bytes_max));
    PD_TRY(object.name, in.text(text_bytes_max));
    PD_TRY(object.table, in.text(text_bytes_max));
    PD_TRY(object.sql, in.text(text_bytes_max));
    return object;
}

Result<void> decode_settings(Decoder& in, std::map<std::string, std::string>& settings) {
    PD_TRY(std::uint64_t const count, decode_count(in));
    for (std::uint64_t i = 0; i < count; ++i) {
        PD_TRY(std::string key, in.text(text_bytes_max));
        PD_TRY(std::string value, in.text(text_bytes_max));
        if (!settings.empty() && settings.rbegin()->first >= key) {
            return bad("settings of a schema that are not sorted");
        }
        settings.emplace_hint(settings.end(), std::move(key), std::move(value));
    }
    return {};
}

}  // namespace

Bytes DatabaseSchema::encode() const {
    Encoder out;
    out.varint(schema_version);
    out.text(engine);
    out.varint(settings.size());
    for (auto const& [key, value] : settings) {
        out.text(key);
        out.text(value);
    }
    out.varint(objects.size());
    for (Object const& object : objects) {
        out.text(object.type);
        out.text(object.name);
        out.text(object.table);
        out.text(object.sql);
    }
    out.varint(tables.size());
    for (TableSchema const& table : tables) encode_table(out, table);
    return out.take();
}

Result<DatabaseSchema> DatabaseSchema::decode(ByteView bytes) {
    Decoder in(bytes);
    PD_TRY(std::uint64_t const version, in.varint());
    if (version != schema_version) {
        return fail(Fault::unsupported, "a schema of format " + std::to_string(version));
    }
    DatabaseSchema schema;
    PD_TRY(schema.engine, in.text(text_bytes_max));
    PD_CHECK(decode_settings(in, schema.settings));
    PD_TRY(std::uint64_t const objects, decode_count(in));
    for (std::uint64_t i = 0; i < objects; ++i) {
        PD_TRY(Object object, decode_object(in));
        schema.objects.push_back(std::move(object));
    }
    PD_TRY(std::uint64_t const tables, decode_count(in));
    if (tables > tables_max) return bad("too many tables in a schema");
    for (std::uint64_t i = 0; i < tables; ++i) {
        PD_TRY(TableSchema table, decode_table(in));
        schema.tables.push_back(std::move(table));
    }
    PD_CHECK(in.expect_end());
    return schema;
}

}  // namespace perdure::data
