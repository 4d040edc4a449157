#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace perdure::data {

struct Column {
    std::string name;
    std::string declared_type;
    bool generated = false;  ///< skipped in rows
};

struct TableSchema {
    std::string name;
    std::vector<Column> columns;           ///< in table order; rows hold the non-generated ones
    std::vector<std::string> primary_key;  ///< column names in key order; empty: none declared
    bool keyed_by_rowid = true;            ///< key = rowid; false: key = the primary key's values
    bool shadow = false;                   ///< belongs to a virtual table
};

/// A database's structure: what rebuilds it, and what a reader of its rows needs.
struct DatabaseSchema {
    std::string engine;                           ///< "sqlite"
    std::map<std::string, std::string> settings;  ///< pragmas, encoding, versions
    /// SQL verbatim, in the order in which it must be replayed: type, name, table, sql.
    struct Object {
        std::string type, name, table, sql;
    };
    std::vector<Object> objects;
    std::vector<TableSchema> tables;  ///< row batches refer to these by position

    Bytes encode() const;
    /// Fails: corrupt.
    static Result<DatabaseSchema> decode(ByteView bytes);
};

}  // namespace perdure::data
