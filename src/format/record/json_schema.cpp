#include "format/record/json_schema.h"

#include "format/record/json_text.h"

namespace perdure::format {

namespace {

constexpr std::string_view value_definitions = R"("value":{"oneOf":[)"
                                               R"({"type":["null","number","string"]},)"
                                               R"({"$ref":"#/$defs/tagged"}]},)"
                                               R"("text":{"oneOf":[{"type":"string"},)"
                                               R"({"$ref":"#/$defs/tagged_text"}]},)"
                                               R"("whole":{"type":"integer","minimum":0},)"
                                               R"("tagged_text":{"type":"object",)"
                                               R"("properties":{"$text":{"type":"string",)"
                                               R"("contentEncoding":"base64"}},)"
                                               R"("required":["$text"],)"
                                               R"("additionalProperties":false},)"
                                               R"("tagged":{"oneOf":[)"
                                               R"({"$ref":"#/$defs/tagged_text"},)"
                                               R"({"type":"object","properties":{"$int64":)"
                                               R"({"type":"string","pattern":"^-?[0-9]{16,19}$"}},)"
                                               R"("required":["$int64"],)"
                                               R"("additionalProperties":false},)"
                                               R"({"type":"object","properties":{"$double":)"
                                               R"({"type":"string","pattern":)"
                                               R"("^(-?Infinity|NaN(:[0-9a-f]{1,16})?)$"}},)"
                                               R"("required":["$double"],)"
                                               R"("additionalProperties":false},)"
                                               R"({"type":"object","properties":{"$bytes":)"
                                               R"({"type":"string","contentEncoding":"base64"}},)"
                                               R"("required":["$bytes"],)"
                                               R"("additionalProperties":false}]})";

constexpr std::string_view role_properties =
    R"("_id":{"$ref":"#/$defs/text"},"_title":{"$ref":"#/$defs/text"},)"
    R"("_body":{"$ref":"#/$defs/text"},"_project":{"$ref":"#/$defs/text"},)"
    R"("_category":{"$ref":"#/$defs/text"},"_collection":{"$ref":"#/$defs/text"},)"
    R"("_created":{"type":"string"},"_updated":{"type":"string"},)"
    R"("_subject":{"$ref":"#/$defs/text"},"_subject_label":{"$ref":"#/$defs/text"},)"
    R"("_tags":{"type":"array","items":{"$ref":"#/$defs/text"},"minItems":1},)"
    R"("_media":{"type":"array","minItems":1,"items":{"type":"object",)"
    R"("properties":{"path":{"$ref":"#/$defs/text"},"size":{"$ref":"#/$defs/value"},)"
    R"("missing":{"const":true}},"required":["path"],"additionalProperties":false}},)"
    R"("_media_data":{"type":"array","minItems":1,"items":{"oneOf":[{"type":"null"},)"
    R"({"type":"object","properties":{"name":{"$ref":"#/$defs/text"},)"
    R"("media_type":{"type":"string"},)"
    R"("base64":{"type":"string","contentEncoding":"base64"},)"
    R"("bytes":{"type":"integer","minimum":0},)"
    R"("sha256":{"type":"string","pattern":"^[0-9a-f]{64}$"}},)"
    R"("required":["name","media_type","base64","bytes","sha256"],)"
    R"("additionalProperties":false}]}},)"
    R"("_embedding":{"type":"object","properties":{"model":{"$ref":"#/$defs/text"},)"
    R"("dtype":{"$ref":"#/$defs/text"},"vector":{"$ref":"#/$defs/value"}},)"
    R"("required":["model","dtype"],"additionalProperties":false},)"
    R"("_sha256":{"type":"string","pattern":"^[0-9a-f]{64}$"})";

void open_schema(std::string& out, std::string_view title) {
    out += "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":";
    json_value(out, title);
    out += ',';
}

/// The record of one type: exactly its columns.
void type_definition(std::string& out, data::RecordType const& type) {
    out += "{\"type\":\"object\",\"properties\":{\"_type\":{\"const\":";
    json_value(out, std::string_view(type.type));
    out += "},";
    out += role_properties;
    for (std::size_t i = 0; i < type.columns.size(); ++i) {
        out += ',';
        json_column(out, type.columns[i]);
        out += "{\"$ref\":\"#/$defs/value\"";
        if (i < type.declared_types.size() && !type.declared_types[i].empty()) {
            out += ",\"description\":";
            json_value(out, std::string_view(type.declared_types[i]));
        }
        out += '}';
    }
    out += "},\"required\":[\"_type\",\"_id\",\"_sha256\"";
    for (auto const& column : type.columns) {
        out += ',';
        json_column(out, column);
        out.pop_back();  // the colon
    }
    out += "],\"additionalProperties\":false}";
}

void document_properties(std::string& out) {
    out += R"("type":"object","properties":{"perdure_export":{"type":"object",)"
           R"("properties":{"version":{"type":"string"},"types":{"type":"array"}},)"
           R"("required":["version","program","title","source","as_of","filter","types"]},)"
           R"("schema":{"type":"object"},)"
           R"("records":{"type":"array","items":{"$ref":"#/$defs/record"}}},)"
           R"("required":["perdure_export","records"],"additionalProperties":false,)";
}

void head(std::string& out, JsonShape shape, std::string_view title) {
    open_schema(out, title);
    if (shape == JsonShape::document) {
        document_properties(out);
    } else {
        out += "\"$ref\":\"#/$defs/record\",";
    }
    out += "\"$defs\":{";
    out += value_definitions;
    out += ",\"record\":";
}

}  // namespace

std::string json_schema_of(ExportInfo const& info, JsonShape shape) {
    std::string out;
    head(out, shape, "Records of " + info.title);
    if (info.types.empty()) {
        out += "false}}";
        return out;
    }
    out += "{\"oneOf\":[";
    for (auto const& type : info.types) {
        if (&type != &info.types.front()) out += ',';
        type_definition(out, type);
    }
    out += "]}}}";
    return out;
}

std::string json_schema(JsonShape shape) {
    std::string out;
    head(out, shape, "Records exported by perdure");
    out += "{\"type\":\"object\",\"properties\":{\"_type\":{\"$ref\":\"#/$defs/text\"},";
    out += role_properties;
    out +=
        "},\"required\":[\"_type\",\"_id\"],\"additionalProperties\":{\"$ref\":\"#/$defs/value\"}}"
        "}}\n";
    return out;
}

}  // namespace perdure::format
