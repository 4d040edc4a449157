#include "origin/records/record_sql.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"

namespace perdure::origin {

namespace {

/// Qualified, since an argument of std::string would find std::quoted as well.
std::string sql_name(std::string_view name) {
    return origin::identifier(name);
}

using data::MappingPath;

struct TableColumns {
    std::string name;
    std::vector<std::string> names, types;
    std::vector<std::string> key;
};

Result<TableColumns> columns_of(Connection& database, std::string const& table) {
    TableColumns found{.name = table};
    PD_TRY(auto statement,
           database.prepare(fmt::format("SELECT name, type, pk FROM pragma_table_xinfo({}) "
                                        "WHERE hidden IN (0, 2, 3) ORDER BY cid",
                                        literal(table))));
    std::vector<std::pair<std::int64_t, std::string>> key;
    while (true) {
        PD_TRY(bool const row, statement.step());
        if (!row) break;
        found.names.push_back(statement.text(0));
        found.types.push_back(statement.text(1));
        if (statement.integer(2) > 0) key.emplace_back(statement.integer(2), found.names.back());
    }
    if (found.names.empty()) {
        return fail(Fault::invalid, fmt::format("the database has no table \"{}\"", table))
            .with_fix("correct the mapping; `perdure source discover` proposes one");
    }
    std::sort(key.begin(), key.end());
    for (auto& [position, name] : key) found.key.push_back(std::move(name));
    return found;
}

Result<int> position_of(TableColumns const& table, std::string const& column) {
    for (std::size_t i = 0; i < table.names.size(); ++i) {
        if (ascii_same(table.names[i], column)) return static_cast<int>(i);
    }
    std::string known;
    for (auto const& name : table.names) known += (known.empty() ? "" : ", ") + name;
    return fail(Fault::invalid,
                fmt::format("table \"{}\" has no column \"{}\"", table.name, column))
        .with_fix(fmt::format("its columns are: {}", known));
}

Result<void> require(Connection& database, std::string const& table,
                     std::vector<std::string> const& columns) {
    PD_TRY(auto const found, columns_of(database, table));
    for (auto const& column : columns) {
        PD_TRY([[maybe_unused]] auto const at, position_of(found, column));
    }
    return {};
}

/// What other tables refer to: the key of one column, else the rowid.
std::string key_expression(TableColumns const& table, std::string const& alias) {
    return alias + "." + (table.key.size() == 1 ? sql_name(table.key[0]) : std::string("rowid"));
}

class Compiler {
public:
    Compiler(Connection& database, data::RecordMapping const& mapping, data::RecordOrder order)
        : database_(database), mapping_(mapping), order_(order) {}

    Result<RecordSql> compile(std::optional<data::SubjectMapping> const& subjects,
                              std::string const& whose) {
        PD_TRY(table_, columns_of(database_, mapping_.table));
        out_.type = {.type = mapping_.type,
                     .table = mapping_.table,
                     .columns = table_.names,
                     .declared_types = table_.types,
                     .key_columns = table_.key,
                     .roles = mapping_.fields};
        for (auto const& name : table_.names) select_.push_back("t." + sql_name(name));
        PD_CHECK(keys());
        for (auto const& [role, text] : mapping_.fields) {
            PD_CHECK(add_role(role, text).transform_role(role));
        }
        PD_CHECK(subject(subjects));
        // Of several columns that could name the person, a backup may have chosen another one.
        if (!whose.empty() && !mapping_.fields.contains("subject"))
            out_.role_columns["subject"] = add(whose);
        finish();
        return std::move(out_);
    }

private:
    /// Lets a failing role name itself.
    struct RoleResult {
        Result<void> result;
        Result<void> transform_role(std::string const& role) && {
            if (result) return {};
            return std::move(result).error().within(fmt::format("mapping of \"{}\"", role));
        }
    };

    Result<void> keys() {
        for (auto const& name : table_.key) {
            PD_TRY(int const at, position_of(table_, name));
            out_.key_columns.push_back(at);
        }
        find_rowid();
        if (table_.key.size() != 1 && !rowid_.empty()) out_.rowid_column = add(rowid_);
        return {};
    }

    /// Without a rowid (WITHOUT ROWID, views) the declared key is all there is.
    void find_rowid() {
        for (auto const* name : {"rowid", "_rowid_", "oid"}) {
            bool const taken = std::ranges::any_of(
                table_.names, [&](auto const& column) { return ascii_same(column, name); });
            if (taken) continue;
            auto const probe = database_.prepare(
                fmt::format("SELECT t.{} FROM {} t", name, sql_name(mapping_.table)));
            if (probe) rowid_ = fmt::format("t.{}", name);
            return;
        }
    }

    int add(std::string expression) {
        select_.push_back(std::move(expression));
        return static_cast<int>(select_.size()) - 1;
    }

    int link_column() const {
        return table_.key.size() == 1 ? out_.key_columns[0] : out_.rowid_column;
    }

    RoleResult add_role(std::string const& role, std::string const& text) {
        // Roles that are words, not columns.
        if (role == "body_format" || role == "embedding_dtype") return {};
        return {compile_role(role, text)};
    }

    Result<void> compile_role(std::string const& role, std::string const& text) {
        PD_TRY(auto const path, data::parse_mapping_path(text));
        switch (path.kind) {
            case MappingPath::Kind::column: {
                PD_TRY(int const at, position_of(table_, path.column));
                if (role == "media" || role == "tags") {
                    many(role, {.sql = "SELECT ?1 WHERE ?1 IS NOT NULL", .key_column = at});
                } else {
                    out_.role_columns[role] = at;
                    expressions_[role] = "t." + sql_name(table_.names[static_cast<unsigned>(at)]);
                }
                return {};
            }
            case MappingPath::Kind::lookup:
                return lookup(role, path);
            case MappingPath::Kind::link:
                return link(role, path);
            case MappingPath::Kind::children:
                return children(role, path);
        }
        return {};
    }

    Result<void> lookup(std::string const& role, MappingPath const& path) {
        PD_TRY([[maybe_unused]] auto const at, position_of(table_, path.column));
        PD_CHECK(require(database_, path.table, {path.value}));
        PD_TRY(auto const other, columns_of(database_, path.table));
        auto const expression =
            fmt::format("(SELECT x.{} FROM {} x WHERE {} = t.{})", sql_name(path.value),
                        sql_name(path.table), key_expression(other, "x"), sql_name(path.column));
        out_.role_columns[role] = add(expression);
        expressions_[role] = expression;
        return {};
    }

    Result<void> link(std::string const& role, MappingPath const& path) {
        PD_CHECK(require(database_, path.link_table, {path.link_here, path.link_there}));
        PD_CHECK(require(database_, path.table, {path.value}));
        PD_TRY(auto const other, columns_of(database_, path.table));
        many(role,
             {.sql = fmt::format(
                  "SELECT x.{0} FROM {1} l JOIN {2} x ON {3} = l.{4} WHERE l.{5} = ?1 "
                  "ORDER BY x.{0}",
                  sql_name(path.value), sql_name(path.link_table), sql_name(path.table),
                  key_expression(other, "x"), sql_name(path.link_there), sql_name(path.link_here)),
              .key_column = link_column()});
        return {};
    }

    Result<void> children(std::string const& role, MappingPath const& path) {
        PD_CHECK(require(database_, path.table, {path.value, path.children_key}));
        many(role, {.sql = fmt::format("SELECT c.{0} FROM {1} c WHERE c.{2} = ?1 ORDER BY c.{0}",
                                       sql_name(path.value), sql_name(path.table),
                                       sql_name(path.children_key)),
                    .key_column = link_column()});
        return {};
    }

    void many(std::string const& role, ManyRole compiled) {
        if (role == "tags") {
            out_.tags = std::move(compiled);
        } else if (role == "media") {
            out_.media = std::move(compiled);
        }
    }

    Result<void> subject(std::optional<data::SubjectMapping> const& subjects) {
        if (!subjects) return {};
        if (ascii_same(subjects->table, mapping_.table)) {
            PD_TRY(out_.role_columns["subject"], position_of(table_, subjects->key));
            out_.type.roles.try_emplace("subject", subjects->key);
            if (!subjects->label.empty()) {
                PD_TRY(out_.role_columns["subject_label"], position_of(table_, subjects->label));
            }
            return {};
        }
        if (auto const mapped = expressions_.find("subject"); mapped != expressions_.end()) {
            add_label(*subjects, mapped->second);
            return {};
        }
        PD_TRY(auto column, owner_column(*subjects));
        if (column.empty()) return {};
        out_.role_columns["subject"] = add("t." + sql_name(column));
        out_.type.roles.try_emplace("subject", column);
        add_label(*subjects, "t." + sql_name(column));
        return {};
    }

    void add_label(data::SubjectMapping const& subjects, std::string const& person) {
        if (subjects.label.empty()) return;
        out_.role_columns["subject_label"] =
            add(fmt::format("(SELECT u.{} FROM {} u WHERE u.{} = {})", sql_name(subjects.label),
                            sql_name(subjects.table), sql_name(subjects.key), person));
    }

    /// The column that points at the person: declared as owner, or by a foreign key.
    Result<std::string> owner_column(data::SubjectMapping const& subjects) {
        for (auto const& [table, column] : subjects.owners) {
            if (ascii_same(table, mapping_.table) && column.find("->") == std::string::npos) {
                return column;
            }
        }
        PD_TRY(auto statement,
               database_.prepare(fmt::format(
                   "SELECT \"from\", \"table\" FROM pragma_foreign_key_list({}) ORDER BY id",
                   literal(mapping_.table))));
        while (true) {
            PD_TRY(bool const row, statement.step());
            if (!row) return std::string();
            if (ascii_same(statement.text(1), subjects.table)) return statement.text(0);
        }
    }

    void finish() {
        std::string columns;
        for (auto const& expression : select_)
            columns += (columns.empty() ? "" : ", ") + expression;
        auto const table = sql_name(mapping_.table);
        auto const before_key = order_terms();
        auto const terms = fmt::format("{}{}{}", before_key, before_key.empty() ? "" : ", ", key());
        bool const as_stored = before_key.empty() && key_is_rowid();
        if (as_stored || rowid_.empty()) {
            out_.sql = fmt::format("SELECT {} FROM {} t ORDER BY {}", columns, table, terms);
            return;
        }
        // Sorting whole rows would write all of them to temporary files. Only the sort keys are
        // sorted; the rows are fetched in that order. The LIMIT keeps the inner query from being
        // merged into the outer one, and CROSS JOIN keeps it the outer loop.
        out_.sql = fmt::format(
            "SELECT {} FROM (SELECT {} AS perdure_row FROM {} t ORDER BY {} LIMIT -1) o "
            "CROSS JOIN {} t ON {} = o.perdure_row",
            columns, rowid_, table, terms, table, rowid_);
    }

    /// Whether rows lie in the order of their key.
    bool key_is_rowid() const {
        if (table_.key.empty()) return true;
        auto const found = std::ranges::find(table_.names, table_.key[0]) - table_.names.begin();
        return table_.key.size() == 1 &&
               ascii_same(table_.types[static_cast<std::size_t>(found)], "INTEGER");
    }

    std::string key() const {
        if (table_.key.empty()) return rowid_.empty() ? "1" : rowid_;
        std::string terms;
        for (auto const& name : table_.key) {
            terms += (terms.empty() ? "t." : ", t.") + sql_name(name);
        }
        return terms;
    }

    std::string order_terms() const {
        using enum data::RecordOrder;
        std::string terms;
        auto const by = [&](char const* role, std::string_view form) {
            auto const found = expressions_.find(role);
            if (found == expressions_.end()) return;
            if (!terms.empty()) terms += ", ";
            terms += fmt::format(fmt::runtime(form), found->second);
        };
        std::string const instant = std::string(instant_function) + "({})";
        constexpr std::string_view text = "{} COLLATE BINARY";
        if (order_ == title) by("title", text);
        if (order_ == collection) by("collection", text);
        if (order_ == project) {
            by("project", text);
            by("category", text);
        }
        if (order_ == updated) by("updated", instant);
        if (order_ != updated && order_ != data::RecordOrder::key) by("created", instant);
        return terms;
    }

    Connection& database_;
    data::RecordMapping const& mapping_;
    TableColumns table_;
    data::RecordOrder order_;
    std::string rowid_;                               ///< "t.rowid", or empty: there is none
    std::map<std::string, std::string> expressions_;  ///< role → SQL, of single-valued roles
    std::vector<std::string> select_;
    RecordSql out_;
};

}  // namespace

Result<RecordSql> compile_record(Connection& database, data::RecordMapping const& mapping,
                                 RecordAsked const& asked) {
    auto compiled = Compiler(database, mapping, asked.order).compile(asked.subjects, asked.whose);
    if (!compiled) {
        return std::move(compiled).error().within(fmt::format("record type \"{}\"", mapping.type));
    }
    return compiled;
}

}  // namespace perdure::origin
