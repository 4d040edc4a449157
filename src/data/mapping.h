#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace perdure::data {

/// Who a database is about: `[source.X.subjects]`.
struct SubjectMapping {
    std::string table, key;    ///< one row a person; key column, unique
    std::string label, email;  ///< optional columns
    /// Tables whose rows belong to a person by a rule the foreign keys do not tell:
    /// table → column that holds the person's key, or "column -> table" to go on from there.
    std::map<std::string, std::string> owners;
};

/// How rows become records: `[source.X.records.TYPE]`. Values are column names or the small path
/// language of data/mapping_path.h ("a -> t.c", "link(a, b) -> t.c", "t(a).c").
struct RecordMapping {
    std::string type, table;
    std::map<std::string, std::string> fields;  ///< title, body, created, project, tags, media…
};

struct Mapping {
    std::optional<SubjectMapping> subjects;
    std::vector<RecordMapping> records;
};

}  // namespace perdure::data
