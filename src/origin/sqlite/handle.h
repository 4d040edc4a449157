#pragma once

#include <sqlite3.h>

#include <cstring>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "system/file.h"

namespace perdure::origin {

struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// `name` as an SQL identifier: any name is safe in it, NUL excepted (SQLite has none in names).
std::string identifier(std::string_view name);
/// `text` as an SQL string literal.
std::string literal(std::string_view text);
/// A path as SQLite opens and attaches it: a URI in which every byte of it is safe, '?', '#', '%'
/// and what is no UTF-8 included. "?mode=ro" and the like may follow.
std::string file_uri(system::Path const& path);
/// What SQLite takes for blanks between the words of a statement.
inline constexpr std::string_view sql_blanks = " \t\r\n\f";
/// Whether a byte can be part of a word of SQL: of a name, a keyword or a number.
bool is_sql_word(char c);
/// The end of the token at `at`, as SQLite's own tokenizer cuts what it has accepted: a quoted
/// string, a comment, a word or one byte. A quote that is doubled ends one token and begins the
/// next. What is never closed goes to the end.
std::size_t token_end(std::string_view sql, std::size_t at);
/// Whether a token says nothing: white space, or a comment.
bool is_blank_token(std::string_view token);
/// After a collation's name in SQL: whether only the application knows its order.
inline constexpr char const* is_application_order =
    " COLLATE NOCASE NOT IN ('BINARY', 'NOCASE', 'RTRIM')";

/// A prepared statement. Column accessors return views that live until the next step.
class Statement {
public:
    Statement() = default;
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

    /// True: a row is there. False: done.
    /// Fails: corrupt, unavailable (busy), exhausted, conflict (constraint), cancelled…
    Result<bool> step();
    /// Steps to the end and resets.
    Result<void> run();
    void reset() { sqlite3_reset(statement_.get()); }

    bool is_null(int column) const {
        return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
    }
    std::int64_t integer(int column) const {
        return sqlite3_column_int64(statement_.get(), column);
    }
    /// The bytes of a text or blob as they lie in the file, in the database's encoding.
    ByteView bytes(int column) const {
        void const* data = sqlite3_column_blob(statement_.get(), column);
        auto const count = sqlite3_column_bytes(statement_.get(), column);
        return {static_cast<std::byte const*>(data), static_cast<std::size_t>(count)};
    }
    /// As UTF-8, whatever the database's encoding.
    std::string text(int column) const;
    sqlite3_stmt* get() const { return statement_.get(); }
    explicit operator bool() const { return statement_ != nullptr; }

private:
    std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement_;
};

/// A connection to one SQLite file. Unknown collations get a stand-in (memcmp), so that a database
/// that only its application can sort can still be read; stand_ins() names them.
/// Threads: one.
class Connection {
public:
    struct Options {
        int flags = SQLITE_OPEN_READONLY;
        bool immutable = false;  ///< nobody writes: read without locks or side files
        int busy_wait_ms = 10'000;
    };
    static Result<Connection> open(system::Path const& path, Options options);

    Result<void> run(std::string const& sql);
    Result<Statement> prepare(std::string const& sql);
    /// First column of the first row, as text; empty when there is no row.
    Result<std::string> text(std::string const& sql);
    Result<std::int64_t> integer(std::string const& sql);
    /// Every later step ends with cancelled once a stop is asked for.
    void watch(std::stop_token stop);

    sqlite3* get() const { return database_.get(); }
    std::set<std::string> const& stand_ins() const { return state_->stand_ins; }
    Error error(std::string_view doing) const;
    /// Closes and says whether that worked.
    Result<void> close();

private:
    struct State {
        std::stop_token stop;
        std::set<std::string> stand_ins;
    };
    Connection() = default;
    static void make_stand_in(void* state, sqlite3* database, int encoding, char const* name);

    std::unique_ptr<State> state_;  ///< callbacks point to it: outlives database_
    std::unique_ptr<sqlite3, CloseDatabase> database_;
};

/// The Fault that fits an SQLite result code, with SQLite's own words.
Error error_from_sqlite(sqlite3* database, int code, std::string_view doing);

}  // namespace perdure::origin
