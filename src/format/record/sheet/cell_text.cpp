#include "format/record/sheet/cell_text.h"

#include <algorithm>
#include <cstdlib>

#include "base/utf8.h"
#include "format/instant.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr std::size_t cell_units_max = 32767, name_units_max = 31;
constexpr std::int64_t march_1900 = -25508;  ///< 1900-03-01: before, Excel counts a day too many
constexpr std::int64_t epoch_serial = 25569;

/// UTF-16 units of a character of so many bytes of UTF-8.
std::size_t units_of(std::size_t length) {
    return length == 4 ? 2 : 1;
}

std::string_view cut_units(std::string_view text, std::size_t units_max) {
    std::size_t units = 0;
    for (std::size_t i = 0; i < text.size();) {
        auto const length = std::max<std::size_t>(utf8_length(text.substr(i)), 1);
        units += units_of(length);
        if (units > units_max) return text.substr(0, i);
        i += length;
    }
    return text;
}

bool is_escape(std::string_view text) {
    return text.size() >= 7 && text.starts_with("_x") && text[6] == '_' &&
           text.substr(2, 4).find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

}  // namespace

CellText cell_text(std::string_view text) {
    CellText cell;
    if (!is_utf8(text)) {
        cell.text = repair_utf8(text);
        cell.repaired = true;
    } else {
        cell.text = text;
    }
    for (std::string_view const bad : {std::string_view("\0", 1), std::string_view("\xef\xbf\xbe"),
                                       std::string_view("\xef\xbf\xbf")}) {
        for (auto at = cell.text.find(bad); at != cell.text.npos; at = cell.text.find(bad, at)) {
            cell.text.replace(at, bad.size(), "\xef\xbf\xbd");
            cell.repaired = true;
        }
    }
    auto const fits = cut_units(cell.text, cell_units_max);
    cell.shortened = fits.size() < cell.text.size();
    cell.text.resize(fits.size());
    // What looks like the escape of a control ("_x0001_") is escaped itself.
    for (auto at = cell.text.find("_x"); at != cell.text.npos; at = cell.text.find("_x", at + 2)) {
        if (!is_escape(std::string_view(cell.text).substr(at))) continue;
        cell.text.insert(at, "_x005F");
        at += 6;
    }
    return cell;
}

std::string sheet_name(std::string_view name, std::string_view suffix) {
    std::string safe = cell_text(name).text;
    for (char& c : safe) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || std::string_view("[]:*?/\\").contains(c)) c = '_';
    }
    safe = cut_units(safe, name_units_max - suffix.size());
    while (safe.starts_with('\'') || safe.starts_with(' ')) safe.erase(0, 1);
    while (safe.ends_with('\'') || safe.ends_with(' ')) safe.pop_back();
    if (safe.empty()) safe = "Sheet";
    return safe + std::string(suffix);
}

bool cell_date(std::string_view text, CellDate& date) {
    auto const written = read_instant(text);
    if (!written || written->day < march_1900 || written->fraction.size() > 3) return false;
    double const fraction =
        written->fraction.empty() ? 0 : std::strtod(("0." + written->fraction).c_str(), nullptr);
    date.serial =
        static_cast<double>(written->day + epoch_serial) + (written->second + fraction) / 86400;
    date.number_format = "yyyy-mm-dd";
    if (written->between == 0) return true;
    date.number_format += written->between == 'T' ? "\"T\"" : " ";
    date.number_format += written->with_seconds ? "hh:mm:ss" : "hh:mm";
    if (!written->fraction.empty()) {
        date.number_format += "." + std::string(written->fraction.size(), '0');
    }
    if (!written->zone.empty()) date.number_format += "\"" + written->zone + "\"";
    return true;
}

unsigned shown_width(std::string_view text, unsigned width_max) {
    unsigned width = 0, line = 0;
    for (std::size_t i = 0; i < text.size() && width < width_max; ++i) {
        auto const byte = static_cast<unsigned char>(text[i]);
        if (byte == '\n') line = 0;
        line += byte >= 0xe3 ? 2 : (byte & 0xc0) == 0x80 ? 0 : 1;
        width = std::max(width, line);
    }
    return std::min(width, width_max);
}

}  // namespace perdure::format
