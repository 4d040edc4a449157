#include "origin/sqlite/sqlite_origin.h"

#include "origin/sqlite/source.h"
#include "origin/sqlite/spatial.h"
#include "origin/sqlite/sqlite_reader.h"
#include "origin/unmade.h"

namespace perdure::origin {

namespace {

constexpr std::size_t findings_max = 100;
constexpr std::string_view refers = " refers to a row of ", mismatch = "foreign_key_check: ";

Error with_advice(Error error, system::Path const& path) {
    if (error.fault() == Fault::corrupt && error.fix().empty()) {
        return std::move(error)
            .within("database " + path.string())
            .with_fix("see what is left with: sqlite3 " + path.string() + " .recover");
    }
    return error;
}

Result<data::LogicalDigest> read_digest(data::RowReader& reader, std::stop_token stop) {
    for (;;) {
        PD_TRY(std::optional<data::RowView> row, reader.next(stop));
        if (!row) return reader.digest();
    }
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
        if (!reader) return with_advice(std::move(reader.error()), source_.path);
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
        if (integrity.text(0) != "ok") problems.push_back({path, integrity.text(0)});
    }
    // A foreign key whose parent table or key is gone is reported by an error instead of a row.
    auto keys = connection.prepare("PRAGMA main.foreign_key_check");
    while (keys && problems.size() < findings_max) {
        auto const more = keys->step();
        if (!more && more.error().fault() == Fault::cancelled) return more.error();
        if (!more) {
            problems.push_back({path, std::string(mismatch) + more.error().message()});
            break;
        }
        if (!*more) break;
        problems.push_back({path, "row " + keys->text(1) + " of " + keys->text(0) +
                                      std::string(refers) + keys->text(2) + " that is missing"});
    }
    PD_TRY(auto const layout, read_layout(connection, database.is_wal()));
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

Result<std::unique_ptr<Origin>> open_sqlite(SourceOptions const& source) {
    if (source.path.empty()) {
        return fail(Fault::invalid, "source " + source.name + " names no database file")
            .with_fix("add path = \"…\" to [source." + source.name + "]");
    }
    return std::make_unique<SqliteOrigin>(source);
}

bool is_of_the_rows(data::Problem const& told) {
    auto const& reason = told.reason;
    return reason.find(refers) != reason.npos || reason.starts_with(mismatch) ||
           reason.starts_with("NULL value in ") ||
           reason.starts_with("CHECK constraint failed in ");
}

}  // namespace perdure::origin
