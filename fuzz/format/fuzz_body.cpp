// Texts of an application on a page: whatever comes in, what goes out is well-formed, made of the
// allow-list, and runs nothing.
#include <algorithm>
#include <array>

#include "base/result.h"
#include "format/document/body/body.h"

namespace {

using namespace perdure;

constexpr std::array void_elements = {"br", "hr", "img", "input", "wbr", "col"};

/// A '>' inside quotes ends nothing.
std::size_t tag_end(std::string_view markup, std::size_t at) {
    for (bool quoted = false; at < markup.size(); ++at) {
        if (markup[at] == '"') quoted = !quoted;
        if (markup[at] == '>' && !quoted) return at;
    }
    return std::string_view::npos;
}

/// Every start has its end, and no attribute is a handler or leads to a script.
void check(std::string_view markup) {
    std::vector<std::string_view> open;
    for (auto at = markup.find('<'); at != markup.npos; at = markup.find('<', at + 1)) {
        auto const end = tag_end(markup, at);
        PD_ASSERT(end != markup.npos);
        auto const tag = markup.substr(at + 1, end - at - 1);
        PD_ASSERT(!tag.empty());
        auto const name = tag.substr(0, tag.find_first_of(" /", 1));
        PD_ASSERT(name != "script" && name != "style" && name != "iframe" && name != "svg");
        PD_ASSERT(tag.find(" on") == tag.npos || tag.find('"') < tag.find(" on"));
        PD_ASSERT(tag.find("href=\"javascript:") == tag.npos);
        if (tag[0] == '/') {
            PD_ASSERT(!open.empty() && open.back() == tag.substr(1));
            open.pop_back();
        } else if (!tag.ends_with('/')) {
            PD_ASSERT(std::ranges::find(void_elements, name) == void_elements.end());
            open.push_back(name);
            PD_ASSERT(open.size() <= 48);
        }
    }
    PD_ASSERT(open.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view const text(reinterpret_cast<char const*>(data) + 1, size - 1);
    constexpr std::array formats = {"markdown", "html", "text"};
    format::BodyOptions const options{
        .markup = format::Markup::xhtml,
        .id_prefix = "r-",
        .local = [](std::string_view address) -> std::optional<std::string> {
            if (address.size() % 2 == 0) return std::nullopt;
            return "media/x.jpg";
        },
        .piece_bytes = data[0] & 64 ? 512u : 0u};
    auto const body = format::safe_body(text, formats[data[0] % 3], options);
    check(body.markup);
    std::size_t before = 0;
    for (auto const cut : body.cuts) {
        PD_ASSERT(cut >= before && cut <= body.markup.size());
        check(std::string_view(body.markup).substr(before, cut - before));
        before = cut;
    }
    check(std::string_view(body.markup).substr(before));
    return 0;
}
