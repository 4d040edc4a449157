#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/record/sheet/handle.h"
#include "system/file.h"

namespace perdure::format {

/// What one column of a sheet is called and how wide it shows.
struct BookColumn {
    std::string name;
    unsigned width = 8;
};

/// A workbook in the making, in a scratch folder; rows go to disk one by one. Threads: one.
/// Every call fails with exhausted where the disk is full, internal on other faults of the library.
class Book {
public:
    struct Facts {
        std::string title, program;
        std::int64_t created = 0;  ///< seconds since 1970
    };
    static Result<Book> create(Facts const& facts);

    /// A sheet with a bold, frozen header and a filter; its name is made safe and unique.
    Result<void> begin_sheet(std::string const& name, std::vector<BookColumn> columns);
    /// The row under the last one; past the last row of a sheet, one more sheet of the name.
    Result<void> next_row();
    Result<void> text(std::size_t column, std::string const& text);
    Result<void> number(std::size_t column, double number);
    Result<void> date(std::size_t column, double serial, std::string const& number_format);
    /// Closes the file; it lies at path() as long as this lives.
    Result<void> close();
    system::Path path() const { return scratch_.path() / "book.xlsx"; }

private:
    explicit Book(system::ScratchFolder scratch) : scratch_(std::move(scratch)) {}
    Result<void> add_sheet();
    void finish_sheet();
    Result<void> check_disk();
    Result<lxw_format*> date_format(std::string const& number_format);

    system::ScratchFolder scratch_;
    Workbook workbook_;
    lxw_worksheet* sheet_ = nullptr;
    lxw_format* header_ = nullptr;
    lxw_format* cell_ =
        nullptr;  ///< of every column: a long text shows its first line, not its last
    std::map<std::string, lxw_format*> date_formats_;
    std::string name_;
    std::vector<BookColumn> columns_;
    unsigned part_ = 1;      ///< of a type that needs several sheets
    std::uint32_t row_ = 0;  ///< 0: the header
    std::vector<lxw_worksheet*> sheets_;
};

}  // namespace perdure::format
