// Records are put aside as they come and become a workbook at the end: widths and the roles in use
// are known by then, and a killed export goes on from what was put aside. Rejected: writing rows at
// once, since the library's temporary files cannot be reopened.
#include "format/record/sheet/xlsx_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "format/base64.h"
#include "format/file_names.h"
#include "format/frames.h"
#include "format/record/csv_metadata.h"
#include "format/record/sheet/book.h"
#include "format/record/sheet/cell_text.h"
#include "format/tally.h"

namespace perdure::format {

namespace {

constexpr unsigned width_max = 60;
constexpr std::int64_t exact_integer_max = std::int64_t{1} << 53;
constexpr std::size_t columns_max = 16384, frame_text_max = std::size_t{1} << 31;

/// What the library writes for a number, read back.
double as_written(double number) {
    char text[40];
    std::snprintf(text, sizeof text, "%.16G", number);
    return std::strtod(text, nullptr);
}

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    return text;
}

/// What is known of one type when the sheet is written.
struct Sheet {
    std::vector<unsigned> widths;  ///< of the columns, then of the roles
    std::vector<bool> dates, binary;
};

class XlsxWriter : public RecordWriter {
public:
    explicit XlsxWriter(OutputTree& tree) : tree_(tree) {}

    Result<void> begin(ExportInfo const& info) override {
        describe(info);
        for (auto const& type : info.types) tally_.declare(type.type);
        PD_TRY(rows_, tree_.spool("xlsx-rows"));
        return {};
    }

    Result<void> add(data::Record const& record, MediaLibrary&, std::stop_token) override {
        auto const type = std::ranges::find(info_.types, record.type, &data::RecordType::type);
        if (type == info_.types.end()) {
            return fail(Fault::invalid, fmt::format("\"{}\" was not announced", record.type));
        }
        auto const position = static_cast<std::size_t>(type - info_.types.begin());
        frame_.clear();
        frame_.varint(position);
        frame_.text(record.id);
        frame_.varint(record.fields.size());
        auto& widths = sheets_[position].widths;
        for (std::size_t i = 0; i < record.fields.size(); ++i) {
            put_value(record.fields[i].value);
            if (i < type->columns.size()) widen(widths[i], record.fields[i].value);
        }
        auto const roles = roles_of(record);
        for (std::size_t i = 0; i < roles.size(); ++i) {
            frame_.text(roles[i]);
            widen(widths[type->columns.size() + i], std::string_view(roles[i]));
        }
        frame_.u8(record.embedding && !embedding_in_column(record) ? 1 : 0);
        tally_.count(record.type);
        return append_frame(*rows_, frame_.view());
    }

    Result<FormatSummary> finish(std::stop_token stop) override {
        PD_TRY(auto book, Book::create({info_.title, info_.program, info_.as_of.seconds}));
        PD_CHECK(write_sheets(book, stop));
        PD_CHECK(write_about(book));
        PD_CHECK(book.close());
        PD_CHECK(copy(book.path(), stop));
        tally_.summary().files = 1;
        return tally_.take();
    }

    Result<std::optional<Bytes>> checkpoint() override {
        Encoder state;
        tally_.encode(state);
        for (auto const& sheet : sheets_) {
            for (auto const width : sheet.widths) state.u8(static_cast<std::uint8_t>(width));
        }
        return state.take();
    }

    Result<void> resume(ExportInfo const& info, ByteView bytes) override {
        describe(info);
        Decoder state(bytes);
        PD_CHECK(tally_.decode(state));
        for (auto& sheet : sheets_) {
            for (auto& width : sheet.widths) {
                PD_TRY(width, state.u8());
            }
        }
        PD_CHECK(state.expect_end());
        PD_TRY(rows_, tree_.spool("xlsx-rows"));
        return {};
    }

private:
    void describe(ExportInfo const& info) {
        info_ = info;
        sheets_.clear();
        for (auto const& type : info.types) {
            Sheet sheet{.binary = binary_columns(type)};
            sheet.widths.resize(type.columns.size() + csv_roles.size());
            for (std::size_t i = 0; i < type.columns.size(); ++i) {
                auto const declared =
                    i < type.declared_types.size() ? upper(type.declared_types[i]) : "";
                bool date = declared.find("DATE") != declared.npos ||
                            declared.find("TIME") != declared.npos;
                for (auto const* role : {"created", "updated"}) {
                    auto const mapped = type.roles.find(role);
                    date =
                        date || (mapped != type.roles.end() && mapped->second == type.columns[i]);
                }
                sheet.dates.push_back(date);
            }
            sheets_.push_back(std::move(sheet));
        }
    }

    void put_value(data::ValueView const& value) {
        if (auto const* text = std::get_if<std::string_view>(&value)) {
            data::encode_text(frame_, *text);
        } else if (auto const* number = std::get_if<std::int64_t>(&value)) {
            data::encode_integer(frame_, *number);
        } else if (auto const* real = std::get_if<double>(&value)) {
            data::encode_double(frame_, *real);
        } else if (auto const* bytes = std::get_if<ByteView>(&value)) {
            data::encode_bytes(frame_, *bytes);
        } else {
            data::encode_null(frame_);
        }
    }

    static void widen(unsigned& width, data::ValueView const& value) {
        if (width == width_max) return;
        unsigned wanted = 20;
        if (std::holds_alternative<data::Null>(value)) wanted = 0;
        if (auto const* text = std::get_if<std::string_view>(&value)) {
            wanted = shown_width(*text, width_max);
        } else if (std::holds_alternative<std::int64_t>(value)) {
            wanted = 10;
        }
        width = std::max(width, wanted);
    }

    static std::array<std::string, csv_roles.size()> roles_of(data::Record const& record) {
        std::array<std::string, csv_roles.size()> roles;
        roles[0] = record.project;
        roles[1] = record.category;
        roles[2] = record.collection;
        roles[3] = record.subject;
        for (auto const& tag : record.tags) {
            roles[4] += (&tag == &record.tags.front() ? "" : "\n") + tag;
        }
        for (auto const& media : record.media) {
            roles[5] += (&media == &record.media.front() ? "" : "\n") + media.path;
        }
        return roles;
    }

    static bool embedding_in_column(data::Record const& record) {
        return std::ranges::any_of(record.fields, [&](data::FieldView const& field) {
            auto const* bytes = std::get_if<ByteView>(&field.value);
            return bytes && std::ranges::equal(*bytes, record.embedding->vector);
        });
    }

    Result<void> begin_sheet(Book& book, std::size_t position) {
        auto const& type = info_.types[position];
        std::vector<BookColumn> columns;
        auto const& widths = sheets_[position].widths;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            auto const name = i < type.columns.size()
                                  ? csv_column(type.columns[i])
                                  : std::string(csv_roles[i - type.columns.size()]);
            if (i >= type.columns.size() && widths[i] == 0) continue;  // a role of no record
            if (columns.size() == columns_max) break;
            columns.push_back({name, std::max(widths[i], shown_width(name, 30))});
        }
        return book.begin_sheet(type.type, std::move(columns));
    }

    Result<void> write_sheets(Book& book, std::stop_token stop) {
        FrameReader reader(*rows_);
        ByteView frame;
        std::size_t next_sheet = 0;
        while (true) {
            PD_TRY(bool const more, reader.next(frame));
            if (!more) break;
            if (stop.stop_requested()) return fail(Fault::cancelled, "the export was stopped");
            Decoder in(frame);
            PD_TRY(auto const position, in.varint());
            if (position >= sheets_.size()) return fail(Fault::corrupt, "a row of no sheet");
            for (; next_sheet <= position; ++next_sheet) PD_CHECK(begin_sheet(book, next_sheet));
            PD_CHECK(write_row(book, position, in));
        }
        for (; next_sheet < sheets_.size(); ++next_sheet) PD_CHECK(begin_sheet(book, next_sheet));
        return {};
    }

    Result<void> write_row(Book& book, std::size_t position, Decoder& in) {
        auto const& type = info_.types[position];
        data::Record record;
        record.type = type.type;
        PD_TRY(record.id, in.text(frame_text_max));
        PD_TRY(auto const fields, in.varint());
        PD_CHECK(book.next_row());
        for (std::size_t i = 0; i < fields; ++i) {
            PD_TRY(auto const value, data::decode_value(in));
            if (i < columns_max) {
                PD_CHECK(write_value(book, record, position, i, value));
            } else {
                tally_.omit(record, "columns", "a sheet ends with its 16,384th");
            }
        }
        std::size_t column = type.columns.size();
        for (std::size_t i = 0; i < csv_roles.size(); ++i) {
            PD_TRY(auto const text, in.text(frame_text_max));
            if (sheets_[position].widths[type.columns.size() + i] == 0) continue;
            if (!text.empty() && column < columns_max) {
                PD_CHECK(write_text(book, record, csv_roles[i], column, text));
            }
            ++column;
        }
        PD_TRY(auto const embedding_left, in.u8());
        if (embedding_left != 0) tally_.omit(record, "embedding", "a sheet holds no vectors");
        return {};
    }

    Result<void> write_text(Book& book, data::Record const& record, std::string_view column,
                            std::size_t at, std::string_view text) {
        auto const cell = cell_text(text);
        if (cell.repaired) tally_.omit(record, column, "what no sheet can hold became U+FFFD");
        if (cell.shortened) tally_.omit(record, column, "cut to the 32,767 characters of a cell");
        return book.text(at, cell.text);
    }

    Result<void> write_value(Book& book, data::Record const& record, std::size_t position,
                             std::size_t i, data::Value const& value) {
        auto const& name = info_.types[position].columns[i];
        if (auto const* text = std::get_if<data::Text>(&value)) {
            CellDate date;
            if (sheets_[position].dates[i] && cell_date(text->bytes, date)) {
                return book.date(i, date.serial, date.number_format);
            }
            if (text->bytes.empty()) {
                tally_.omit(record, name, "an empty text looks like no value");
                return {};
            }
            return write_text(book, record, name, i, text->bytes);
        }
        if (auto const* number = std::get_if<std::int64_t>(&value)) {
            if (*number <= exact_integer_max && *number >= -exact_integer_max) {
                return book.number(i, static_cast<double>(*number));
            }
            tally_.omit(record, name, "a number of more than 53 bits, kept as text");
            return book.text(i, std::to_string(*number));
        }
        if (auto const* real = std::get_if<double>(&value)) {
            return write_double(book, record, name, i, *real);
        }
        if (auto const* bytes = std::get_if<Bytes>(&value)) {
            return write_bytes(book, record, position, i, *bytes);
        }
        return {};
    }

    Result<void> write_double(Book& book, data::Record const& record, std::string_view name,
                              std::size_t at, double number) {
        if (!std::isfinite(number)) {
            tally_.omit(record, name, "no number to a sheet, kept as text");
            return book.text(at, std::isnan(number) ? "NaN" : number > 0 ? "INF" : "-INF");
        }
        if (auto const written = as_written(number); !std::isfinite(written)) {
            tally_.omit(record, name, "too large for 16 digits, kept as text");
            return book.text(at, fmt::format("{}", number));
        } else if (written != number) {
            tally_.omit(record, name, "rounded to the 16 digits of a sheet");
        } else if (number == 0 && std::signbit(number)) {
            tally_.omit(record, name, "the sign of a zero");
        } else if (std::fpclassify(number) == FP_SUBNORMAL) {
            tally_.omit(record, name, "too small a number for most spreadsheets");
        }
        return book.number(at, number);
    }

    Result<void> write_bytes(Book& book, data::Record const& record, std::size_t position,
                             std::size_t i, ByteView bytes) {
        auto const& name = info_.types[position].columns[i];
        if (!sheets_[position].binary[i]) tally_.omit(record, name, "bytes, written as base64");
        std::string text;
        append_base64(text, bytes);
        if (text.size() > 32767) {
            tally_.omit(record, name, "more bytes than a cell holds");
            return book.text(i, fmt::format("[{} bytes]", bytes.size()));
        }
        if (text.empty()) {
            tally_.omit(record, name, "no bytes look like no value");
            return {};
        }
        return book.text(i, text);
    }

    /// The last sheet: what this is, of when, and what was left out by choice.
    Result<void> write_about(Book& book) {
        PD_CHECK(book.begin_sheet("About", {{"about", 16}, {"this export", width_max}}));
        auto const line = [&](std::string const& name, std::string const& text) -> Result<void> {
            PD_CHECK(book.next_row());
            PD_CHECK(book.text(0, name));
            return book.text(1, cell_text(text).text);
        };
        PD_CHECK(line("title", info_.title));
        PD_CHECK(line("source", info_.source));
        if (!info_.snapshot.empty()) PD_CHECK(line("snapshot", info_.snapshot));
        PD_CHECK(line("as of", to_rfc3339(info_.as_of)));
        PD_CHECK(line("records", std::to_string(tally_.summary().records)));
        for (auto const& condition : info_.filter) PD_CHECK(line("only", condition));
        return line("written by", info_.program);
    }

    Result<void> copy(system::Path const& path, std::stop_token stop) {
        PD_TRY(auto const file, system::File::open_to_read(path));
        PD_TRY(auto out, tree_.create("records.xlsx", {info_.as_of, false}));
        Bytes piece(256 << 10);
        while (true) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "the export was stopped");
            PD_TRY(auto const got, file.read(piece));
            if (got == 0) break;
            PD_CHECK(out->write(ByteView(piece).first(got)));
            tally_.summary().bytes += got;
        }
        return out->finish();
    }

    OutputTree& tree_;
    ExportInfo info_;
    std::vector<Sheet> sheets_;  ///< by position of the type
    std::unique_ptr<Spool> rows_;
    Encoder frame_;
    Tally tally_;
};

}  // namespace

std::unique_ptr<RecordWriter> open_xlsx(OutputTree& tree) {
    return std::make_unique<XlsxWriter>(tree);
}

}  // namespace perdure::format
