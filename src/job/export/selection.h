#pragma once

#include <string>
#include <vector>

#include "data/mapping.h"
#include "data/record.h"
#include "data/where.h"

namespace perdure::job {

/// Which of a record's fields leave, and which leave without their value. Fields are named by role
/// (title, body, project, category, collection, subject, created, updated, tags, media, embedding)
/// or by column; a role that is just a column is that column, and the other way round.
class FieldSelection {
public:
    /// `keep` empty: all. Fails: invalid (PD-0002): a name that no record type has, with the
    /// nearest; a key that is to be redacted.
    static Result<FieldSelection> create(std::vector<data::RecordType> const& types,
                                         std::vector<std::string> const& keep,
                                         std::vector<std::string> const& redact,
                                         std::optional<data::SubjectMapping> const& subjects);

    /// The types as they leave.
    std::vector<data::RecordType> const& types() const { return types_; }
    /// The record as it leaves; valid until the next call of this or the reader.
    data::Record const* apply(data::Record const* record);

private:
    struct TypePlan {
        std::string type;
        bool whole = true;                       ///< nothing to do
        std::vector<std::size_t> columns;        ///< positions in the source, in the order wanted
        std::vector<bool> hidden;                ///< beside `columns`
        std::vector<std::string> dropped_roles;  ///< left out
        std::vector<std::string> hidden_roles;   ///< redacted
    };
    std::vector<data::RecordType> types_;
    std::vector<TypePlan> plans_;
    TypePlan const* plan_ = nullptr;
    bool label_hidden_ = false;  ///< a person's name shows in every record about them
    data::Record record_;
};

inline constexpr std::string_view redacted = "[redacted]";

/// Every condition must be one that some record type can meet.
/// Fails: invalid (PD-0002), naming the condition, and the nearest or the known words.
Result<void> check_filter(data::RecordFilter const& filter,
                          std::vector<data::RecordType> const& types,
                          std::optional<data::SubjectMapping> const& subjects);

}  // namespace perdure::job
