#pragma once

#include "data/record.h"
#include "format/record/json_tree.h"

namespace perdure::format {

/// A text as JSON holds it: plain, or {"$text":"base64"} where it is no UTF-8. Nothing: another
/// value.
std::optional<std::string> any_text(Json const& json);

/// A record type as headers and manifests tell it: type, table, columns, declared_types, key,
/// roles. Fails: invalid.
Result<data::RecordType> record_type_of(Json const& json);

}  // namespace perdure::format
