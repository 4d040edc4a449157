#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/mapping.h"
#include "origin/merge/rows/unique_index.h"
#include "origin/sqlite/layout.h"

namespace perdure::origin {

/// In every statement of this folder `main` is the target database and `snap` the restored copy of
/// the snapshot, attached read-only.

struct ColumnPair {
    std::string snapshot, target;
};

/// A difference between the schema of the snapshot and that of the target, and what follows.
struct SchemaDifference {
    std::string table, what, consequence;
    bool refused = false;  ///< rows are not restored because of it
};

/// How one table of the snapshot meets its table in the target.
struct TablePair {
    std::string table;                  ///< its name in the snapshot
    std::string type;                   ///< its record type, else the table's name
    std::vector<ColumnPair> columns;    ///< what is carried over
    std::vector<std::string> added;     ///< stored columns that only the target has
    std::vector<std::string> defaults;  ///< their SQL, by position; "NULL" where there is none
    std::vector<ColumnPair> key;        ///< what makes a row the same row on both sides
    bool by_value = false;   ///< it has no key: rows are the same where all carried values are
    bool null_keys = false;  ///< the snapshot has rows whose key is NULL: those are met by value
    std::string matches;     ///< of both: temporary table of rowids that are the same row
    std::string snapshot_rowid, target_rowid;   ///< a name of the rowid; empty: WITHOUT ROWID
    std::vector<std::string> snapshot_primary;  ///< locates a row where there is no rowid
    std::vector<std::string> target_primary;
    std::vector<std::string> target_columns;  ///< all stored ones, in table order
    std::vector<UniqueIndex> uniques;         ///< of the target
    std::string updated, created, title;      ///< columns of the snapshot, or empty
    std::string refused;                      ///< why nothing of it can be written, or empty
    std::string refused_inserts;              ///< why no new row of it can be written
    std::string opaque;                ///< why its rows cannot be looked at one by one, or empty
    std::vector<std::string> shadows;  ///< of opaque ones: the tables that hold what is in it
    std::uint64_t rows = 0;            ///< in the snapshot

    std::string snapshot_name() const { return "snap." + identifier(table); }
    std::string target_name() const { return "main." + identifier(table); }
    /// SQL that locates a row: its rowid, or its primary key.
    std::vector<std::string> snapshot_place(std::string const& alias) const;
    std::vector<std::string> target_place(std::string const& alias) const;
    /// SQL that names a row to people: its primary key, or its rowid.
    std::vector<std::string> snapshot_key(std::string const& alias) const;
    std::vector<std::string> target_key(std::string const& alias) const;
    /// "l.id = s.id AND …": of rows that have a key.
    std::string same_row(std::string const& snapshot_alias, std::string const& target_alias) const;
    // With match_values() done:
    /// For a join: one row of the target at most.
    std::string one_row(std::string const& snapshot_alias, std::string const& target_alias) const;
    /// Whether the snapshot has the target's row.
    std::string in_snapshot(std::string const& target_alias) const;
};

/// Meets the rows that have no key by their values, each with one that is equal to it, as often as
/// both sides have it. Before any row of the pair is read; once more does nothing.
Result<void> match_values(Connection& connection, TablePair const& pair);

/// Terms that must all be true, bracketed so that SQLite takes any number of them.
std::string all_of(std::vector<std::string> const& terms);

struct Pairing {
    /// Tables of the snapshot with rows of their own in its order, then its virtual tables.
    std::vector<TablePair> pairs;
    std::vector<SchemaDifference> differences;
};

struct PairOptions {
    data::Mapping mapping;                    ///< as the snapshot remembers it
    std::map<std::string, std::string> mask;  ///< "table.column": the snapshot never held it
    /// "table.old" → "new", or "" for a column whose values may be left behind.
    std::map<std::string, std::string> columns;
    bool swap = false;  ///< the target's file goes as a whole
};

/// Virtual tables that follow another table's rows, shadow tables, sqlite_sequence and sqlite_stat1
/// pair with nothing: SQLite keeps them itself. Fails: invalid (PairOptions::columns names what is
/// not there).
Result<Pairing> pair_tables(Connection& connection, Layout const& snapshot, Layout const& target,
                            PairOptions const& options);

}  // namespace perdure::origin
