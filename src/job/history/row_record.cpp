#include "job/history/row_record.h"

#include <algorithm>

#include "data/mapping_path.h"
#include "format/record/value_view.h"
#include "job/diff/value_text.h"
#include "origin/records/record_source.h"
#include "repository/diff/diff_rows.h"

namespace perdure::job {

namespace {

std::string_view text_in(data::ValueView const& value) {
    auto const* text = std::get_if<std::string_view>(&value);
    return text ? *text : std::string_view();
}

}  // namespace

bool is_own_column(data::RecordMapping const& mapping, std::string const& role) {
    auto const field = mapping.fields.find(role);
    if (field == mapping.fields.end()) return false;
    auto const path = data::parse_mapping_path(field->second);
    return path && path->kind == data::MappingPath::Kind::column;
}

data::ValueView RowRecord::role(data::RecordMapping const& mapping, std::string const& name) const {
    auto const field = mapping.fields.find(name);
    if (field == mapping.fields.end()) return data::Null{};
    auto const path = data::parse_mapping_path(field->second);
    if (!path || path->kind != data::MappingPath::Kind::column) return data::Null{};
    auto const at = std::ranges::find(values_, path->value.empty() ? path->column : path->value,
                                      [](auto const& each) -> auto& { return each.first; });
    return at == values_.end() ? data::ValueView(data::Null{}) : format::view_of(at->second);
}

Result<RowRecord> RowRecord::create(data::TableSchema const& table,
                                    data::RecordMapping const* mapping, ByteView payload,
                                    std::string const& encoding, std::string id) {
    RowRecord out;
    PD_TRY(out.values_, repository::decode_fields(table, payload));
    for (auto& [name, value] : out.values_) value = as_utf8(std::move(value), encoding);
    out.table_ = table.name;
    out.type_ = mapping ? mapping->type : table.name;
    data::Record& record = out.record_;
    record.id = std::move(id);
    for (auto const& [name, value] : out.values_)
        record.fields.push_back({name, format::view_of(value)});
    if (!mapping) return out;
    out.title_ = std::string(text_in(out.role(*mapping, "title")));
    record.body = text_in(out.role(*mapping, "body"));
    record.project = text_in(out.role(*mapping, "project"));
    record.category = text_in(out.role(*mapping, "category"));
    record.collection = text_in(out.role(*mapping, "collection"));
    record.created = origin::instant_of(out.role(*mapping, "created"));
    record.updated = origin::instant_of(out.role(*mapping, "updated"));
    return out;
}

}  // namespace perdure::job
