#include "format/record/csv_metadata.h"

#include <algorithm>

#include "format/record/json_text.h"
#include "format/text.h"

namespace perdure::format {

namespace {

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    return text;
}

void member(std::string& out, std::string_view name, std::string_view value) {
    out += '"';
    out += name;
    out += "\":";
    json_value(out, value);
}

void own_column(std::string& out, data::RecordType const& type, std::size_t i, bool binary) {
    out += '{';
    member(out, "titles", repair_utf8(csv_column(type.columns[i])));
    if (i < type.declared_types.size() && !type.declared_types[i].empty()) {
        out += ',';
        member(out, "dc:description", "declared " + repair_utf8(type.declared_types[i]));
    }
    if (binary) out += ",\"datatype\":\"base64Binary\"";
    out += "},";
}

void role_column(std::string& out, std::string_view role) {
    out += '{';
    member(out, "titles", role);
    if (role == "_tags" || role == "_media") out += ",\"separator\":\"\\n\"";
    out += '}';
}

}  // namespace

std::string csv_column(std::string const& column) {
    return column.starts_with('_') ? "_" + column : column;
}

std::vector<bool> binary_columns(data::RecordType const& type) {
    std::vector<bool> binary;
    for (auto const& declared : type.declared_types) {
        auto const name = upper(declared);
        binary.push_back(name.find("BLOB") != name.npos || name.find("BYTEA") != name.npos ||
                         name.find("BINARY") != name.npos);
    }
    binary.resize(type.columns.size());
    return binary;
}

std::string csv_metadata(ExportInfo const& info, std::vector<std::string> const& files) {
    std::string out = "{\"@context\":\"http://www.w3.org/ns/csvw\",";
    member(out, "dc:title", repair_utf8(info.title));
    out += ",\"dialect\":{\"lineTerminators\":[\"\\r\\n\"],\"doubleQuote\":true},\"tables\":[";
    for (std::size_t t = 0; t < info.types.size(); ++t) {
        auto const& type = info.types[t];
        auto const binary = binary_columns(type);
        out += t == 0 ? "\n{" : ",\n{";
        member(out, "url", files[t]);
        out += ",\"tableSchema\":{\"columns\":[";
        for (std::size_t i = 0; i < type.columns.size(); ++i) own_column(out, type, i, binary[i]);
        for (auto const role : csv_roles) {
            if (role != csv_roles.front()) out += ',';
            role_column(out, role);
        }
        out += "]}}";
    }
    out += "\n]}\n";
    return out;
}

}  // namespace perdure::format
