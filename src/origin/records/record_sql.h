#pragma once

#include <optional>

#include "data/mapping.h"
#include "data/mapping_path.h"
#include "data/record.h"
#include "origin/sqlite/handle.h"

namespace perdure::origin {

/// A role whose value needs more than the record's own row: a scalar subquery in the main SELECT,
/// or (many values) a statement of its own that is bound to the record's key.
struct ManyRole {
    std::string sql;     ///< one column, one parameter
    int key_column = 0;  ///< position in the main SELECT of what is bound
};

/// One record type, compiled to SQL.
struct RecordSql {
    data::RecordType type;
    std::string sql;                          ///< columns, then roles
    std::map<std::string, int> role_columns;  ///< role → position in the SELECT
    std::optional<ManyRole> tags, media;
    std::vector<int> key_columns;  ///< positions of the key; empty: rowid
    int rowid_column = -1;
};

struct RecordAsked {
    std::optional<data::SubjectMapping> const& subjects;
    data::RecordOrder order;
    std::string whose = {};  ///< SQL for the person of "t", for records that do not name it
};

/// The SQL calls instant_function (see add_instant_function) to order by time.
/// Fails: invalid, naming what the mapping asks for and the database lacks.
Result<RecordSql> compile_record(Connection& database, data::RecordMapping const& mapping,
                                 RecordAsked const& asked);

inline constexpr char const* instant_function = "perdure_instant";

}  // namespace perdure::origin
