#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "origin/sqlite/spatial.h"
#include "origin/sqlite/write/builder.h"

// The rows of one table at a time; builder.cpp has the rules.

namespace perdure::origin {

namespace {

constexpr std::uint64_t refused_named_max = 20;  ///< rows of a table

}  // namespace

Result<void> Builder::add(data::RowView const& row) {
    if (row.table >= schema_.tables.size()) {
        return fail(Fault::corrupt, "a row of a table that the schema does not have");
    }
    if (!in_table_ || row.table != table_) {
        PD_CHECK(end_table());
        PD_CHECK(start_table(row.table));
    }
    if (schema_.tables[table_].name == "sqlite_sequence") {
        sequences_.push_back({to_bytes(row.key), to_bytes(row.payload)});
        return {};
    }
    bool const by_module = is_virtual(table_);
    if (!loose_ && !by_module) {
        auto const fits_in = fits(row.payload);
        if (!fits_in) return refuse(fits_in.error());
        if (!*fits_in) PD_CHECK(loosen_or_tell());
    }
    auto bound = bind(row);
    if (!bound) return refuse(bound.error());
    auto inserted = insert();
    // A definition stricter than its rows (NOT NULL added by hand) must not lose them.
    if (!inserted && inserted.error().fault() == Fault::conflict && !loose_ && !by_module) {
        PD_CHECK(loosen_or_tell());
        if (loose_) {
            PD_CHECK(bind(row));
            inserted = insert();
        }
    }
    if (inserted) return {};
    if (inserted.error().fault() == Fault::conflict) return refuse(inserted.error());
    return std::move(inserted.error()).within("writing table " + schema_.tables[table_].name);
}

/// One bad row must not keep the others from coming back: it is named, and counted.
Result<void> Builder::refuse(Error const& why) {
    if (why.fault() != Fault::conflict && why.fault() != Fault::corrupt)
        return Error(why).within("writing table " + schema_.tables[table_].name);
    if (++refused_ > refused_named_max) return {};
    problems_.push_back(
        {schema_.tables[table_].name, "a row could not be put back: " + why.message()});
    return {};
}

Result<void> Builder::start_table(std::size_t table) {
    table_ = table;
    in_table_ = true;
    if (is_virtual(table)) {
        auto const object = std::ranges::find_if(schema_.objects, [&](Object const& candidate) {
            return candidate.type == "table" && candidate.name == schema_.tables[table].name;
        });
        PD_CHECK(open_spatial(*object));
    }
    data::TableSchema present{.name = schema_.tables[table].name};
    PD_TRY(layout_, read_table(connection_, present));
    PD_TRY(std::int64_t const strict,
           connection_.integer("SELECT strict FROM pragma_table_list WHERE schema = 'main' AND "
                               "name = " +
                               literal(present.name)));
    affinities_.clear();
    for (auto const column : layout_.stored) {
        auto const& type = present.columns[column].declared_type;
        bool const any = strict != 0 && ascii_same(type, "any");  // takes every value as it is
        affinities_.push_back(any ? 'B' : affinity_of(type));
    }
    if (present.columns.size() != schema_.tables[table].columns.size()) {
        return fail(Fault::corrupt, "table " + present.name + " has other columns than its rows");
    }
    return prepare_insert();
}

bool Builder::is_virtual(std::size_t table) const {
    return schema_.settings.contains(spatial_setting(schema_.tables[table].name));
}

/// Makes an R-Tree usable before the rest of the schema is: its text, and a root without entries,
/// which is what CREATE VIRTUAL TABLE writes.
Result<void> Builder::open_spatial(Object const& object) {
    constexpr std::uint64_t node_bytes_max = 65536;
    auto const& text = schema_.settings[spatial_setting(object.name)];
    std::uint64_t node_bytes = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), node_bytes);
    bool const whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || node_bytes > node_bytes_max ||
        !is_spatial(parse_virtual_table(object.name, object.sql))) {
        return fail(Fault::corrupt, "the schema's R-Tree " + object.name + " is none");
    }
    PD_TRY(bool const present, has_object(object));
    if (present) return {};
    insert_ = Statement();
    PD_CHECK(add_schema_row(object));
    PD_CHECK(connection_.run("INSERT INTO main." + identifier(object.name + "_node") +
                             " VALUES(1, zeroblob(" + std::to_string(node_bytes) + "))"));
    PD_CHECK(connection_.run("PRAGMA writable_schema=RESET"));
    return connection_.run("PRAGMA writable_schema=ON");
}

Result<void> Builder::prepare_insert() {
    auto const& table = schema_.tables[table_];
    std::string columns, values;
    if (layout_.key == KeyKind::rowid && !layout_.rowid_is_column && !is_virtual(table_)) {
        columns = identifier(layout_.rowid_name);
        values = "?";
    }
    for (auto const column : layout_.stored) {
        columns += (columns.empty() ? "" : ", ") + identifier(table.columns[column].name);
        values += values.empty() ? "?" : ", ?";
    }
    PD_TRY(insert_, connection_.prepare("INSERT INTO main." + identifier(table.name) + "(" +
                                        columns + ") VALUES(" + values + ")"));
    return {};
}

Result<bool> Builder::fits(ByteView payload) const {
    Decoder in(payload);
    for (char const affinity : affinities_) {
        PD_TRY(bool const kept, keeps_class(in, affinity, encoding_));
        if (!kept) return false;
    }
    return true;
}

/// Fails: corrupt, for a row that is none of this table.
Result<void> Builder::bind(data::RowView const& row) {
    binder_.forget();
    int parameter = 1;
    if (layout_.key == KeyKind::rowid && !layout_.rowid_is_column && !is_virtual(table_)) {
        PD_TRY(std::int64_t const rowid, decode_rowid(row.key));
        sqlite3_bind_int64(insert_.get(), parameter++, rowid);
    }
    Decoder in(row.payload);
    for (std::size_t at = 0; at < layout_.stored.size(); ++at) {
        PD_CHECK(binder_.bind(in, insert_.get(), parameter++));
    }
    return in.expect_end();
}

Result<void> Builder::insert() {
    auto const done = insert_.run();
    binder_.forget();
    return done;
}

Result<void> Builder::end_table() {
    if (!in_table_) return {};
    in_table_ = false;
    insert_ = Statement();
    if (refused_ > refused_named_max) {
        problems_.push_back(
            {schema_.tables[table_].name, std::to_string(refused_ - refused_named_max) +
                                              " more of its rows could not be put back"});
    }
    refused_ = 0;
    if (!loose_) return {};
    loose_ = false;
    auto const& table = schema_.tables[table_];
    auto const object = std::ranges::find_if(schema_.objects, [&](Object const& candidate) {
        return candidate.type == "table" && candidate.name == table.name;
    });
    return set_table_sql(table.name, object->sql);
}

Result<void> Builder::set_table_sql(std::string const& name, std::string const& sql) {
    insert_ = Statement();
    PD_CHECK(connection_.run("PRAGMA writable_schema=ON"));
    PD_TRY(Statement change, connection_.prepare("UPDATE main.sqlite_schema SET sql = ?1 "
                                                 "WHERE type = 'table' AND name = ?2"));
    sqlite3_bind_text64(change.get(), 1, sql.data(), sql.size(), SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(change.get(), 2, name.data(), name.size(), SQLITE_STATIC, SQLITE_UTF8);
    PD_CHECK(change.run());
    change = Statement();
    PD_CHECK(connection_.run("PRAGMA writable_schema=RESET"));
    return connection_.run("PRAGMA writable_schema=ON");
}

Result<void> Builder::loosen() {
    PD_TRY(std::string const sql, loose_sql());
    PD_CHECK(set_table_sql(schema_.tables[table_].name, sql));
    loose_ = true;
    return prepare_insert();
}

/// Beside generated columns nothing can be loosened: a value may come back as its column's type has
/// it then, and a row that breaks a NOT NULL not at all. Both are better than no database.
Result<void> Builder::loosen_or_tell() {
    auto loosened = loosen();
    if (loosened || loosened.error().fault() != Fault::unsupported) return loosened;
    auto const& name = schema_.tables[table_].name;
    if (std::exchange(unloosened_, table_) == table_) return {};
    problems_.push_back(
        {name, loosened.error().message() + ": what its columns' types change came back changed"});
    return {};
}

/// The table without types, checks and NOT NULL, but with the same key and the same automatic
/// indexes in the same order, so that the b-trees fit both texts.
Result<std::string> Builder::loose_sql() {
    auto const& table = schema_.tables[table_];
    if (layout_.stored.size() != table.columns.size()) {
        return fail(Fault::unsupported, "table " + table.name +
                                            " has generated columns and values "
                                            "that its own definition would not accept");
    }
    std::string sql = "CREATE TABLE " + identifier(table.name) + "(";
    for (std::size_t at = 0; at < table.columns.size(); ++at) {
        sql += (at == 0 ? "" : ", ") + identifier(table.columns[at].name);
        if (layout_.rowid_is_column && ascii_same(table.columns[at].name, layout_.rowid_name)) {
            sql += " INTEGER PRIMARY KEY";
        }
    }
    PD_TRY(Statement keys,
           connection_.prepare("SELECT l.name, l.origin, group_concat(char(34) || "
                               "replace(x.name, char(34), char(34) || char(34)) || char(34) || "
                               "' COLLATE ' || char(34) || x.coll || char(34) || "
                               "CASE x.desc WHEN 1 THEN ' DESC' ELSE '' END, ', ') "
                               "FROM pragma_index_list(?1, 'main') l, "
                               "pragma_index_xinfo(l.name, 'main') x "
                               "WHERE l.origin IN ('u', 'pk') AND x.key = 1 GROUP BY l.name "
                               "ORDER BY length(l.name), l.name"));
    sqlite3_bind_text64(keys.get(), 1, table.name.data(), table.name.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
    for (;;) {
        PD_TRY(bool const more, keys.step());
        if (!more) break;
        sql += (keys.text(1) == "pk" ? ", PRIMARY KEY(" : ", UNIQUE(") + keys.text(2) + ")";
    }
    return sql + (layout_.key == KeyKind::primary_key ? ") WITHOUT ROWID" : ")");
}

}  // namespace perdure::origin
