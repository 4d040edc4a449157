#include "origin/sqlite/selection.h"

#include <algorithm>

#include "base/ascii.h"
#include "data/mapping_path.h"
#include "origin/sqlite/fulltext.h"
#include "origin/sqlite/spatial.h"
#include "origin/sqlite/write/builder.h"

namespace perdure::origin {

namespace {

/// "memory_tags(memory_id, tag_id) -> tags.name" or "media(memory_id).path": a table whose rows
/// hang on the record's table by its first named column, declared as a foreign key or not.
struct Attached {
    std::string table, column;
};

std::optional<Attached> attached_table(std::string const& rule) {
    auto const path = data::parse_mapping_path(rule);
    if (!path) return std::nullopt;  // not every field is a path: body_format = "markdown"
    switch (path->kind) {
        case data::MappingPath::Kind::link:
            return Attached{path->link_table, path->link_here};
        case data::MappingPath::Kind::children:
            return Attached{path->table, path->children_key};
        default:
            return std::nullopt;
    }
}

/// Where a record's mapping says whose it is, that is an owner like those that are listed.
void add_mapped_people(data::Mapping const& mapping, data::SubjectMapping& subjects) {
    for (auto const& record : mapping.records) {
        auto const rule = record.fields.find("subject");
        if (rule == record.fields.end() || subjects.owners.contains(record.table)) continue;
        auto const path = data::parse_mapping_path(rule->second);
        if (!path || path->many() || ascii_same(record.table, subjects.table)) continue;
        bool const over = path->kind == data::MappingPath::Kind::lookup &&
                          !ascii_same(path->table, subjects.table);
        subjects.owners[record.table] = path->column + (over ? " -> " + path->table : "");
    }
}

/// The mapping of subjects, with an owner for each table that records attach and no foreign key
/// leads.
data::SubjectMapping with_attached(data::Mapping const& mapping, Layout const& layout,
                                   Routing const& routing) {
    data::SubjectMapping subjects = *mapping.subjects;
    add_mapped_people(mapping, subjects);
    for (auto const& record : mapping.records) {
        for (auto const& [field, rule] : record.fields) {
            auto const attached = attached_table(rule);
            if (!attached || subjects.owners.contains(attached->table)) continue;
            auto const table = find_table(layout, attached->table);
            auto const parent = find_table(layout, record.table);
            if (!table || !parent || routing.leads_to_person(*table) ||
                !routing.leads_to_person(*parent) ||
                !find_column(layout.schema.tables[*table], attached->column)) {
                continue;
            }
            subjects.owners[attached->table] = attached->column + " -> " + record.table;
        }
    }
    return subjects;
}

/// Where a virtual table keeps what people own: the _content table of a full-text table with texts
/// of its own, an R-Tree itself.
std::optional<std::size_t> own_content(Layout const& layout, VirtualTable const& table) {
    if (is_spatial(table)) return find_table(layout, table.name);
    if (!is_fulltext(table) || text_source(table) != TextSource::own) return std::nullopt;
    return find_table(layout, table.name + "_content");
}

/// Gives texts and places that a virtual table keeps for itself to the people of the rows whose
/// number they repeat.
Result<void> add_virtual_owners(Connection& connection, Layout const& layout,
                                Routing const& routing, data::SubjectMapping& subjects) {
    for (auto const& table : layout.virtual_tables) {
        auto const content = own_content(layout, table);
        if (!content) continue;
        std::string const name = layout.schema.tables[*content].name;
        if (auto rule = subjects.owners.extract(table.name); !rule.empty()) {
            subjects.owners[name] = rule.mapped();
        }
        if (subjects.owners.contains(name)) continue;
        PD_TRY(std::optional<std::size_t> const source,
               repeated_table(connection, layout, table, *content));
        if (!source || !routing.leads_to_person(*source)) continue;
        subjects.owners[name] = "rowid -> " + layout.schema.tables[*source].name + "." +
                                layout.tables[*source].rowid_name;
    }
    return {};
}

bool is_text_type(std::string_view declared) {
    std::string const type = ascii_lower(declared);
    return type.find("char") != type.npos || type.find("text") != type.npos ||
           type.find("clob") != type.npos;
}

/// Whether two rows must not hold the same value there, alone or with other columns; an index over
/// an expression may look at any column.
Result<bool> must_differ(Connection& connection, std::string const& table,
                         std::string const& column) {
    PD_TRY(std::int64_t const found,
           connection.integer("SELECT count(*) FROM pragma_index_list(" + literal(table) +
                              ", 'main') l, pragma_index_xinfo(l.name, 'main') x "
                              "WHERE l.\"unique\" AND x.key AND (x.cid = -2 OR x.name = " +
                              literal(column) + ")"));
    return found > 0;
}

/// What stands in a dropped column that does not take NULL: nothing of the right kind; the row's
/// own number where rows must differ, or all but the first would be lost on their way back.
Result<std::string> dropped_value(Connection& connection, data::TableSchema const& table,
                                  TableLayout const& rows, data::Column const& column) {
    std::string const type = ascii_lower(column.declared_type);
    bool const text = is_text_type(type), blob = type == "blob";
    PD_TRY(bool const differ, must_differ(connection, table.name, column.name));
    if (!differ) return std::string(text ? "''" : blob ? "x''" : "0");
    if (rows.key != KeyKind::rowid) {
        return fail(Fault::invalid, "mask \"" + table.name + "." + column.name +
                                        "\" would make all rows equal where they must differ")
            .with_fix("leave " + column.name + " in the backup, or make it nullable");
    }
    std::string const number = "t." + identifier(rows.rowid_name);
    char const affinity = affinity_of(type);
    if (affinity == 'T') return "CAST(" + number + " AS TEXT)";
    if (affinity == 'R') return "CAST(" + number + " AS REAL)";
    return blob ? "CAST(" + number + " AS BLOB)" : number;
}

/// Nothing of a generated column is stored: what it shows comes back with what it is made of.
Error mask_of_generated(Layout const& layout, std::size_t table, std::size_t column) {
    auto const& schema = layout.schema.tables[table];
    std::string sql, from, fix;
    for (auto const& object : layout.schema.objects) {
        if (object.type == "table" && object.name == schema.name) sql = object.sql;
    }
    for (auto const& name : computed_from(schema, sql, column)) {
        from += (from.empty() ? "" : ", ") + name;
        fix += (fix.empty() ? "" : " or ") + ("\"" + schema.name + "." + name + "\"");
    }
    return fail(Fault::invalid, "mask \"" + schema.name + "." + schema.columns[column].name +
                                    "\" would keep nothing back: the column is computed from " +
                                    (from.empty() ? "others" : from))
        .with_fix("mask " + (fix.empty() ? "the columns that it is computed from" : fix) +
                  " instead");
}

Result<void> mask_column(Connection& connection, Layout const& layout, std::string const& name,
                         std::string const& action,
                         std::vector<std::vector<std::string>>& columns) {
    auto const dot = name.find('.');
    auto const table = find_table(layout, name.substr(0, dot));
    auto const column = table && dot != name.npos
                            ? find_column(layout.schema.tables[*table], name.substr(dot + 1))
                            : std::optional<std::size_t>();
    if (!column) {
        return fail(Fault::invalid, "mask \"" + name + "\" names no column of the database");
    }
    if (action != "drop") {
        return fail(Fault::invalid, "mask \"" + name + "\" = \"" + action + "\" is not known")
            .with_fix("the only action is \"drop\"");
    }
    auto const& rows = layout.tables[*table];
    auto const stored = std::ranges::find(rows.stored, *column);
    if (stored == rows.stored.end()) return mask_of_generated(layout, *table, *column);
    auto const position = static_cast<std::size_t>(stored - rows.stored.begin());
    if (std::ranges::find(rows.key_values, position) != rows.key_values.end()) {
        return fail(Fault::invalid, "mask \"" + name + "\" would drop a part of the primary key");
    }
    std::string replacement = "NULL";
    if (rows.not_null[position]) {
        auto const& schema = layout.schema.tables[*table];
        PD_TRY(replacement, dropped_value(connection, schema, rows, schema.columns[*column]));
    }
    columns[*table][position] = replacement;
    return {};
}

/// Leaves out the index tables of full-text tables and tells the target to rebuild them; names what
/// lies in shadow tables that cannot be told apart by person.
void leave_out_indexes(Layout& layout, Selection& selection, bool by_person) {
    for (auto const& owner : layout.virtual_tables) {
        if (auto const table = own_content(layout, owner); is_spatial(owner) && table) {
            for (auto const ending : shadow_endings(owner.module)) {
                auto const shadow = find_table(layout, owner.name + std::string(ending));
                if (shadow) selection.left_out[*shadow] = true;
            }
            if (!selection.routing.leads_to_person(*table)) {
                selection.problems.push_back(
                    {owner.name,
                     "nothing tells whose places this R-Tree holds: they are kept as nobody's; "
                     "name their owner: subjects.owners." +
                         owner.name + " = \"rowid -> TABLE\""});
            }
            continue;
        }
        if (!is_fulltext(owner)) {
            bool const has_tables =
                std::ranges::any_of(layout.schema.tables, [&](data::TableSchema const& table) {
                    return table.shadow &&
                           ascii_lower(table.name).starts_with(ascii_lower(owner.name) + "_");
                });
            if (has_tables && by_person) {
                selection.problems.push_back(
                    {owner.name, "the tables of module " + owner.module +
                                     " mix the data of all people: they are kept as nobody's and "
                                     "survive an erasure"});
            }
            continue;
        }
        bool const contentless = text_source(owner) == TextSource::none;
        for (auto const ending : shadow_endings(owner.module)) {
            if (ending == "_content" || ending == "_config") continue;
            auto const table = find_table(layout, owner.name + std::string(ending));
            if (table && layout.schema.tables[*table].shadow) selection.left_out[*table] = true;
        }
        layout.schema.settings["rebuild " + owner.name] = contentless ? "empty" : owner.module;
        if (contentless) {
            selection.problems.push_back(
                {owner.name,
                 "a contentless full-text index mixes the words of all people and "
                 "cannot be rebuilt from rows: it is restored empty"});
        }
        auto const content = own_content(layout, owner);
        if (by_person && content && !selection.routing.leads_to_person(*content)) {
            selection.problems.push_back(
                {owner.name,
                 "this full-text table keeps texts of its own and nothing tells whose "
                 "they are; name their owner: subjects.owners." +
                     owner.name + " = \"rowid -> TABLE\""});
        }
    }
}

Result<void> add_spatial_tables(Connection& connection, Layout& layout) {
    for (auto const& table : layout.virtual_tables) {
        if (is_spatial(table)) PD_CHECK(add_spatial_table(connection, layout, table));
    }
    return {};
}

/// A person is told apart by the key alone: whom it does not name no erasure reaches, and those who
/// share one are erased together.
Result<void> name_unclear_people(Connection& connection, Layout const& layout,
                                 data::SubjectMapping const& subjects, Selection& selection) {
    auto const table = find_table(layout, subjects.table);
    auto const column = table ? find_column(layout.schema.tables[*table], subjects.key)
                              : std::optional<std::size_t>();
    if (!column) return {};  // no people, or told already
    auto const& schema = layout.schema.tables[*table];
    std::string const people = identifier(schema.name);
    std::string const key = people + "." + identifier(schema.columns[*column].name);
    // A primary key of this column alone is unique; only NULLs may stand in it again and again.
    bool const unique =
        schema.primary_key.size() == 1 && ascii_same(schema.primary_key[0], subjects.key);
    std::string const shared = "(SELECT count(*) FROM (SELECT 1 FROM main." + people + " WHERE " +
                               key + " IS NOT NULL GROUP BY " + key +
                               " COLLATE BINARY HAVING count(*) > 1))";
    PD_TRY(Statement counts,
           connection.prepare("SELECT (SELECT count(*) FROM main." + people + " WHERE " + key +
                              " IS NULL), " + (unique ? "0" : shared)));
    PD_TRY(bool const counted, counts.step());
    if (counted && counts.integer(0) > 0) {
        selection.problems.push_back(
            {schema.name, std::to_string(counts.integer(0)) + " of its rows have no " +
                              subjects.key +
                              ": these people and their rows are kept as nobody's and survive an "
                              "erasure; give them a key"});
    }
    if (counted && counts.integer(1) > 0) {
        selection.problems.push_back(
            {schema.name, std::to_string(counts.integer(1)) + " values of " + subjects.key +
                              " stand in several rows: those people count as one and would be "
                              "erased together; map a unique column as subjects.key"});
    }
    return {};
}

std::string joined(std::vector<std::string> const& parts) {
    std::string out;
    for (auto const& part : parts) out += (out.empty() ? "" : ", ") + part;
    return out;
}

}  // namespace

Result<Routing> route_people(Connection& connection, Layout const& layout,
                             data::Mapping const& mapping) {
    if (!mapping.subjects) return Routing();
    data::SubjectMapping named = *mapping.subjects;
    add_mapped_people(mapping, named);
    for (auto const& table : layout.virtual_tables) named.owners.erase(table.name);
    PD_TRY(Routing routing, Routing::build(connection, layout, named));
    auto subjects = with_attached(mapping, layout, routing);
    PD_CHECK(add_virtual_owners(connection, layout, routing, subjects));
    if (subjects.owners == named.owners) return routing;
    return Routing::build(connection, layout, subjects);
}

Result<Selection> select_rows(Connection& connection, Layout& layout, SourceOptions const& source) {
    Selection selection;
    if (source.mapping.subjects) PD_CHECK(add_spatial_tables(connection, layout));
    PD_TRY(selection.routing, route_people(connection, layout, source.mapping));
    auto const& tables = layout.schema.tables;
    selection.left_out.resize(tables.size());
    std::vector<std::vector<std::string>> columns(tables.size());
    for (std::size_t table = 0; table < tables.size(); ++table) {
        selection.from.push_back("main." + identifier(tables[table].name) + " t NOT INDEXED");
        for (auto const column : layout.tables[table].stored) {
            columns[table].push_back("t." + identifier(tables[table].columns[column].name));
        }
    }
    for (auto const& [name, action] : source.mask) {
        PD_CHECK(mask_column(connection, layout, name, action, columns));
    }
    for (auto const& owner : layout.virtual_tables) {
        auto const table = is_spatial(owner) ? find_table(layout, owner.name) : std::nullopt;
        if (table) selection.from[*table] = spatial_rows(owner.name);
    }
    for (auto const& parts : columns) selection.columns.push_back(joined(parts));
    if (source.mapping.subjects) {
        PD_CHECK(name_unclear_people(connection, layout, *source.mapping.subjects, selection));
    }
    if (source.mapping.subjects || !source.mask.empty())
        leave_out_indexes(layout, selection, source.mapping.subjects.has_value());
    return selection;
}

}  // namespace perdure::origin
