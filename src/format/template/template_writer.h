#pragma once

#include <memory>
#include <span>

#include "format/format.h"

namespace perdure::format {

/// Whatever a person's template makes of the records. Options: `template`, its text;
/// `template_name`, the name of its file, which tells what it writes ("letter.html"). It sees the
/// records and nothing else: no files, no network, no environment.
/// begin() fails: invalid (the template, with the line; a name that is neither a field nor a
/// column, with the nearest that is).
std::unique_ptr<RecordWriter> open_template(OutputTree& tree);

/// Whether the template can be used for records of these types; what it writes, if so.
struct TemplateFacts {
    std::string escape, extension, description;
};
Result<TemplateFacts> check_template(std::string_view text, std::string_view file_name,
                                     std::span<data::RecordType const> types);

/// Templates that come with the program.
struct BuiltinTemplate {
    std::string_view name;  ///< "atom.xml"
    std::string_view text;
};
std::span<BuiltinTemplate const> builtin_templates();

}  // namespace perdure::format
