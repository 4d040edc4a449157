#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "system/file.h"

namespace perdure::service {

/// A template for `export --format`.
struct NamedTemplate {
    std::string name;  ///< of its file: "letter.html"
    std::string from;  ///< the file, or "built in"
    std::string text;
};

/// The template that `format` means: "template:FILE", or the name, with or without its extension,
/// of one in `templates/` beside the configuration, or of one that comes with the program. Nothing
/// where it names a format, or is no template: find_format() then says what there is.
/// Fails: not_found (the file), invalid (more than 1 MiB).
Result<std::optional<NamedTemplate>> find_template(std::string_view format,
                                                   system::Path const& config_folder);
/// The same format asked for from any folder: the file of "template:FILE" gets its whole path.
std::string template_from_anywhere(std::string const& format);
/// Those beside the configuration, then those that come with the program, each by name.
std::vector<NamedTemplate> list_templates(system::Path const& config_folder);

}  // namespace perdure::service
