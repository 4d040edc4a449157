#include "origin/sqlite/selection.h"

#include <algorithm>

#include "data/mapping_path.h"

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

/// The mapping of subjects, with an owner for each table that records attach and no foreign key
/// leads.
data::SubjectMapping with_attached(data::Mapping const& mapping, Layout const& layout,
                                   Routing const& routing) {
    data::SubjectMapping subjects = *mapping.subjects;
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

Result<Routing> make_routing(Connection& connection, Layout const& layout,
                             data::Mapping const& mapping) {
    if (!mapping.subjects) return Routing();
    PD_TRY(Routing routing, Routing::build(connection, layout, *mapping.subjects));
    auto const subjects = with_attached(mapping, layout, routing);
    if (subjects.owners == mapping.subjects->owners) return routing;
    return Routing::build(connection, layout, subjects);
}

bool is_text_type(std::string_view declared) {
    std::string const type = lower_name(declared);
    return type.find("char") != type.npos || type.find("text") != type.npos ||
           type.find("clob") != type.npos;
}

Result<void> mask_column(Layout const& layout, std::string const& name, std::string const& action,
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
    if (stored == rows.stored.end()) return {};  // generated: not stored anyway
    auto const position = static_cast<std::size_t>(stored - rows.stored.begin());
    if (std::ranges::find(rows.key_values, position) != rows.key_values.end()) {
        return fail(Fault::invalid, "mask \"" + name + "\" would drop a part of the primary key");
    }
    std::string replacement = "NULL";
    if (rows.not_null[position]) {
        auto const& type = layout.schema.tables[*table].columns[*column].declared_type;
        replacement = is_text_type(type) ? "''" : lower_name(type) == "blob" ? "x''" : "0";
    }
    columns[*table][position] = replacement;
    return {};
}

/// Leaves out the index tables of full-text tables and tells the target to rebuild them.
void leave_out_indexes(Layout& layout, Selection& selection) {
    for (auto const& owner : layout.virtual_tables) {
        bool const is_fts5 = owner.module == "fts5";
        if (!is_fts5 && owner.module != "fts4" && owner.module != "fts3") continue;
        bool const contentless = std::ranges::any_of(owner.arguments, [](std::string text) {
            std::erase_if(text, [](char c) { return c == ' ' || c == '"' || c == '\''; });
            return lower_name(text) == "content=";
        });
        for (auto const ending : shadow_endings(owner.module)) {
            if (ending == "_content" || ending == "_config") continue;
            auto const table = find_table(layout, owner.name + std::string(ending));
            if (table) selection.left_out[*table] = true;
        }
        layout.schema.settings["rebuild " + owner.name] = contentless ? "empty" : owner.module;
        if (contentless) {
            selection.problems.push_back(
                {owner.name,
                 "a contentless full-text index mixes the words of all people and "
                 "cannot be rebuilt from rows: it is restored empty"});
        }
    }
}

std::string joined(std::vector<std::string> const& parts) {
    std::string out;
    for (auto const& part : parts) out += (out.empty() ? "" : ", ") + part;
    return out;
}

}  // namespace

Result<Selection> select_rows(Connection& connection, Layout& layout, SourceOptions const& source) {
    Selection selection;
    PD_TRY(selection.routing, make_routing(connection, layout, source.mapping));
    auto const& tables = layout.schema.tables;
    selection.left_out.resize(tables.size());
    std::vector<std::vector<std::string>> columns(tables.size());
    for (std::size_t table = 0; table < tables.size(); ++table) {
        for (auto const column : layout.tables[table].stored) {
            columns[table].push_back("t." + identifier(tables[table].columns[column].name));
        }
    }
    for (auto const& [name, action] : source.mask) {
        PD_CHECK(mask_column(layout, name, action, columns));
    }
    for (auto const& parts : columns) selection.columns.push_back(joined(parts));
    if (source.mapping.subjects || !source.mask.empty()) leave_out_indexes(layout, selection);
    return selection;
}

}  // namespace perdure::origin
