#include "format/document/body/body.h"

#include "format/document/body/fragment.h"
#include "format/document/body/html_tokens.h"
#include "format/document/body/markdown.h"

namespace perdure::format {

namespace {

void add_html(Fragment& fragment, std::string_view html) {
    HtmlTokens tokens(html);
    HtmlToken token;
    while (tokens.next(token)) {
        switch (token.kind) {
            case HtmlToken::Kind::text:
                fragment.text(token.text);
                break;
            case HtmlToken::Kind::start:
                fragment.start(token);
                break;
            case HtmlToken::Kind::end:
                fragment.end(token.name);
                break;
        }
    }
}

/// Empty lines part paragraphs, line ends stay line ends.
void add_plain(Fragment& fragment, std::string_view text) {
    constexpr std::size_t part_bytes = 16 << 10;
    HtmlToken paragraph{.name = "p"}, line{.name = "br"};
    bool open = false, broken = false;
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        auto rest = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (rest.find_first_not_of(" \t") == rest.npos) {
            if (open) fragment.end("p");
            open = false;
            continue;
        }
        if (!open) fragment.start(paragraph);
        if (open && broken) fragment.start(line);
        open = broken = true;
        while (!rest.empty()) {
            auto part = std::min(rest.size(), part_bytes);
            while (part < rest.size() && (static_cast<unsigned char>(rest[part]) & 0xc0) == 0x80)
                --part;
            fragment.text(rest.substr(0, part));
            rest.remove_prefix(part);
        }
    }
    if (open) fragment.end("p");
}

}  // namespace

SafeBody safe_body(std::string_view body, std::string_view format, BodyOptions const& options) {
    TextFlaws flaws;
    auto const text = page_text(body, flaws);
    Fragment fragment(options);
    if (format == "markdown") {
        render_markdown(
            text, [&](std::string_view html) { add_html(fragment, html); },
            [&](std::string_view plain) { add_plain(fragment, plain); });
    } else if (format == "html") {
        add_html(fragment, text);
    } else {
        add_plain(fragment, text);
    }
    auto safe = fragment.finish();
    safe.flaws = flaws;
    return safe;
}

}  // namespace perdure::format
