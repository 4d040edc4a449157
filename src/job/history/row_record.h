#pragma once

#include <optional>

#include "data/mapping.h"
#include "data/record.h"
#include "data/schema.h"

namespace perdure::job {

/// One stored row as a record, as far as the row alone tells: its columns, and the roles that the
/// mapping takes from them. Owns what its record() looks at; record() lives as long as this.
class RowRecord {
public:
    /// `mapping` may be null. Fails: corrupt.
    static Result<RowRecord> create(data::TableSchema const& table,
                                    data::RecordMapping const* mapping, ByteView payload,
                                    std::string const& encoding, std::string id);
    data::Record const& record() {
        record_.type = type_;
        record_.table = table_;
        record_.title = title_;
        return record_;
    }
    std::vector<std::pair<std::string, data::Value>> const& values() const { return values_; }
    std::string const& title() const { return title_; }

private:
    data::ValueView role(data::RecordMapping const& mapping, std::string const& name) const;
    std::vector<std::pair<std::string, data::Value>> values_;
    std::string title_, type_, table_;
    data::Record record_;
};

/// Roles of a mapping that are columns of the record's own table.
bool is_own_column(data::RecordMapping const& mapping, std::string const& role);

}  // namespace perdure::job
