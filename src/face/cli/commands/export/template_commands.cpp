#include <fmt/format.h>

#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "format/record/json_schema.h"
#include "format/record/xml/xml_writer.h"
#include "format/template/template_writer.h"
#include "service/export/export_template.h"

namespace perdure::face {
namespace {

system::Path config_folder(Invocation& in) {
    return in.config_file().parent_path();
}

/// By name, or by file.
Result<service::NamedTemplate> template_of(Invocation& in) {
    auto const word = in.arguments().positional.front();
    PD_TRY(auto named, service::find_template(word, config_folder(in)));
    if (!named) {
        PD_TRY(named, service::find_template("template:" + word, config_folder(in)));
    }
    return std::move(*named);
}

}  // namespace

Result<int> run_export_template_list(Invocation& in) {
    Table table({"template", "escapes", "writes", "from", "what it is"});
    std::uint64_t count = 0;
    for (auto const& each : service::list_templates(config_folder(in))) {
        auto const facts = format::check_template(each.text, each.name, {});
        auto const what = facts ? facts->description : facts.error().message();
        table.add({printable(each.name), facts ? facts->escape : "",
                   facts ? "." + facts->extension : "", printable(each.from), printable(what)});
        JsonObject object;
        object.put("name", each.name).put("from", each.from).put("valid", facts.has_value());
        object.put("description", what);
        in.out().event("template", object);
        ++count;
    }
    table.print(in.out());
    in.summary().put("templates", count);
    return service::exit_code::ok;
}

Result<int> run_export_template_show(Invocation& in) {
    PD_TRY(auto const named, template_of(in));
    in.out().line(named.text);
    in.summary().put("name", named.name).put("template", named.text);
    return service::exit_code::ok;
}

Result<int> run_export_template_check(Invocation& in) {
    PD_TRY(auto const named, template_of(in));
    auto const facts = format::check_template(named.text, named.name, {});
    if (!facts) return Error(facts.error()).with_code(2);
    in.out().line(fmt::format("✓ {} escapes as {} and writes .{}", printable(named.name),
                              facts->escape, facts->extension));
    in.summary().put("name", named.name).put("escape", facts->escape);
    in.summary().put("extension", facts->extension);
    return service::exit_code::ok;
}

Result<int> run_export_schema(Invocation& in) {
    auto const name = in.arguments().positional.front();
    std::string text;
    if (name == "json") text = format::json_schema(format::JsonShape::document);
    if (name == "ndjson") text = format::json_schema(format::JsonShape::line);
    if (name == "xml") text = format::xml_schema();
    if (text.empty()) {
        return fail(Fault::invalid, fmt::format("there is no schema of \"{}\"", printable(name)))
            .with_code(2)
            .with_fix("take json, ndjson (JSON Schema 2020-12) or xml (XML Schema)");
    }
    while (text.ends_with('\n')) text.pop_back();
    in.out().line(text);
    in.summary().put("format", name).put("schema", text);
    return service::exit_code::ok;
}

}  // namespace perdure::face
