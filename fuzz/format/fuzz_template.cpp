// A template from a person: parsing ends, rendering stays within its limits, and no value leaves
// its place.
#include "format/template/parse.h"
#include "format/template/render.h"
#include "format/template/template_writer.h"
#include "fuzz/input.h"

namespace {

using namespace perdure;
using namespace perdure::format;

constexpr std::size_t value_bytes_max = 20'000;  // the last one may come on top, escaped
constexpr TemplateRenderer::Limits limits{.bytes_max = 1 << 20, .steps_max = 100'000};

void render(Template const& made, TemplateScope const& scope) {
    for (auto const* nodes :
         {&made.header, &made.type_header, &made.record, &made.type_footer, &made.footer}) {
        std::vector<TemplateName> names;
        collect_names(*nodes, names);
        for (auto const& name : names) PD_ASSERT(!name.name.empty() && name.line > 0);
        std::string out;
        TemplateRenderer renderer(made.escape, limits);
        static_cast<void>(renderer.render(out, *nodes, {&scope}));
        PD_ASSERT(out.size() <= limits.bytes_max + value_bytes_max);
    }
}

/// What stands between the marks is the value alone.
void escapes(std::string_view text, Escape escape) {
    std::string out;
    append_escaped(out, text, escape);
    if (escape == Escape::html || escape == Escape::xml) {
        PD_ASSERT(out.find_first_of("<>\"'") == out.npos);
    }
    if (escape == Escape::json) {
        PD_ASSERT(
            std::ranges::all_of(out, [](char c) { return static_cast<unsigned char>(c) >= 0x20; }));
        for (std::size_t i = 0; i < out.size(); ++i) {
            PD_ASSERT(out[i] != '"');
            if (out[i] == '\\') ++i;
        }
    }
    if (escape == Escape::markdown) PD_ASSERT(out.find_first_of("\r\n") == out.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const escape = static_cast<Escape>(input.byte() % 7);
    auto const name = "letter." + std::string(escape_name(escape));
    auto const value = input.text();
    escapes(value, escape);
    TemplateList list;
    for (int i = 0; i < 20; ++i) list.emplace_back(std::string_view("item"));
    TemplateScope inner{{"label", value}, {"tags", list}};
    TemplateList scopes;
    for (int i = 0; i < 20; ++i) scopes.emplace_back(inner);
    TemplateScope const scope{{"title", value},   {"tags", list},
                              {"yes", true},      {"media", scopes},
                              {"subject", inner}, {"body", std::string(3000, 'x')}};
    auto const text = input.rest_as_text();
    if (auto const made = parse_template(text, name)) render(*made, scope);
    static_cast<void>(check_template(text, name, {}));
    return 0;
}
