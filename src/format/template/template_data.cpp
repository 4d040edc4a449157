#include "format/template/template_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "format/base64.h"
#include "format/instant.h"
#include "format/record/json_text.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr std::string_view export_names[] = {"export", "types", "filter"};
constexpr std::string_view type_names[] = {"type", "columns"};
constexpr std::string_view record_names[] = {
    "type",    "id",           "title",      "body",          "body_format",
    "project", "category",     "collection", "created",       "created_date",
    "updated", "updated_date", "subject",    "subject_label", "tags",
    "media",   "fields",       "column",     "number",        "first_of_type"};
constexpr std::string_view list_names[] = {".",     "name",  "value", "path",  "size", "missing",
                                           "index", "first", "last",  "title", "table"};

TemplateData value_of(data::ValueView const& value) {
    if (auto const* text = std::get_if<std::string_view>(&value)) return *text;
    if (auto const* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (auto const* real = std::get_if<double>(&value)) {
        if (std::isnan(*real)) return std::string("NaN");
        if (std::isinf(*real)) return std::string(*real > 0 ? "Infinity" : "-Infinity");
        std::string text;
        json_double(text, *real);
        return text;
    }
    if (auto const* bytes = std::get_if<ByteView>(&value)) {
        std::string text;
        append_base64(text, *bytes);
        return text;
    }
    return {};
}

void moment(TemplateScope& scope, std::string const& name, std::optional<Timestamp> const& time) {
    auto const text = time ? exact_rfc3339(*time) : std::string();
    scope[name + "_date"] = text.substr(0, 10);
    scope[name] = text;
}

TemplateList media_list(data::Record const& record) {
    TemplateList list;
    for (auto const& media : record.media) {
        TemplateScope file;
        file["path"] = std::string_view(media.path);
        file["name"] = std::string_view(media.path).substr(media.path.rfind('/') + 1);
        file["size"] = std::to_string(media.size);
        file["missing"] = !media.present;
        list.emplace_back(std::move(file));
    }
    return list;
}

bool is_known(std::string_view name, std::span<std::string_view const> names) {
    return std::ranges::find(names, name) != names.end();
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto before = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            auto const change = before + (a[i - 1] == b[j - 1] ? 0 : 1);
            before = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row[b.size()];
}

Error unknown(TemplateName const& used, std::vector<std::string> const& known) {
    auto const nearest = std::ranges::min_element(
        known, {}, [&](std::string const& name) { return distance(name, used.name); });
    auto error = fail(Fault::invalid, fmt::format("line {} of the template: \"{}\" is neither a "
                                                  "field of a record nor a column",
                                                  used.line, repair_utf8(used.name)));
    if (nearest == known.end()) return error;
    return std::move(error).with_fix(fmt::format("did you mean \"{}\"?", repair_utf8(*nearest)));
}

}  // namespace

TemplateScope export_scope(ExportInfo const& info) {
    TemplateScope about;
    about["title"] = std::string_view(info.title);
    about["source"] = std::string_view(info.source);
    about["snapshot"] = std::string_view(info.snapshot);
    about["as_of"] = exact_rfc3339(info.as_of);
    about["as_of_date"] = exact_rfc3339(info.as_of).substr(0, 10);
    about["program"] = std::string_view(info.program);
    TemplateScope scope;
    scope["export"] = std::move(about);
    TemplateList types, filter;
    for (auto const& type : info.types) types.emplace_back(type_scope(type));
    for (auto const& condition : info.filter) filter.emplace_back(std::string_view(condition));
    scope["types"] = std::move(types);
    scope["filter"] = std::move(filter);
    return scope;
}

TemplateScope type_scope(data::RecordType const& type) {
    TemplateScope scope;
    scope["type"] = std::string_view(type.type);
    scope["name"] = std::string_view(type.type);
    scope["table"] = std::string_view(type.table);
    TemplateList columns;
    for (auto const& column : type.columns) {
        TemplateScope one;
        one["name"] = std::string_view(column);
        columns.emplace_back(std::move(one));
    }
    scope["columns"] = std::move(columns);
    return scope;
}

void fill_record_scope(TemplateScope& scope, data::Record const& record, std::uint64_t number,
                       bool first_of_type) {
    scope.clear();
    TemplateList fields;
    TemplateScope columns;
    for (auto const& field : record.fields) {
        TemplateScope one;
        one["name"] = field.name;
        one["value"] = value_of(field.value);
        fields.emplace_back(std::move(one));
        columns[std::string(field.name)] = value_of(field.value);
        scope[std::string(field.name)] = value_of(field.value);
    }
    // Roles come after the columns: where both have a name, the role is meant; {{column.NAME}} is
    // always the column.
    scope["fields"] = std::move(fields);
    scope["column"] = std::move(columns);
    for (auto const& [name, text] : {std::pair{"type", record.type},
                                     {"title", record.title},
                                     {"body", record.body},
                                     {"body_format", record.body_format},
                                     {"project", record.project},
                                     {"category", record.category},
                                     {"collection", record.collection},
                                     {"subject", record.subject},
                                     {"subject_label", record.subject_label}}) {
        scope[name] = text;
    }
    scope["id"] = std::string_view(record.id);
    moment(scope, "created", record.created);
    moment(scope, "updated", record.updated);
    TemplateList tags;
    for (auto const& tag : record.tags) tags.emplace_back(std::string_view(tag));
    scope["tags"] = std::move(tags);
    scope["media"] = media_list(record);
    scope["number"] = std::to_string(number);
    scope["first_of_type"] = first_of_type;
}

Result<void> check_names(Template const& made, std::span<data::RecordType const> types) {
    std::vector<TemplateName> used;
    for (auto const* part :
         {&made.header, &made.type_header, &made.record, &made.type_footer, &made.footer}) {
        collect_names(*part, used);
    }
    std::vector<std::string> known;
    for (std::span<std::string_view const> names :
         {std::span<std::string_view const>(export_names),
          std::span<std::string_view const>(type_names),
          std::span<std::string_view const>(record_names),
          std::span<std::string_view const>(list_names)}) {
        known.insert(known.end(), names.begin(), names.end());
    }
    for (auto const& type : types)
        known.insert(known.end(), type.columns.begin(), type.columns.end());
    known.insert(known.end(), {"records", "count"});
    for (auto const& name : used) {
        if (std::ranges::find(known, name.name) != known.end()) continue;
        auto const first = name.name.substr(0, name.name.find('.'));
        bool const part =
            first.size() < name.name.size() && (first == "export" || first == "column");
        if (!part) return unknown(name, known);
        auto const rest = name.name.substr(first.size() + 1);
        static constexpr std::string_view about[] = {"title", "source",     "snapshot",
                                                     "as_of", "as_of_date", "program"};
        if (first == "export" && !is_known(rest, about)) {
            return unknown(name, {"export.title", "export.source", "export.snapshot",
                                  "export.as_of", "export.as_of_date", "export.program"});
        }
        bool const column = std::ranges::any_of(types, [&](data::RecordType const& type) {
            return std::ranges::find(type.columns, rest) != type.columns.end();
        });
        if (first == "column" && !column && !types.empty()) return unknown(name, known);
    }
    return {};
}

}  // namespace perdure::format
