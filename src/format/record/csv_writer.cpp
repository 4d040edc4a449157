#include "format/record/csv_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "format/base64.h"
#include "format/file_names.h"
#include "format/record/csv_metadata.h"
#include "format/record/json_text.h"
#include "format/tally.h"
#include "format/text.h"
#include "format/text_file.h"

namespace perdure::format {

namespace {

/// Excel and its kin keep 15 digits of a number.
constexpr std::int64_t spreadsheet_integer_max = 999'999'999'999'999;

class CsvWriter : public RecordWriter {
public:
    explicit CsvWriter(OutputTree& tree) : tree_(tree) {}

    Result<void> begin(ExportInfo const& info) override {
        PD_CHECK(describe(info));
        return {};
    }

    Result<void> add(data::Record const& record, MediaLibrary&, std::stop_token) override {
        if (!file_.is_open() || record.type != type_) PD_CHECK(start(record.type));
        for (std::size_t i = 0; i < record.fields.size(); ++i) {
            value(record, i);
            file_.text += ',';
        }
        roles(record);
        file_.text += "\r\n";
        tally_.count(record.type);
        return file_.settle();
    }

    Result<FormatSummary> finish(std::stop_token) override {
        // Types without a single record still get their header.
        for (auto const& type : info_.types) {
            if (!tally_.seen(type.type)) PD_CHECK(start(type.type));
        }
        PD_CHECK(close());
        if (info_.types.size() > 1) {
            PD_CHECK(file_.create(tree_, "csv-metadata.json", {info_.as_of}));
            file_.text = csv_metadata(info_, names_);
            PD_CHECK(close());
        }
        tally_.summary().bytes += file_.bytes_written();
        return tally_.take();
    }

    Result<std::optional<Bytes>> checkpoint() override {
        if (file_.is_open()) PD_CHECK(file_.flush());
        Encoder state;
        state.u8(file_.is_open() ? 1 : 0);
        state.text(type_);
        state.varint(tally_.summary().bytes + file_.bytes_written());
        tally_.encode(state);
        return state.take();
    }

    Result<void> resume(ExportInfo const& info, ByteView bytes) override {
        PD_CHECK(describe(info));
        Decoder state(bytes);
        PD_TRY(auto const open, state.u8());
        PD_TRY(type_, state.text(1 << 20));
        PD_TRY(auto const written, state.varint());
        PD_CHECK(tally_.decode(state));
        PD_CHECK(state.expect_end());
        tally_.summary().bytes = written;
        if (open == 0) return {};
        PD_CHECK(find_type());
        return file_.reopen(tree_, names_[position_]);
    }

private:
    Result<void> describe(ExportInfo const& info) {
        info_ = info;
        auto const dialect = info.options.find("dialect");
        if (dialect != info.options.end() && dialect->second != "data" &&
            dialect->second != "spreadsheet") {
            return fail(Fault::invalid, fmt::format("csv has no dialect \"{}\"", dialect->second))
                .with_fix("take data or spreadsheet");
        }
        spreadsheet_ = dialect != info.options.end() && dialect->second == "spreadsheet";
        std::vector<std::string> types;
        for (auto const& type : info.types) types.push_back(type.type);
        names_ = safe_unique_names(types, ".csv");
        return {};
    }

    Result<void> close() {
        if (!file_.is_open()) return {};
        PD_CHECK(file_.finish());
        ++tally_.summary().files;
        return {};
    }

    Result<void> find_type() {
        auto const found = std::ranges::find(info_.types, type_, &data::RecordType::type);
        if (found == info_.types.end()) {
            return fail(Fault::invalid, fmt::format("\"{}\" was not announced", type_));
        }
        position_ = static_cast<std::size_t>(found - info_.types.begin());
        binary_ = binary_columns(*found);
        return {};
    }

    Result<void> start(std::string_view type) {
        PD_CHECK(close());
        type_ = type;
        PD_CHECK(find_type());
        tally_.declare(type_);
        PD_CHECK(file_.create(tree_, names_[position_], {info_.as_of}));
        // Without the mark, Excel takes UTF-8 for the code page of the machine.
        if (spreadsheet_) file_.text += "\xef\xbb\xbf";
        for (auto const& column : info_.types[position_].columns) {
            name(csv_column(column));
            file_.text += ',';
        }
        for (auto const role : csv_roles) {
            if (role != csv_roles.front()) file_.text += ',';
            file_.text += role;
        }
        file_.text += "\r\n";
        return file_.settle();
    }

    void quoted(std::string_view text) {
        auto& line = file_.text;
        line += '"';
        std::size_t start = 0;
        for (auto at = text.find('"'); at != text.npos; at = text.find('"', at + 1)) {
            line.append(text, start, at + 1 - start);
            line += '"';
            start = at + 1;
        }
        line.append(text, start);
        line += '"';
    }

    void name(std::string const& column) {
        auto const text = repair_utf8(column);
        if (text.empty() || text.find_first_of("\",\r\n\t ") != text.npos) return quoted(text);
        file_.text += text;
    }

    /// In the dialect for data every text is quoted: numbers, NULL and text stay apart.
    void text(data::Record const& record, std::string_view column, std::string_view value) {
        std::string repaired;
        if (!is_utf8(value)) {
            repaired = repair_utf8(value);
            value = repaired;
            tally_.omit(record, column, "text that is not UTF-8; its bad bytes became U+FFFD");
        }
        if (value.find('\0') != value.npos) {
            repaired = without_nul(value);
            value = repaired;
            tally_.omit(record, column, "NUL, which no reader of csv takes, became U+FFFD");
        }
        if (!spreadsheet_) return quoted(value);
        if (!value.empty() && std::string_view("=+-@\t\r").contains(value[0])) {
            tally_.omit(record, column, "a TAB was put in front, so that no spreadsheet runs it");
            return quoted("\t" + std::string(value));
        }
        bool const plain = !value.empty() && value.find_first_of("\",\r\n") == value.npos &&
                           value.front() != ' ' && value.back() != ' ';
        if (!plain) return quoted(value);
        file_.text += value;
    }

    static std::string without_nul(std::string_view value) {
        std::string safe;
        for (char const c : value) c == '\0' ? safe += "\xef\xbf\xbd" : safe += c;
        return safe;
    }

    void integer(data::Record const& record, std::string_view column, std::int64_t number) {
        char digits[24];
        auto const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
        std::string_view const spelt(digits, static_cast<std::size_t>(end - digits));
        if (spreadsheet_ &&
            (number > spreadsheet_integer_max || number < -spreadsheet_integer_max)) {
            tally_.omit(record, column, "a TAB was put in front, so that no digit is rounded off");
            return quoted("\t" + std::string(spelt));
        }
        file_.text += spelt;
    }

    /// As XML Schema, which CSVW refers to, spells it; a double shows that it is one.
    void real(double number) {
        auto& line = file_.text;
        if (std::isnan(number)) {
            line += "NaN";
        } else if (std::isinf(number)) {
            line += number > 0 ? "INF" : "-INF";
        } else {
            auto const start = line.size();
            json_double(line, number);
            if (line.find_first_of(".e", start) == line.npos) line += ".0";
        }
    }

    void value(data::Record const& record, std::size_t i) {
        auto const& [column, value] = record.fields[i];
        bool const binary = i < binary_.size() && binary_[i];
        if (auto const* string = std::get_if<std::string_view>(&value)) {
            if (binary) {
                tally_.omit(record, column, "text among bytes, no longer told from base64");
            }
            text(record, column, *string);
        } else if (auto const* number = std::get_if<std::int64_t>(&value)) {
            integer(record, column, *number);
        } else if (auto const* real_number = std::get_if<double>(&value)) {
            real(*real_number);
            if (std::isnan(*real_number)) nan(record, column, *real_number);
        } else if (auto const* bytes = std::get_if<ByteView>(&value)) {
            file_.text += '"';
            append_base64(file_.text, *bytes);
            file_.text += '"';
            if (!binary) tally_.omit(record, column, "bytes, written as base64");
        }
    }

    void nan(data::Record const& record, std::string_view column, double number) {
        std::uint64_t bits;
        std::memcpy(&bits, &number, sizeof bits);
        if (bits != 0x7ff8000000000000ULL) tally_.omit(record, column, "the payload of a NaN");
    }

    void roles(data::Record const& record) {
        for (auto const& [name, value] : {std::pair{"_project", record.project},
                                          {"_category", record.category},
                                          {"_collection", record.collection},
                                          {"_subject", record.subject}}) {
            if (!value.empty()) text(record, name, value);
            file_.text += ',';
        }
        text_list(record, "_tags", record.tags);
        file_.text += ',';
        paths_.clear();
        for (auto const& media : record.media) paths_.push_back(media.path);
        text_list(record, "_media", paths_);
        if (record.embedding && !embedding_in_column(record)) {
            tally_.omit(record, "embedding", "csv holds no vectors");
        }
    }

    static bool embedding_in_column(data::Record const& record) {
        return std::ranges::any_of(record.fields, [&](data::FieldView const& field) {
            auto const* bytes = std::get_if<ByteView>(&field.value);
            return bytes && std::ranges::equal(*bytes, record.embedding->vector);
        });
    }

    /// Several values in one field: one a line, which RFC 4180 allows inside quotes.
    void text_list(data::Record const& record, std::string_view column,
                   std::vector<std::string> const& values) {
        if (values.empty()) return;
        joined_.clear();
        for (auto const& each : values) {
            if (&each != &values.front()) joined_ += '\n';
            joined_ += each;
            if (each.find('\n') != each.npos) {
                tally_.omit(record, column, "a line break inside a name looks like two names");
            }
        }
        text(record, column, joined_);
    }

    OutputTree& tree_;
    ExportInfo info_;
    bool spreadsheet_ = false;
    std::vector<std::string> names_;  ///< of the files, by position of the type
    std::string type_, joined_;
    std::size_t position_ = 0;
    std::vector<bool> binary_;  ///< whether a column of the type is declared to hold bytes
    std::vector<std::string> paths_;
    TextFile file_;
    Tally tally_;
};

}  // namespace

std::unique_ptr<RecordWriter> open_csv(OutputTree& tree) {
    return std::make_unique<CsvWriter>(tree);
}

}  // namespace perdure::format
