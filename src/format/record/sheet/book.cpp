#include "format/record/sheet/book.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "format/record/sheet/cell_text.h"

namespace perdure::format {

namespace {

Result<void> checked(lxw_error error) {
    if (error == LXW_NO_ERROR) return {};
    bool const disk = error >= LXW_ERROR_CREATING_XLSX_FILE && error <= LXW_ERROR_ZIP_CLOSE;
    return fail(disk ? Fault::exhausted : Fault::internal,
                fmt::format("writing the workbook: {}", lxw_strerror(error)));
}

}  // namespace

Result<Book> Book::create(Facts const& facts) {
    PD_TRY(auto scratch, system::ScratchFolder::create());
    Book book(std::move(scratch));
    auto folder = book.scratch_.path().string();
    auto const file = book.path().string();
    lxw_workbook_options options{};
    options.constant_memory = LXW_TRUE;
    options.tmpdir = folder.data();
    options.use_zip64 = LXW_TRUE;
    book.workbook_.reset(workbook_new_opt(file.c_str(), &options));
    if (!book.workbook_) return fail(Fault::exhausted, "no memory for a workbook");
    auto title = cell_text(facts.title).text.substr(0, 200), program = facts.program;
    lxw_doc_properties properties{};
    properties.title = title.data();
    properties.author = program.data();
    properties.created = static_cast<time_t>(facts.created);
    PD_CHECK(checked(workbook_set_properties(book.workbook_.get(), &properties)));
    book.header_ = workbook_add_format(book.workbook_.get());
    format_set_bold(book.header_);
    format_set_bg_color(book.header_, 0xE8EEF4);
    format_set_bottom(book.header_, LXW_BORDER_THIN);
    book.cell_ = workbook_add_format(book.workbook_.get());
    format_set_align(book.cell_, LXW_ALIGN_VERTICAL_TOP);
    return book;
}

Result<void> Book::begin_sheet(std::string const& name, std::vector<BookColumn> columns) {
    finish_sheet();
    name_ = name;
    columns_ = std::move(columns);
    part_ = 1;
    return add_sheet();
}

Result<void> Book::add_sheet() {
    auto safe = sheet_name(name_, part_ == 1 ? "" : fmt::format(" ({})", part_));
    // "History" is kept by Excel for itself.
    while (safe == "History" ||
           workbook_validate_sheet_name(workbook_.get(), safe.c_str()) != LXW_NO_ERROR) {
        if (++part_ > 100'000) return fail(Fault::internal, "no name for a sheet");
        safe = sheet_name(name_, fmt::format(" ({})", part_));
    }
    sheet_ = workbook_add_worksheet(workbook_.get(), safe.c_str());
    if (!sheet_) return fail(Fault::exhausted, "no temporary file for a sheet");
    sheets_.push_back(sheet_);
    row_ = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        auto const at = static_cast<lxw_col_t>(i);
        PD_CHECK(checked(worksheet_set_column(sheet_, at, at, columns_[i].width + 2, cell_)));
        auto const heading = cell_text(columns_[i].name).text;
        PD_CHECK(checked(worksheet_write_string(sheet_, 0, at, heading.c_str(), header_)));
    }
    worksheet_freeze_panes(sheet_, 1, 0);
    // Printed: across, as wide as the paper, the header on every page.
    worksheet_set_landscape(sheet_);
    worksheet_fit_to_pages(sheet_, 1, 0);
    PD_CHECK(checked(worksheet_repeat_rows(sheet_, 0, 0)));
    return {};
}

void Book::finish_sheet() {
    if (!sheet_ || columns_.empty()) return;
    worksheet_autofilter(sheet_, 0, 0, row_, static_cast<lxw_col_t>(columns_.size() - 1));
    sheet_ = nullptr;
}

Result<void> Book::next_row() {
    if (row_ + 1 == LXW_ROW_MAX) {
        finish_sheet();
        ++part_;
        PD_CHECK(add_sheet());
    }
    ++row_;
    return {};
}

Result<void> Book::text(std::size_t column, std::string const& text) {
    return checked(worksheet_write_string(sheet_, row_, static_cast<lxw_col_t>(column),
                                          text.c_str(), nullptr));
}

Result<void> Book::number(std::size_t column, double number) {
    return checked(
        worksheet_write_number(sheet_, row_, static_cast<lxw_col_t>(column), number, nullptr));
}

Result<lxw_format*> Book::date_format(std::string const& number_format) {
    auto& format = date_formats_[number_format];
    if (!format) {
        format = workbook_add_format(workbook_.get());
        if (!format) return fail(Fault::exhausted, "no memory for a number format");
        format_set_num_format(format, number_format.c_str());
        format_set_align(format, LXW_ALIGN_VERTICAL_TOP);
    }
    return format;
}

Result<void> Book::date(std::size_t column, double serial, std::string const& number_format) {
    PD_TRY(auto* format, date_format(number_format));
    return checked(
        worksheet_write_number(sheet_, row_, static_cast<lxw_col_t>(column), serial, format));
}

/// The library does not look at what its writes return; the files that it writes to do.
Result<void> Book::check_disk() {
    std::uint64_t rows_bytes = 0;
    for (auto* sheet : sheets_) {
        if (!sheet->optimize_tmpfile) continue;
        if (std::fflush(sheet->optimize_tmpfile) != 0 || std::ferror(sheet->optimize_tmpfile)) {
            return fail(Fault::exhausted, "the scratch folder is full: " + scratch_.path().string())
                .with_fix("free space there, or point TMPDIR elsewhere");
        }
        rows_bytes += static_cast<std::uint64_t>(std::max(0L, std::ftell(sheet->optimize_tmpfile)));
    }
    PD_TRY(auto const free, system::free_bytes(scratch_.path()));
    if (free < 2 * rows_bytes + (16 << 20)) {
        return fail(Fault::exhausted, fmt::format("{} has {} bytes free; the workbook needs {}",
                                                  scratch_.path().string(), free, 2 * rows_bytes))
            .with_fix("free space there, or point TMPDIR elsewhere");
    }
    return {};
}

Result<void> Book::close() {
    finish_sheet();
    PD_CHECK(check_disk());
    return checked(workbook_close(workbook_.release()));
}

}  // namespace perdure::format
