#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace perdure::format {

/// What a template writes, and so how a value must be spelt in it.
enum class Escape { text, html, xml, csv, json, markdown, latex };

/// Fails: invalid, naming the known ones.
Result<Escape> escape_of_name(std::string_view name);
std::string_view escape_name(Escape escape);
/// By the name of a template: "letter.html", "letter.html.mustache" → html; else text.
Escape escape_of_file(std::string_view file_name);
/// "html" of "letter.html.mustache"; "txt" where there is none.
std::string extension_of_template(std::string_view file_name);

/// Appends `text` so that it cannot leave its place:
///   html, xml: in content and in quoted attributes; what the format forbids becomes U+FFFD;
///   csv: one field, quoted where needed; json: inside a string; markdown: one line, shown as it
///   is; latex: in running text; text: as it is. Bad UTF-8 becomes U+FFFD everywhere.
void append_escaped(std::string& out, std::string_view text, Escape escape);

}  // namespace perdure::format
