#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "data/record.h"

namespace perdure::format {

/// JSON (RFC 8259) that keeps every value. Plain where every reader holds it exactly, else tagged:
/// {"$int64":"…"} beyond ±2^53, {"$double":"NaN"}, {"$bytes":"base64"} (also for text that is not
/// UTF-8: {"$text":"base64"}), and a real key that begins with '$' gets one more '$'.
void json_value(std::string& out, data::ValueView const& value);
/// A quoted, escaped string; `text` must be valid UTF-8 (see is_utf8).
void json_string(std::string& out, std::string_view text);
/// The name and a colon; a name that is not UTF-8 becomes "$text:base64".
void json_key(std::string& out, std::string_view name);
/// Shortest decimal that reads back to the same bits; finite values only.
void json_double(std::string& out, double value);

/// What a format keeps elsewhere and only names in the record.
struct JsonElsewhere {
    /// Where the vector lies, such as "vectors/12": {"$embedding":"vectors/12"} stands for it in
    /// the column `embedding_column`, or in _embedding where no column holds it.
    std::string_view embedding, embedding_column;
    /// Beside Record::media, the SHA-256 of each; empty texts say nothing.
    std::span<std::string const> media_hashes;
};

/// Turns records into lines. It remembers the spelt column names of the last type: no allocations
/// and no escaping of names per record. Threads: one.
class JsonRecords {
public:
    /// One record as one JSON object on one line: its columns under their own names, and what the
    /// mapping adds under names that begin with '_' (_type, _id, _title and _body where no column
    /// holds them, _project, _category, _collection, _created, _updated, _subject,
    /// _subject_label, _embedding, _tags, _media, _extra); a real column that begins with '_' gets
    /// one more '_'.
    void append(std::string& out, data::Record const& record, JsonElsewhere const& elsewhere = {});
    /// The same with a last member "_sha256": the SHA-256, in hexadecimal, of the line as
    /// append() alone makes it.
    void append_hashed(std::string& out, data::Record const& record);

private:
    void spell_names(data::Record const& record);

    std::string type_, head_;
    std::vector<std::string> names_, spelt_;
};
/// JsonRecords::append for a single record.
void json_record(std::string& out, data::Record const& record);
/// A column's name as a member of a record: quoted and escaped, with a colon.
void json_column(std::string& out, std::string_view column);

}  // namespace perdure::format
