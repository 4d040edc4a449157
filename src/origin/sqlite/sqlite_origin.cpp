#include "origin/sqlite/sqlite_origin.h"

#include <algorithm>

#include "origin/damage.h"
#include "origin/sqlite/source.h"
#include "origin/sqlite/spatial.h"
#include "origin/sqlite/sqlite_reader.h"
#include "origin/unmade.h"

namespace perdure::origin {

namespace {

constexpr std::size_t findings_max = 100;
constexpr std::string_view refers = " refers to a row of ", mismatch = "foreign_key_check: ";

Result<data::LogicalDigest> read_digest(data::RowReader& reader, std::stop_token stop) {
    for (;;) {
        PD_TRY(std::optional<data::RowView> row, reader.next(stop));
        if (!row) return reader.digest();
    }
}

/// An answer of many lines in one: without its heading, the first few told and the others counted.
std::string in_one_line(std::string_view answer) {
    constexpr std::size_t told_max = 3;
    std::string out;
    std::size_t lines = 0;
    for (std::size_t from = 0, to = 0; from < answer.size(); from = to + 1) {
        to = std::min(answer.find('\n', from), answer.size());
        auto const line = answer.substr(from, to - from);
        if (line.empty() || line.starts_with("*** in database ")) continue;
        if (++lines <= told_max) out.append(lines == 1 ? "" : "; ").append(line);
    }
    if (lines > told_max) out += "; and " + std::to_string(lines - told_max) + " more";
    return out;
}

/// Fails: invalid, for a schema that needs functions which only its application has.
Result<std::vector<data::Problem>> ask(Connection& connection, std::string const& pragma,
                                       std::string const& name) {
    std::vector<data::Problem> found;
    PD_TRY(Statement answers,
           connection.prepare("PRAGMA main." + pragma + "(" + std::to_string(findings_max) + ")"));
    for (;;) {
        PD_TRY(bool const more, answers.step());
        if (!more) return found;
        data::Problem told{name, in_one_line(answers.text(0))};
        // "TEXT value in t.c": a value of another type than its column's, as newer versions tell.
        bool const of_rows =
            is_of_the_rows(told) || told.reason.find(" value in ") != std::string::npos;
        if (told.reason != "ok" && !of_rows) found.push_back(std::move(told));
    }
}

/// A stand-in for a collation that only the application has looks in the wrong places: what it says
/// of order says nothing of the file.
bool is_of_the_order(data::Problem const& told) {
    for (std::string_view const part :
         {"PRIMARY KEY order", "missing from index", "non-unique entry in index",
          "wrong # of entries in index"}) {
        if (told.reason.find(part) != told.reason.npos) return true;
    }
    return false;
}

class SqliteOrigin final : public Origin {
public:
    explicit SqliteOrigin(SourceOptions source) : source_(std::move(source)) {}
    Shape shape() const override { return Shape::rows; }

    Result<void> test(std::stop_token stop) override {
        auto const reader = open_rows(std::move(stop));
        if (!reader) return Error(reader.error());
        return {};
    }

    Result<std::unique_ptr<data::TreeReader>> open_tree(std::stop_token) override {
        return fail(Fault::unsupported, "a database is no tree of files");
    }

    Result<std::unique_ptr<data::RowReader>> open_rows(std::stop_token stop) override {
        auto reader = read_sqlite(source_, std::move(stop));
        if (!reader) return with_advice(std::move(reader.error()), source_);
        return reader;
    }

    Result<data::LogicalDigest> digest(std::stop_token stop) override {
        PD_TRY(std::unique_ptr<data::RowReader> reader, open_rows(stop));
        return read_digest(*reader, stop);
    }

    Result<std::vector<data::Problem>> check(std::stop_token stop) override;
    Result<std::string> query(std::string const& sql, std::stop_token stop) override;

private:
    SourceOptions source_;
};

/// Table by table: a foreign key that names no key of its parent is told by an error, and would
/// hide all others.
Result<void> check_references(Connection& connection, std::string const& table,
                              std::string const& path, std::vector<data::Problem>& problems) {
    auto keys = connection.prepare("PRAGMA main.foreign_key_check(" + identifier(table) + ")");
    if (!keys) {
        auto const why = is_key_mismatch(keys.error()) ? std::string(mismatch) : std::string();
        if (problems.size() < findings_max)
            problems.push_back({path, why + keys.error().message()});
        return {};
    }
    while (problems.size() < findings_max) {
        PD_TRY(bool const more, keys->step());
        if (!more) break;
        problems.push_back({path, "row " + keys->text(1) + " of " + keys->text(0) +
                                      std::string(refers) + keys->text(2) + " that is missing"});
    }
    return {};
}

Result<std::vector<data::Problem>> SqliteOrigin::check(std::stop_token stop) {
    PD_TRY(Source database, Source::open(source_.path, std::move(stop)));
    auto& connection = database.connection();
    std::vector<data::Problem> problems;
    std::string const path = source_.path.string();
    PD_TRY(Statement integrity,
           connection.prepare("PRAGMA main.integrity_check(" + std::to_string(findings_max) + ")"));
    for (;;) {
        PD_TRY(bool const more, integrity.step());
        if (!more) break;
        auto told = in_one_line(integrity.text(0));
        if (told != "ok") problems.push_back({path, std::move(told)});
    }
    PD_TRY(auto const layout, read_layout(connection, database.is_wal()));
    for (auto const& table : layout.schema.tables) {
        PD_CHECK(check_references(connection, table.name, path, problems));
    }
    for (auto const& table : layout.virtual_tables) {
        if (!is_spatial(table) || problems.size() >= findings_max) continue;
        auto said = check_spatial(connection, table.name);
        if (!said && said.error().fault() == Fault::cancelled) return said.error();
        if (!said) said = said.error().message();
        if (!said->empty()) problems.push_back({path, "R-Tree " + table.name + ": " + *said});
    }
    return problems;
}

Result<std::string> SqliteOrigin::query(std::string const& sql, std::stop_token stop) {
    constexpr int rows_shown_max = 3;
    PD_TRY(Source database, Source::open(source_.path, std::move(stop)));
    PD_TRY(Statement statement, database.connection().prepare(sql));
    if (statement.get() == nullptr || sqlite3_stmt_readonly(statement.get()) == 0) {
        return fail(Fault::invalid, "a query that only reads is needed: " + sql);
    }
    std::string shown;
    for (int row = 0; row < rows_shown_max; ++row) {
        PD_TRY(bool const more, statement.step());
        if (!more) break;
        if (row > 0) shown += "; ";
        for (int column = 0; column < sqlite3_column_count(statement.get()); ++column) {
            if (column > 0) shown += " | ";
            shown += statement.is_null(column) ? "NULL" : statement.text(column);
        }
        // A row of nothing but empty texts is a row all the same.
        if (shown.empty()) shown = "(a row)";
    }
    return shown;
}

}  // namespace

Result<data::LogicalDigest> digest_like(data::LogicalDigest const& recorded,
                                        SourceOptions const& copy, UnmadeObjects const& unmade,
                                        std::stop_token stop) {
    if (copy.type != "sqlite") return fail(Fault::unsupported, copy.name + " is no database");
    PD_TRY(auto reader, read_sqlite(copy, stop, unmade));
    PD_TRY(auto const digest, read_digest(*reader, stop));
    if (digest == recorded) return digest;
    PD_TRY(auto const tables, compared_without_order(copy, stop));
    if (tables.empty()) return digest;
    PD_TRY(auto again, read_sqlite(copy, stop, unmade, RowOrder::as_stored));
    PD_TRY(auto const formerly, read_digest(*again, stop));
    return formerly == recorded ? formerly : digest;
}

Result<std::vector<data::Problem>> look_for_damage(SourceOptions const& source, DamageCheck how,
                                                   std::stop_token stop) {
    std::vector<data::Problem> none;
    if (source.type != "sqlite") return none;
    PD_TRY(Source database, Source::open(source.path, std::move(stop)));
    auto& connection = database.connection();
    PD_CHECK(connection.run("PRAGMA ignore_check_constraints=ON"));
    std::string const name = source.path.filename().string();
    auto found =
        ask(connection, how == DamageCheck::contents ? "integrity_check" : "quick_check", name);
    bool const contents = how == DamageCheck::contents;
    if (!found && found.error().fault() == Fault::invalid && contents)
        found = ask(connection, "quick_check", name);
    if (!found && found.error().fault() == Fault::invalid) return none;
    if (!found && found.error().fault() == Fault::corrupt)
        return std::vector{data::Problem{name, found.error().message()}};
    PD_CHECK(database.still_unchanged());
    if (found && !connection.stand_ins().empty()) std::erase_if(*found, is_of_the_order);
    return found;
}

Result<std::unique_ptr<Origin>> open_sqlite(SourceOptions const& source) {
    if (source.path.empty()) {
        return fail(Fault::invalid, "source " + source.name + " names no database file")
            .with_fix("add path = \"…\" to [source." + source.name + "]");
    }
    return std::make_unique<SqliteOrigin>(source);
}

bool is_key_mismatch(Error const& error) {
    return error.message().find("foreign key mismatch") != std::string::npos;
}

bool is_of_the_rows(data::Problem const& told) {
    auto const& reason = told.reason;
    return reason.find(refers) != reason.npos || reason.starts_with(mismatch) ||
           reason.starts_with("NULL value in ") ||
           reason.starts_with("CHECK constraint failed in ");
}

}  // namespace perdure::origin
