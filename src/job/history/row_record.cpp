#include "job/history/row_record.h"

#include <algorithm>

#include "data/mapping_path.h"
#include "job/diff/value_text.h"
#include "origin/records/record_source.h"
#include "repository/diff/diff_rows.h"

namespace perdure::job {

namespace {

data::ValueView view_of(data::Value const& value) {
    if (auto const* integer = std::get_if<std::int64_t>(&value)) return *integer;
    if (auto const* number = std::get_if<double>(&value)) return *number;
    if (auto const* text = std::get_if<data::Text>(&value)) return std::string_view(text->bytes);
    if (auto const* bytes = std::get_if<Bytes>(&value)) return ByteView(*bytes);
    return data::Null{};
}

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
    return at == values_.end() ? data::ValueView(data::Null{}) : view_of(at->second);
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
    for (auto const& [name, value] : out.values_) record.fields.push_back({name, view_of(value)});
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
