#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "data/record.h"
#include "data/value.h"
#include "origin/sqlite/handle.h"

namespace perdure::origin {

/// Whether two columns of one result row hold the same value of the same type, bit for bit.
bool same_column(Statement const& row, int a, int b);
/// The bytes are copied.
void bind_view(sqlite3_stmt* statement, int index, data::ValueView const& value);
void bind_value(sqlite3_stmt* statement, int index, data::Value const& value);
data::Value value_of(Statement const& row, int column);
/// The moment a column tells of; empty for column -1 and for what is no time.
std::optional<Timestamp> moment_of(Statement const& row, int column);
/// A short hash of a row's encoded values.
std::string state_of(ByteView values);

}  // namespace perdure::origin
