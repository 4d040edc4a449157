#pragma once

#include <string>
#include <string_view>

namespace perdure::format {

/// What text lost on its way into a page; every loss is reported.
struct TextFlaws {
    bool bad_utf8 = false;  ///< bytes that are no UTF-8 became U+FFFD
    bool controls = false;  ///< signs that XML and HTML forbid became pictures (␀) or U+FFFD
    bool any() const { return bad_utf8 || controls; }
    void add(TextFlaws other) {
        bad_utf8 |= other.bad_utf8;
        controls |= other.controls;
    }
    /// For an omission: "bytes that are not UTF-8 became U+FFFD".
    std::string describe() const;
};

/// Text of the intersection of XML 1.0 and HTML: well-formed UTF-8 without controls and
/// noncharacters; lines end in LF.
std::string page_text(std::string_view text, TextFlaws& flaws);
std::string page_text(std::string_view text);

/// Both expect page_text(). An attribute stands in double quotes.
void escape_text(std::string& out, std::string_view text);
void escape_attribute(std::string& out, std::string_view text);
std::string escaped(std::string_view text);

/// The first characters of a text: at most `bytes_max` bytes, cut between words where that costs
/// little, runs of blanks made one, with "…" where something was cut.
std::string shortened(std::string_view text, std::size_t bytes_max);

}  // namespace perdure::format
