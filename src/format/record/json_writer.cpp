#include "format/record/json_writer.h"

#include <fmt/format.h>

#include "crypto/hash.h"
#include "format/record/json_schema.h"
#include "format/record/json_text.h"
#include "format/record/media_inside.h"
#include "format/record/text_writer.h"

namespace perdure::format {

namespace {

class JsonWriter : public TextWriter {
public:
    JsonWriter(OutputTree& tree, bool lines) : TextWriter(tree), lines_(lines) {}

    Result<void> add(data::Record const& record, MediaLibrary& media,
                     std::stop_token stop) override {
        auto& text = file().text;
        if (!lines_ && tally().summary().records > 0) text += ",\n";
        if (embed_ && !record.media.empty()) {
            PD_CHECK(add_with_media(record, media, stop));
        } else {
            records_.append_hashed(text, record);
        }
        if (lines_) text += '\n';
        tally().count(record.type);
        for (auto const& each : record.media) {
            if (each.present && !embed_) ++tally().summary().media;
        }
        return file().settle();
    }

private:
    Result<void> prepare(ExportInfo const& info) override {
        embed_ = wants_media_inside(info);
        return {};
    }
    std::string name() const override { return lines_ ? "records.ndjson" : "records.json"; }

    Result<void> open(ExportInfo const& info) override {
        if (lines_) return {};
        auto& text = file().text;
        text = "{\"perdure_export\":";
        json_header(text, info);
        text += ",\n\"schema\":";
        text += json_schema_of(info, JsonShape::document);
        text += ",\n\"records\":[\n";
        return {};
    }

    Result<void> close() override {
        if (!lines_) file().text += tally().summary().records > 0 ? "\n]}\n" : "]}\n";
        return {};
    }

    /// The line leaves in pieces: media may be larger than memory. Its hash is that of the line
    /// without it, as of every other.
    Result<void> add_with_media(data::Record const& record, MediaLibrary& media,
                                std::stop_token const& stop) {
        crypto::Sha256 hash;
        std::string line;
        auto const send = [&]() -> Result<void> {
            hash.update(as_bytes(std::string_view(line)));
            file().text += line;
            line.clear();
            return file().settle();
        };
        records_.append(line, record);
        line.back() = ',';
        line += "\"_media_data\":[";
        for (auto const& ref : record.media) {
            if (&ref != &record.media.front()) line += ',';
            PD_TRY(auto const inside, open_media_inside(record, ref, media, tally(), stop));
            if (!inside) {
                line += "null";
                continue;
            }
            line += "{\"name\":";
            json_value(line, std::string_view(inside->file.name));
            line += ",\"media_type\":";
            json_value(line, std::string_view(inside->file.media_type));
            line += ",\"base64\":\"";
            auto const put = [&](std::string_view piece) {
                line += piece;
                return send();
            };
            PD_TRY(auto const seal, put_media_inside(record, ref, *inside, tally(), put, stop));
            line += fmt::format("\",\"bytes\":{},\"sha256\":\"{}\"}}", seal.bytes, seal.sha256);
        }
        line += ']';
        PD_CHECK(send());
        hash.update(as_bytes(std::string_view("}")));
        file().text += fmt::format(",\"_sha256\":\"{}\"}}", to_hex(hash.finish()));
        return {};
    }

    bool lines_, embed_ = false;
    JsonRecords records_;
};

void text_member(std::string& out, std::string_view name, std::string_view value) {
    if (out.back() != '{') out += ',';
    json_key(out, name);
    json_value(out, value);
}

void text_list(std::string& out, std::string_view name, std::vector<std::string> const& values) {
    if (out.back() != '{') out += ',';
    json_key(out, name);
    out += '[';
    for (auto const& value : values) {
        if (&value != &values.front()) out += ',';
        json_value(out, std::string_view(value));
    }
    out += ']';
}

}  // namespace

void json_header(std::string& out, ExportInfo const& info) {
    out += '{';
    text_member(out, "version", "1.0.0");
    text_member(out, "program", info.program);
    text_member(out, "title", info.title);
    text_member(out, "source", info.source);
    if (!info.snapshot.empty()) text_member(out, "snapshot", info.snapshot);
    text_member(out, "as_of", to_rfc3339(info.as_of));
    text_list(out, "filter", info.filter);
    out += ",\"types\":[";
    for (auto const& type : info.types) {
        if (&type != &info.types.front()) out += ',';
        out += '{';
        text_member(out, "type", type.type);
        text_member(out, "table", type.table);
        text_list(out, "columns", type.columns);
        text_list(out, "declared_types", type.declared_types);
        text_list(out, "key", type.key_columns);
        out += ",\"roles\":{";
        for (auto const& [role, expression] : type.roles) text_member(out, role, expression);
        out += "}}";
    }
    out += "]}";
}

std::unique_ptr<RecordWriter> open_json(OutputTree& tree) {
    return std::make_unique<JsonWriter>(tree, false);
}
std::unique_ptr<RecordWriter> open_ndjson(OutputTree& tree) {
    return std::make_unique<JsonWriter>(tree, true);
}

}  // namespace perdure::format
