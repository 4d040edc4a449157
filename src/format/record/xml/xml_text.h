#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace perdure::format {

/// Whether XML 1.0 can hold the text as it is: UTF-8, and none of the characters that it forbids
/// even when escaped (NUL and most controls, U+FFFE, U+FFFF).
bool xml_can_hold(std::string_view text);
/// Escaped for the content of an element; a carriage return survives the reader's normalization.
void xml_content(std::string& out, std::string_view text);
/// Escaped for a value between double quotes; tabs and line breaks survive too.
void xml_attribute(std::string& out, std::string_view text);
/// ` name="text"`; where XML cannot hold the text, ` name-base64="…"`.
void xml_attribute_or_base64(std::string& out, std::string_view name, std::string_view text);
/// ` encoding="base64">…` where XML cannot hold the text, else `>…`: the rest of a start tag and
/// the content of the element.
void xml_rest(std::string& out, std::string_view text);

}  // namespace perdure::format
