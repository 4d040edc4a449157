#include "format/document/body/markdown.h"

#include <algorithm>
#include <mutex>

#include "format/document/body/handle.h"

namespace perdure::format {

namespace {

constexpr std::size_t part_bytes_max = 64 << 10;
constexpr int options = CMARK_OPT_UNSAFE | CMARK_OPT_FOOTNOTES | CMARK_OPT_VALIDATE_UTF8;

CmarkText render(std::string_view markdown) {
    static std::once_flag registered;
    std::call_once(registered, cmark_gfm_core_extensions_ensure_registered);
    CmarkParser const parser(cmark_parser_new(options));
    for (auto const* name : {"table", "strikethrough", "autolink", "tasklist"}) {
        cmark_parser_attach_syntax_extension(parser.get(), cmark_find_syntax_extension(name));
    }
    cmark_parser_feed(parser.get(), markdown.data(), markdown.size());
    CmarkNode const document(cmark_parser_finish(parser.get()));
    return CmarkText(cmark_render_html(document.get(), options,
                                       cmark_parser_get_syntax_extensions(parser.get())));
}

/// Where a first part of at most `part_bytes_max` ends: behind the last empty line outside a code
/// fence. npos: there is none.
std::size_t part_end(std::string_view text) {
    std::size_t best = text.npos;
    bool fenced = false;
    for (std::size_t at = 0; at < std::min(text.size(), part_bytes_max);) {
        auto const end = std::min(text.find('\n', at), text.size());
        auto const line = text.substr(at, end - at);
        if (line.starts_with("```") || line.starts_with("~~~")) fenced = !fenced;
        at = std::min(end + 1, text.size());
        if (line.empty() && !fenced && at <= part_bytes_max) best = at;
    }
    return best;
}

}  // namespace

void render_markdown(std::string_view markdown,
                     std::function<void(std::string_view html)> const& take,
                     std::function<void(std::string_view text)> const& take_plain) {
    while (!markdown.empty()) {
        if (markdown.size() <= part_bytes_max) return take(render(markdown).get());
        auto const end = part_end(markdown);
        if (end != markdown.npos) {
            take(render(markdown.substr(0, end)).get());
            markdown.remove_prefix(end);
            continue;
        }
        auto const plain = std::min(markdown.find("\n\n", part_bytes_max), markdown.size());
        take_plain(markdown.substr(0, plain));
        markdown.remove_prefix(plain);
    }
}

}  // namespace perdure::format
