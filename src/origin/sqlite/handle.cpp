#include "origin/sqlite/handle.h"

#include <algorithm>

#include "base/ascii.h"

namespace perdure::origin {

namespace {

/// How many virtual-machine steps may pass before a stop is noticed.
constexpr int steps_between_looks = 20'000;

int compare_bytes(void*, int a_bytes, void const* a, int b_bytes, void const* b) {
    auto const shorter = static_cast<std::size_t>(a_bytes < b_bytes ? a_bytes : b_bytes);
    int const order = shorter == 0 ? 0 : std::memcmp(a, b, shorter);
    return order != 0 ? order : a_bytes - b_bytes;
}

Fault fault_of(int code) {
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL:
            return Fault::unavailable;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_FORMAT:
            return Fault::corrupt;
        case SQLITE_FULL:
        case SQLITE_NOMEM:
        case SQLITE_TOOBIG:
            return Fault::exhausted;
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_AUTH:
            return Fault::denied;
        case SQLITE_CANTOPEN:
            return Fault::not_found;
        case SQLITE_CONSTRAINT:
            return Fault::conflict;
        case SQLITE_INTERRUPT:
            return Fault::cancelled;
        case SQLITE_IOERR:
            return Fault::unavailable;
        default:
            return Fault::invalid;
    }
}

}  // namespace

Error error_from_sqlite(sqlite3* database, int code, std::string_view doing) {
    if ((code & 0xff) == SQLITE_INTERRUPT) return fail(Fault::cancelled, "stopped");
    std::string message(doing);
    message += ": ";
    message += database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    auto error = fail(fault_of(code), std::move(message));
    if ((code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED) return error;
    return std::move(error)
        .within("another program holds the database locked")
        .with_code(11)
        .with_fix("end the program's long transaction, or the program itself, then run again");
}

std::string identifier(std::string_view name) {
    std::string out = "\"";
    for (char const c : name) {
        if (c == '"') out += '"';
        out += c;
    }
    return out += '"';
}

std::string literal(std::string_view text) {
    std::string out = "'";
    for (char const c : text) {
        if (c == '\'') out += '\'';
        out += c;
    }
    return out += '\'';
}

std::string file_uri(system::Path const& path) {
    std::string uri = "file:";
    for (char const c : path.string()) {
        bool const plain = is_ascii_alphanumeric(c) || c == '/' || c == '.' || c == '_' || c == '-';
        uri += plain ? std::string(1, c) : '%' + to_hex(as_bytes({&c, 1}));
    }
    return uri;
}

bool is_sql_word(char c) {
    return is_ascii_alphanumeric(c) || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}

std::size_t token_end(std::string_view sql, std::size_t at) {
    char const c = sql[at];
    if (c == '"' || c == '\'' || c == '`' || c == '[') {
        char const close = c == '[' ? ']' : c;
        auto const end = sql.find(close, at + 1);
        return end == sql.npos ? sql.size() : end + 1;
    }
    if (sql.substr(at, 2) == "--") {
        auto const end = sql.find('\n', at);
        return end == sql.npos ? sql.size() : end + 1;
    }
    if (sql.substr(at, 2) == "/*") {
        auto const end = sql.find("*/", at + 2);
        return end == sql.npos ? sql.size() : end + 2;
    }
    auto end = at + 1;
    if (is_sql_word(c)) {
        while (end < sql.size() && is_sql_word(sql[end])) ++end;
    }
    return end;
}

bool is_blank_token(std::string_view token) {
    return token.starts_with("--") || token.starts_with("/*") ||
           std::ranges::all_of(token, [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
}

Result<bool> Statement::step() {
    int const code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return error_from_sqlite(sqlite3_db_handle(statement_.get()), code, "SQLite");
}

Result<void> Statement::run() {
    for (;;) {
        auto const more = step();
        if (!more) {
            sqlite3_reset(statement_.get());
            return Error(more.error());
        }
        if (!*more) break;
    }
    sqlite3_reset(statement_.get());
    return {};
}

std::string Statement::text(int column) const {
    auto* const value = sqlite3_column_value(statement_.get(), column);
    // SQLite turns UTF-16 into UTF-8 where it lies: bytes() would give something else from then on.
    bool const turns =
        sqlite3_value_type(value) == SQLITE_TEXT && sqlite3_value_encoding(value) != SQLITE_UTF8;
    std::unique_ptr<sqlite3_value, decltype(&sqlite3_value_free)> const copy(
        turns ? sqlite3_value_dup(value) : nullptr, sqlite3_value_free);
    if (turns && !copy) throw std::bad_alloc();
    auto const* data =
        copy ? sqlite3_value_text(copy.get()) : sqlite3_column_text(statement_.get(), column);
    auto const count =
        copy ? sqlite3_value_bytes(copy.get()) : sqlite3_column_bytes(statement_.get(), column);
    if (data == nullptr) return {};
    return {reinterpret_cast<char const*>(data), static_cast<std::size_t>(count)};
}

void Connection::make_stand_in(void* state, sqlite3* database, int encoding, char const* name) {
    // In UTF-16 SQLite asks for its own ones, too, before it makes them from those for UTF-8.
    for (char const* own : {"BINARY", "NOCASE", "RTRIM"}) {
        if (ascii_same(name, own)) return;
    }
    static_cast<State*>(state)->stand_ins.insert(name);
    sqlite3_create_collation_v2(database, name, encoding, nullptr, compare_bytes, nullptr);
}

Result<Connection> Connection::open(system::Path const& path, Options options) {
    Connection connection;
    connection.state_ = std::make_unique<State>();
    std::string uri = file_uri(path);
    if (options.immutable) uri += "?immutable=1";
    sqlite3* raw = nullptr;
    int const flags = options.flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int const code = sqlite3_open_v2(uri.c_str(), &raw, flags, nullptr);
    connection.database_.reset(raw);
    if (code != SQLITE_OK) return error_from_sqlite(raw, code, "opening " + path.string());
    sqlite3_busy_timeout(raw, options.busy_wait_ms);
    sqlite3_collation_needed(raw, connection.state_.get(), make_stand_in);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
    return connection;
}

Result<void> Connection::run(std::string const& sql) {
    int const code = sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return error_from_sqlite(get(), code, "SQLite");
    return {};
}

Result<Statement> Connection::prepare(std::string const& sql) {
    sqlite3_stmt* raw = nullptr;
    int const code =
        sqlite3_prepare_v3(get(), sql.data(), static_cast<int>(sql.size()), 0, &raw, nullptr);
    if (code != SQLITE_OK) return error_from_sqlite(get(), code, "SQLite");
    return Statement(raw);
}

Result<std::string> Connection::text(std::string const& sql) {
    PD_TRY(Statement statement, prepare(sql));
    PD_TRY(bool const found, statement.step());
    return found ? statement.text(0) : std::string();
}

Result<std::int64_t> Connection::integer(std::string const& sql) {
    PD_TRY(Statement statement, prepare(sql));
    PD_TRY(bool const found, statement.step());
    return found ? statement.integer(0) : 0;
}

void Connection::watch(std::stop_token stop) {
    state_->stop = std::move(stop);
    sqlite3_progress_handler(
        get(), steps_between_looks,
        [](void* state) -> int { return static_cast<State*>(state)->stop.stop_requested(); },
        state_.get());
}

Error Connection::error(std::string_view doing) const {
    return error_from_sqlite(get(), sqlite3_extended_errcode(get()), doing);
}

Result<void> Connection::close() {
    if (database_ == nullptr) return {};
    int const code = sqlite3_close(database_.get());
    if (code != SQLITE_OK) return error_from_sqlite(database_.get(), code, "closing");
    (void)database_.release();
    return {};
}

}  // namespace perdure::origin
