#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "system/file.h"

namespace perdure::catalog {

struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using DatabaseHandle = std::unique_ptr<sqlite3, CloseDatabase>;
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

Error database_error(sqlite3* database, std::string_view doing);

/// Runs statements that give no rows. `what` names the database in errors: "run log".
Result<void> run_sql(sqlite3* database, char const* sql, std::string_view what);
/// Opens or makes a log: its folder too, waits for other processes, durable commits, the tables of
/// `schema` (which says IF NOT EXISTS). Fails: denied, corrupt, exhausted, unavailable.
Result<DatabaseHandle> open_log(system::Path const& file, char const* schema,
                                std::string_view what);

/// A statement with bound values, stepped row by row.
class Statement {
public:
    static Result<Statement> prepare(sqlite3* database, std::string_view sql);
    Statement& bind(std::int64_t value);
    Statement& bind(std::string_view text);
    /// True: a row is there.
    Result<bool> step();
    std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
    std::string text(int column) const;
    bool is_null(int column) const {
        return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
    }

private:
    Statement(sqlite3* database, StatementHandle handle)
        : database_(database), handle_(std::move(handle)) {}
    sqlite3* database_;
    StatementHandle handle_;
    int bound_ = 0;
};

}  // namespace perdure::catalog
