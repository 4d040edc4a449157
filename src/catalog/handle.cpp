#include "catalog/handle.h"

namespace perdure::catalog {

Error database_error(sqlite3* database, std::string_view doing) {
    int const code = sqlite3_errcode(database);
    Fault fault = Fault::internal;
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            fault = Fault::unavailable;
            break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            fault = Fault::corrupt;
            break;
        case SQLITE_FULL:
            fault = Fault::exhausted;
            break;
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
            fault = Fault::denied;
            break;
        default:
            break;
    }
    return fail(fault, std::string(doing) + ": " + sqlite3_errmsg(database));
}

Result<void> run_sql(sqlite3* database, char const* sql, std::string_view what) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return database_error(database, what);
}

Result<DatabaseHandle> open_log(system::Path const& file, char const* schema,
                                std::string_view what) {
    PD_CHECK(system::make_folders(file.parent_path()));
    sqlite3* raw = nullptr;
    int const rc =
        sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    DatabaseHandle database(raw);
    if (rc != SQLITE_OK) {
        return database_error(raw, "opening the " + std::string(what) + " " + file.string());
    }
    sqlite3_busy_timeout(raw, 10'000);
    PD_CHECK(run_sql(raw, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", what));
    PD_CHECK(run_sql(raw, schema, what));
    return database;
}

Result<Statement> Statement::prepare(sqlite3* database, std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    int const rc =
        sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
    StatementHandle handle(raw);
    if (rc != SQLITE_OK) return database_error(database, "run log");
    return Statement(database, std::move(handle));
}

Statement& Statement::bind(std::int64_t value) {
    sqlite3_bind_int64(handle_.get(), ++bound_, value);
    return *this;
}

Statement& Statement::bind(std::string_view text) {
    sqlite3_bind_text64(handle_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
    return *this;
}

Result<bool> Statement::step() {
    int const rc = sqlite3_step(handle_.get());
    if (rc == SQLITE_ROW) return true;
    if (rc == SQLITE_DONE) return false;
    return database_error(database_, "run log");
}

std::string Statement::text(int column) const {
    auto const* data = sqlite3_column_text(handle_.get(), column);
    auto const size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
    return data ? std::string(reinterpret_cast<char const*>(data), size) : std::string();
}

}  // namespace perdure::catalog
