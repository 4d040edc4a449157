#pragma once

#include <cstdint>

#include "format/format.h"
#include "format/template/render.h"

namespace perdure::format {

/// What a template knows of the export as a whole.
TemplateScope export_scope(ExportInfo const& info);
/// …of one type.
TemplateScope type_scope(data::RecordType const& type);
/// …of one record; `scope` is filled anew and shows the record's memory.
void fill_record_scope(TemplateScope& scope, data::Record const& record, std::uint64_t number,
                       bool first_of_type);

/// Fails: invalid, at the first name that means nothing.
Result<void> check_names(Template const& made, std::span<data::RecordType const> types);

}  // namespace perdure::format
