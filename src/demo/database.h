#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "system/file.h"

struct sqlite3;
struct sqlite3_stmt;

namespace perdure::demo {

struct Close {
    void operator()(sqlite3* database) const;
    void operator()(sqlite3_stmt* statement) const;
};

/// An INSERT, run once for every row: bind the values in order, then run.
/// A mistake in the SQL of a sample application is a bug of ours and aborts.
class Insert {
public:
    Insert& add(std::int64_t value);
    Insert& add(double value);
    Insert& add(std::string_view text);
    Insert& add_bytes(ByteView bytes);
    Insert& add_null();
    /// Fails: exhausted (disk full), internal.
    Result<void> run();

private:
    friend class Database;
    std::unique_ptr<sqlite3_stmt, Close> statement_;
    int next_ = 1;
};

/// A database that is being made: one transaction, no syncs until finish().
class Database {
public:
    /// Fails: conflict (the file exists), denied.
    static Result<Database> create(system::Path const& path);
    Result<void> run(std::string const& sql);
    /// "INSERT INTO table VALUES (?, …)"
    Insert insert_into(std::string_view table, int columns);
    Insert prepare(std::string const& sql);
    /// Commits; switches to the WAL journal that live applications use, and checks the foreign
    /// keys.
    Result<void> finish();

private:
    std::unique_ptr<sqlite3, Close> database_;
};

/// n numbers as little-endian IEEE singles of length 1 together: what embedding columns hold.
Bytes make_embedding(class Dice& dice, unsigned dimensions);

}  // namespace perdure::demo
