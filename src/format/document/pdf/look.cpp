#include "format/document/pdf/look.h"

#include <fmt/format.h>

namespace perdure::format::pdf {

Setting Look::body() const {
    return {.family = text,
            .size = size,
            .leading = 1.46,
            .colour = ink,
            .link_colour = accent,
            .width = paper.text_width(),
            .justified = true};
}

Setting Look::small() const {
    return {.family = Family::sans,
            .size = size * 0.76,
            .leading = 1.5,
            .colour = soft,
            .link_colour = accent,
            .width = paper.text_width()};
}

Setting Look::heading(double heading_size) const {
    return {.family = heads,
            .size = heading_size,
            .leading = 1.25,
            .bold = true,
            .colour = ink,
            .link_colour = ink,
            .width = paper.text_width()};
}

Result<Look> look_of(std::map<std::string, std::string> const& options) {
    Look look;
    auto const option = [&](char const* name) {
        auto const found = options.find(name);
        return found == options.end() ? std::string() : found->second;
    };
    auto const paper = option("paper");
    if (paper == "a5") {
        look.paper = {
            .width = 419.53, .height = 595.28, .left = 54, .right = 54, .top = 66, .bottom = 68};
        look.size = 9.6;
    } else if (paper == "letter") {
        look.paper = {
            .width = 612, .height = 792, .left = 98, .right = 98, .top = 88, .bottom = 92};
    } else if (!paper.empty() && paper != "a4") {
        return fail(Fault::invalid, fmt::format("\"{}\" is no paper for a PDF", paper))
            .with_fix("take one of: a4, a5, letter");
    }
    auto const theme = option("theme");
    if (theme == "modern") {
        look.text = look.heads = Family::sans;
        look.size *= 0.95;
        look.accent = {0.10, 0.36, 0.55};
        look.panel = {0.955, 0.965, 0.975};
    } else if (!theme.empty() && theme != "classic") {
        return fail(Fault::invalid, fmt::format("\"{}\" is no theme of a PDF", theme))
            .with_fix("take one of: classic, modern");
    }
    return look;
}

}  // namespace perdure::format::pdf
