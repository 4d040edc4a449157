#pragma once

#include "data/record.h"
#include "origin/origin.h"

namespace perdure::origin {

struct RecordOptions {
    std::vector<std::string> types;  ///< empty: every mapped type
    /// Tables without a mapping become types of their own, named like the table.
    bool unmapped_tables = false;
    data::RecordOrder order = data::RecordOrder::created;
    /// Record::subject also where several tables lie between the record and its person, as in a
    /// backup. Else only of records that name their person themselves.
    bool follow_people = false;
};

/// Reads a SQLite source (live, or restored into a scratch folder) as records, in one read
/// transaction and in bounded memory. RecordType::rows counts to 20,000 at most.
/// Fails: invalid (a mapping names a table or column that does not exist: which, and what does).
Result<std::unique_ptr<data::RecordReader>> open_records(SourceOptions const& source,
                                                         RecordOptions const& options,
                                                         std::stop_token stop);

/// An instant as applications store it: RFC 3339 or "YYYY-MM-DD HH:MM:SS" text, or seconds,
/// milliseconds or microseconds since 1970 as a number.
std::optional<Timestamp> instant_of(data::ValueView const& value);

}  // namespace perdure::origin
