#include "format/record/csv_writer.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "format/record/json_text.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr std::size_t omissions_kept = 1000;
/// What the mapping adds to a record's own columns.
constexpr std::string_view role_columns[] = {"_project", "_category", "_collection",
                                             "_subject", "_tags",     "_media"};

class CsvWriter : public RecordWriter {
public:
    explicit CsvWriter(OutputTree& tree) : tree_(tree) {}

    Result<void> begin(ExportInfo const& info) override {
        info_ = info;
        auto const dialect = info.options.find("dialect");
        if (dialect != info.options.end() && dialect->second != "data" &&
            dialect->second != "spreadsheet") {
            return fail(Fault::invalid, fmt::format("csv has no dialect \"{}\"", dialect->second))
                .with_fix("take data or spreadsheet");
        }
        spreadsheet_ = dialect != info.options.end() && dialect->second == "spreadsheet";
        return {};
    }

    Result<void> add(data::Record const& record, MediaLibrary&, std::stop_token) override {
        if (!out_ || record.type != type_) PD_CHECK(start(record.type));
        line_.clear();
        name_ = {};
        for (auto const& field : record.fields) {
            value(record, field.name, field.value);
            line_ += ',';
        }
        roles(record);
        line_ += "\r\n";
        ++summary_.records;
        ++summary_.per_type[type_];
        return write_line();
    }

    Result<FormatSummary> finish(std::stop_token) override {
        // Types without a single record still get their header.
        for (auto const& type : info_.types) {
            if (!summary_.per_type.contains(type.type)) PD_CHECK(start(type.type));
        }
        PD_CHECK(close());
        if (info_.types.size() > 1) PD_CHECK(write_metadata());
        return std::move(summary_);
    }

private:
    Result<void> close() {
        if (!out_) return {};
        PD_CHECK(out_->finish());
        out_.reset();
        ++summary_.files;
        return {};
    }

    Result<void> start(std::string_view type) {
        PD_CHECK(close());
        type_ = type;
        summary_.per_type.try_emplace(type_, 0);
        PD_TRY(out_, tree_.create(safe_file_name(type_) + ".csv", {}));
        line_.clear();
        for (auto const& candidate : info_.types) {
            if (candidate.type != type_) continue;
            for (auto const& column : candidate.columns) {
                quoted(column);
                line_ += ',';
            }
        }
        for (auto const role : role_columns) {
            line_ += role;
            if (role != role_columns[std::size(role_columns) - 1]) line_ += ',';
        }
        line_ += "\r\n";
        return write_line();
    }

    Result<void> write_line() {
        summary_.bytes += line_.size();
        return out_->write(std::string_view(line_));
    }

    void omit(data::Record const& record, std::string_view column, std::string_view what) {
        ++summary_.omissions_total;
        if (summary_.omissions.size() == omissions_kept) return;
        summary_.omissions.push_back(
            {fmt::format("{} {}", record.type, record.id), fmt::format("{}: {}", column, what)});
    }

    void quoted(std::string_view text) {
        line_ += '"';
        std::size_t start = 0;
        for (auto at = text.find('"'); at != text.npos; at = text.find('"', at + 1)) {
            line_.append(text, start, at + 1 - start);
            line_ += '"';
            start = at + 1;
        }
        line_.append(text, start);
        line_ += '"';
    }

    void text(data::Record const& record, std::string_view column, std::string_view value) {
        std::string repaired;
        if (!is_utf8(value)) {
            repaired = repair_utf8(value);
            value = repaired;
            omit(record, column, "text that is not UTF-8; its bad bytes became U+FFFD");
        }
        bool const formula = !value.empty() && std::string_view("=+-@\t\r").contains(value[0]);
        if (spreadsheet_ && formula) {
            omit(record, column, "a TAB was put in front, so that no spreadsheet runs it");
            return quoted("\t" + std::string(value));
        }
        if (value.empty() || value.find_first_of("\",\r\n") != value.npos || value.front() == ' ' ||
            value.back() == ' ') {
            return quoted(value);
        }
        line_ += value;
    }

    void value(data::Record const& record, std::string_view column, data::ValueView const& value) {
        if (auto const* string = std::get_if<std::string_view>(&value)) {
            return text(record, column, *string);
        }
        if (auto const* number = std::get_if<std::int64_t>(&value)) {
            fmt::format_to(std::back_inserter(line_), "{}", *number);
        } else if (auto const* real = std::get_if<double>(&value)) {
            json_double(line_, *real);  // shortest; inf and nan as to_chars spells them
        } else if (auto const* bytes = std::get_if<ByteView>(&value)) {
            line_ += to_base64(*bytes);
            omit(record, column, "bytes, written as base64");
        }
    }

    void roles(data::Record const& record) {
        for (auto const role :
             {record.project, record.category, record.collection, record.subject}) {
            if (!role.empty()) text(record, "", role);
            line_ += ',';
        }
        text_list(record, record.tags);
        line_ += ',';
        std::vector<std::string> paths;
        for (auto const& media : record.media) paths.push_back(media.path);
        text_list(record, paths);
    }

    /// Several values in one field: one a line, which RFC 4180 allows inside quotes.
    void text_list(data::Record const& record, std::vector<std::string> const& values) {
        std::string joined;
        for (auto const& each : values) joined += (joined.empty() ? "" : "\n") + each;
        if (!joined.empty()) text(record, "", joined);
    }

    Result<void> write_metadata() {
        std::string json = "{\"@context\":\"http://www.w3.org/ns/csvw\",\"tables\":[";
        for (auto const& type : info_.types) {
            if (&type != &info_.types.front()) json += ',';
            json += "{\"url\":";
            json_value(json, std::string_view(safe_file_name(type.type) + ".csv"));
            json += ",\"dialect\":{\"lineTerminators\":\"\\r\\n\"},\"tableSchema\":{\"columns\":[";
            for (auto const& column : type.columns) {
                json += "{\"name\":";
                json_value(json, std::string_view(column));
                json += "},";
            }
            for (auto const role : role_columns) {
                json += "{\"name\":";
                json_value(json, role);
                json += role == role_columns[std::size(role_columns) - 1] ? "}" : "},";
            }
            json += "]}}";
        }
        json += "]}\n";
        PD_TRY(auto out, tree_.create("csv-metadata.json", {}));
        PD_CHECK(out->write(std::string_view(json)));
        PD_CHECK(out->finish());
        ++summary_.files;
        return {};
    }

    OutputTree& tree_;
    ExportInfo info_;
    bool spreadsheet_ = false;
    std::string type_, line_, name_;
    std::unique_ptr<Output> out_;
    FormatSummary summary_;
};

}  // namespace

std::unique_ptr<RecordWriter> open_csv(OutputTree& tree) {
    return std::make_unique<CsvWriter>(tree);
}

}  // namespace perdure::format
