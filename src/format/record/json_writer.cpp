#include "format/record/json_writer.h"

#include "format/record/json_schema.h"
#include "format/record/json_text.h"
#include "format/tally.h"
#include "format/text_file.h"

namespace perdure::format {

namespace {

class JsonWriter : public RecordWriter {
public:
    JsonWriter(OutputTree& tree, bool lines) : tree_(tree), lines_(lines) {}

    Result<void> begin(ExportInfo const& info) override {
        PD_CHECK(file_.create(tree_, name()));
        for (auto const& type : info.types) tally_.declare(type.type);
        if (lines_) return {};
        file_.text = "{\"perdure_export\":";
        json_header(file_.text, info);
        file_.text += ",\n\"schema\":";
        file_.text += json_schema_of(info, JsonShape::document);
        file_.text += ",\n\"records\":[\n";
        return file_.settle();
    }

    Result<void> add(data::Record const& record, MediaLibrary&, std::stop_token) override {
        if (!lines_ && tally_.summary().records > 0) file_.text += ",\n";
        records_.append_hashed(file_.text, record);
        if (lines_) file_.text += '\n';
        tally_.count(record.type);
        for (auto const& media : record.media) {
            if (media.present) ++tally_.summary().media;
        }
        return file_.settle();
    }

    Result<FormatSummary> finish(std::stop_token) override {
        if (!lines_) file_.text += tally_.summary().records > 0 ? "\n]}\n" : "]}\n";
        PD_CHECK(file_.finish());
        tally_.summary().bytes += file_.bytes_written();
        tally_.summary().files = 1;
        return tally_.take();
    }

    Result<std::optional<Bytes>> checkpoint() override {
        PD_CHECK(file_.flush());
        Encoder state;
        state.varint(tally_.summary().bytes + file_.bytes_written());
        tally_.encode(state);
        return state.take();
    }

    Result<void> resume(ExportInfo const&, ByteView bytes) override {
        Decoder state(bytes);
        PD_TRY(auto const written, state.varint());
        PD_CHECK(tally_.decode(state));
        tally_.summary().bytes = written;
        PD_CHECK(state.expect_end());
        return file_.reopen(tree_, name());
    }

private:
    std::string name() const { return lines_ ? "records.ndjson" : "records.json"; }

    OutputTree& tree_;
    bool lines_;
    TextFile file_;
    JsonRecords records_;
    Tally tally_;
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
