#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/record.h"

namespace perdure::format {

/// A value of YAML 1.1 and 1.2 that both read as the same text: plain where nothing else can be
/// meant, else between double quotes; text that is not UTF-8 becomes {"$text": "base64"}.
void yaml_text(std::string& out, std::string_view text);
/// Always between double quotes; `text` must be UTF-8.
void yaml_quoted(std::string& out, std::string_view text);
/// Any value: tagged as in JSON where plain YAML could not hold it exactly.
void yaml_value(std::string& out, data::ValueView const& value);

/// One line for people: line breaks and controls become blanks, bad bytes U+FFFD.
std::string one_line(std::string_view text);
/// `text` so that Markdown shows it as it is, on one line.
std::string markdown_escaped(std::string_view text);
/// A link's destination: percent-encoded where a reader of Markdown would stop.
std::string markdown_destination(std::string_view path);
/// `text`, which is no Markdown, as Markdown that shows it line by line.
std::string markdown_of_text(std::string_view text);
/// `text` in a code block whose fence it cannot close.
std::string markdown_code(std::string_view text, std::string_view language);

}  // namespace perdure::format
