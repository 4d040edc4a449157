#include "format/record/json_writer.h"

#include "format/record/json_text.h"

namespace perdure::format {

namespace {

class JsonWriter : public RecordWriter {
public:
    JsonWriter(OutputTree& tree, bool lines) : tree_(tree), lines_(lines) {}

    Result<void> begin(ExportInfo const& info) override {
        PD_TRY(out_, tree_.create(lines_ ? "records.ndjson" : "records.json", {}));
        if (lines_) return {};
        line_ = "{\"perdure_export\":";
        json_header(line_, info);
        line_ += ",\n\"records\":[\n";
        return write_line();
    }

    Result<void> add(data::Record const& record, MediaLibrary&, std::stop_token) override {
        line_.clear();
        if (!lines_ && summary_.records > 0) line_ = ",\n";
        json_record(line_, record);
        if (lines_) line_ += '\n';
        ++summary_.records;
        ++summary_.per_type[std::string(record.type)];
        if (!record.media.empty()) note_media(record);
        return write_line();
    }

    Result<FormatSummary> finish(std::stop_token) override {
        line_ = lines_ ? "" : "\n]}\n";
        PD_CHECK(write_line());
        PD_CHECK(out_->finish());
        summary_.files = 1;
        return std::move(summary_);
    }

private:
    Result<void> write_line() {
        summary_.bytes += line_.size();
        return out_->write(std::string_view(line_));
    }
    void note_media(data::Record const& record) {
        for (auto const& media : record.media) {
            if (media.present) ++summary_.media;
        }
    }

    OutputTree& tree_;
    bool lines_;
    std::unique_ptr<Output> out_;
    std::string line_;
    FormatSummary summary_;
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
