#include "format/document/html/site.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/document/dates.h"
#include "format/document/language.h"
#include "format/document/page_text.h"
#include "format/document/record_view.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr std::uint64_t single_pages_max = 10'000;

constexpr std::string_view policy =
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; "
    "img-src 'self' file:; media-src 'self' file:; form-action 'self' file:; base-uri 'none'";

bool mapped(ExportInfo const& info, std::string_view role) {
    return std::ranges::any_of(info.types, [&](data::RecordType const& type) {
        return type.roles.contains(std::string(role));
    });
}

void menu_item(std::string& out, Page const& page, std::string_view section,
               std::string_view address, std::string_view label) {
    out += fmt::format(R"(<li><a href="{}{}"{}>{}</a></li>)", page.root, address,
                       page.section == section ? R"( aria-current="page")" : "", label);
}

std::string menu(Site const& site, Page const& page) {
    std::string out;
    for (auto const& naming : group_namings()) {
        if (!site.shows(naming.kind)) continue;
        menu_item(out, page, naming.folder, fmt::format("{}/index.html", naming.folder),
                  naming.many);
    }
    if (site.has_media) menu_item(out, page, "photos", "photos/index.html", "Photos");
    return out;
}

std::string head(Site const& site, Page const& page) {
    auto const title = page.title.empty() || page.title == site.title
                           ? escaped(site.title)
                           : escaped(page.title) + " · " + escaped(site.title);
    std::string out = fmt::format(R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="{program}">
<title>{title}</title>
<script src="{root}assets/theme.js"></script>
<link rel="stylesheet" href="{root}assets/site.css">
<link rel="icon" href="{root}assets/icon.svg" type="image/svg+xml">
)",
                                  fmt::arg("policy", policy),
                                  fmt::arg("program", escaped(page_text(site.info.program))),
                                  fmt::arg("title", title), fmt::arg("root", page.root));
    if (!page.description.empty()) {
        out +=
            fmt::format("<meta name=\"description\" content=\"{}\">\n", escaped(page.description));
    }
    if (!page.previous.empty()) {
        out += fmt::format("<link rel=\"prev\" href=\"{}\">\n", page.previous);
    }
    if (!page.next.empty()) out += fmt::format("<link rel=\"next\" href=\"{}\">\n", page.next);
    if (page.searches) {
        out += fmt::format(
            "<script src=\"{0}assets/search.js\" defer></script>\n"
            "<script src=\"{0}search/index.js\" defer></script>\n",
            page.root);
    }
    out += fmt::format("<script src=\"{}assets/site.js\" defer></script>\n</head>\n", page.root);
    return out;
}

}  // namespace

std::vector<GroupNaming> const& group_namings() {
    static std::vector<GroupNaming> const namings = {
        {GroupKind::month, "timeline", "month", "Timeline", ""},
        {GroupKind::collection, "collections", "collection", "Collections", "collection"},
        {GroupKind::project, "projects", "project", "Projects", "project"},
        {GroupKind::category, "categories", "category", "Categories", "category"},
        {GroupKind::tag, "tags", "tag", "Tags", "tags"},
    };
    return namings;
}

GroupNaming const& naming_of(GroupKind kind) {
    return group_namings()[static_cast<std::size_t>(kind)];
}

bool Site::shows(GroupKind kind) const {
    if (kind == GroupKind::month) return true;
    return mapped(info, naming_of(kind).role);
}

Site site_of(ExportInfo const& info) {
    Site site{.info = info, .title = page_text(info.title)};
    if (site.title.empty()) site.title = "Archive";
    site.has_media = mapped(info, "media");
    std::uint64_t rows = 0;
    for (auto const& type : info.types) rows += type.rows;
    site.one_record_a_page = rows <= single_pages_max;
    return site;
}

std::string render_page(Site const& site, Page const& page) {
    std::string out = head(site, page);
    auto const as_of = to_rfc3339(site.info.as_of);
    out += fmt::format(
        R"(<body>
<a class="skip" href="#main">Skip to the contents</a>
<header class="site-head">
<p class="site-name" dir="auto"><a href="{root}index.html">{site}</a></p>
<nav class="site-menu" aria-label="Archive"><ul>{menu}</ul></nav>
<form class="site-search" role="search" action="{root}search.html" method="get">
<label class="quiet" for="site-q">Search the archive</label>
<input id="site-q" type="search" name="q" placeholder="Search" autocomplete="off" dir="auto">
</form>
<button class="theme-toggle" type="button" hidden aria-label="Dark colours" )"
        R"(aria-pressed="false"></button>
</header>
<main id="main" tabindex="-1"{css}>
{main}
</main>
<footer class="site-foot">
<p>From <b dir="auto">{source}</b>, {state} <time datetime="{as_of}">{spoken}</time>.{filter}
Kept by {program}. <a href="{root}about.html">About this archive</a></p>
</footer>
</body>
</html>
)",
        fmt::arg("root", page.root), fmt::arg("site", escaped(site.title)),
        fmt::arg("menu", menu(site, page)),
        fmt::arg("css",
                 page.main_class.empty() ? "" : fmt::format(" class=\"{}\"", page.main_class)),
        fmt::arg("main", page.main), fmt::arg("source", escaped(page_text(site.info.source))),
        fmt::arg("state", site.info.snapshot.empty() ? "as it was on" : "from its backup of"),
        fmt::arg("as_of", as_of), fmt::arg("spoken", spoken_time(site.info.as_of)),
        fmt::arg("filter", site.info.filter.empty() ? "" : " A selection."),
        fmt::arg("program", escaped(page_text(site.info.program))));
    return out;
}

std::string group_path(GroupKind kind, std::string_view label) {
    auto slug = label.empty() ? "none--" : slug_of(label);
    if (slug == "index") slug = "index--";  // the list of all has that name
    return fmt::format("{}/{}", naming_of(kind).folder, safe_file_name(slug));
}

std::string group_title(GroupKind kind, std::string_view label) {
    if (kind == GroupKind::month) return label.empty() ? "Undated" : spoken_month(label);
    if (label.empty()) return fmt::format("No {}", naming_of(kind).one);
    return shortened(label, 300);
}

std::string group_link(GroupKind kind, std::string_view label, std::string_view root) {
    return fmt::format(R"(<a href="{}{}.html" dir="auto">{}</a>)", root, group_path(kind, label),
                       escaped(group_title(kind, label)));
}

}  // namespace perdure::format
