#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/template/escape.h"

namespace perdure::format {

/// A piece of a template.
struct TemplateNode {
    enum class Kind { text, value, raw, section, inverted };
    Kind kind = Kind::text;
    std::string text;  ///< of text; else the name, "a.b" for a part
    unsigned line = 0;
    std::vector<TemplateNode> children;
};
using TemplateNodes = std::vector<TemplateNode>;

/// A template, cut where records stream through: what is written before the records, for each, and
/// after them; around the records of each type, where {{#records}} stands inside {{#types}}.
struct Template {
    Escape escape = Escape::text;
    std::string extension = "txt", description;
    bool by_type = false;
    TemplateNodes header, type_header, record, type_footer, footer;
};

/// Mustache without partials and lambdas: a template cannot load, call or repeat itself. Tags:
/// {{value}}, {{{as it is}}}, {{&as it is}}, {{#section}}…{{/section}}, {{^none}}…{{/none}},
/// {{! comment}}, {{=<% %>=}}. A first comment {{! perdure: escape=json extension=json
/// description=… }} overrides what the file's name says.
/// Fails: invalid, with the line: too large (1 MiB), nested too deeply (32), a tag that is not
/// closed, a partial, no {{#records}}, or one in a place where records cannot stream.
Result<Template> parse_template(std::string_view text, std::string_view file_name);

/// All names that the nodes use, with their lines.
struct TemplateName {
    std::string name;
    unsigned line;
};
void collect_names(TemplateNodes const& nodes, std::vector<TemplateName>& into);

}  // namespace perdure::format
