#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "data/record.h"
#include "format/record/json_reader.h"

namespace perdure::format {

/// Turns what JsonRecords wrote back into records: the columns with their values, bit for bit, and
/// the roles. Members that nobody knows are kept in Record::extra. Threads: one.
class RecordParser {
public:
    /// Bytes of an embedding that lies elsewhere, by its place ("vectors/12") and its record's id.
    using Vectors = std::function<Result<Bytes>(std::string_view place, std::string_view id)>;

    /// `types` must outlive the parser, and name the columns of each type; a type without columns
    /// takes every member as a column.
    RecordParser(std::vector<data::RecordType> const& types, Vectors vectors = {})
        : types_(types), vectors_(std::move(vectors)) {}

    /// One object. The record's views live until the next call.
    /// Fails: invalid (no JSON, an unknown type, a member twice, a value that is none, a number no
    /// column can hold), exhausted.
    Result<data::Record const*> parse(std::string_view json);
    /// The SHA-256 of each medium of the last record, beside Record::media; empty: unknown.
    std::vector<std::string> const& media_hashes() const { return media_hashes_; }
    /// Where the last record's vector lies, as it was written; empty: in the record, or nowhere.
    std::string const& vector_place() const { return vector_place_; }

private:
    struct Texts {
        std::string id, title, body, project, category, collection, created, updated, subject,
            subject_label, model, dtype;
    };
    Result<void> member(JsonReader& in, std::string const& name);
    Result<void> role(JsonReader& in, JsonEvent first, std::string const& name);
    Result<void> column(JsonReader& in, JsonEvent first, std::string const& written);
    Result<data::Value> tagged(JsonReader& in);
    Result<data::Value> value(JsonReader& in, JsonEvent first);
    Result<void> media(JsonReader& in, JsonEvent first);
    Result<void> tags(JsonReader& in, JsonEvent first);
    Result<void> embedding(JsonReader& in, JsonEvent first);
    Result<void> unknown(JsonReader& in, JsonEvent first, std::string const& name);
    Result<void> settle();
    void fill_roles();
    std::string role_text(std::string const& role) const;
    std::string* text_role(std::string_view name);

    std::vector<data::RecordType> const& types_;
    Vectors vectors_;
    data::RecordType const* type_ = nullptr;
    std::string type_name_;
    Texts texts_;
    std::vector<std::pair<std::string, data::Value>> values_;
    std::unordered_set<std::string> seen_;
    std::vector<std::string> media_hashes_;
    std::string vector_place_, extra_;
    std::optional<std::size_t> vector_value_;  ///< the column that holds the vector
    Bytes vector_;
    bool has_embedding_ = false;
    data::Record record_;
};

}  // namespace perdure::format
