#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perdure::format {

/// What had to change so that a cell could hold a text.
struct CellText {
    std::string text;
    bool repaired = false;   ///< bytes or characters that XML forbids became U+FFFD
    bool shortened = false;  ///< to the 32,767 UTF-16 units of a cell
};
CellText cell_text(std::string_view text);

/// A name of a sheet: at most 31 UTF-16 units with `suffix`, none of []:*?/\, no ' at an end.
std::string sheet_name(std::string_view name, std::string_view suffix);

/// A number of days and the number format that shows it exactly as it was written.
struct CellDate {
    double serial = 0;
    std::string number_format;
};
/// False for what a spreadsheet cannot hold exactly: other texts, dates before March 1900, more
/// than milliseconds.
bool cell_date(std::string_view text, CellDate& date);

/// Columns to show of a text, roughly: wide scripts count double; at most `width_max`.
unsigned shown_width(std::string_view text, unsigned width_max);

}  // namespace perdure::format
