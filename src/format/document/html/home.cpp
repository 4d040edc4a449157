#include "format/document/html/home.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/ascii.h"
#include "format/document/dates.h"

namespace perdure::format {

namespace {

constexpr std::size_t omissions_shown = 200;

/// Records a year (a month, where there are few years) as a small bar chart, each bar a link.
struct Bars {
    std::vector<GroupCount> bars;
    bool of_months = false;
};

Bars bars_of(std::vector<GroupCount> const& months) {
    if (months.size() <= 72) return {months, true};
    Bars out;
    for (auto const& month : months) {
        auto const year = month.label.substr(0, 4);
        if (out.bars.empty() || out.bars.back().label != year) out.bars.push_back({year, 0});
        out.bars.back().records += month.records;
    }
    if (out.bars.size() > 60) out.bars.erase(out.bars.begin(), out.bars.end() - 60);
    return out;
}

std::string chart(std::vector<GroupCount> const& months) {
    auto const data = bars_of(months);
    if (data.bars.size() < 3) return {};
    std::uint64_t most = 1;
    for (auto const& bar : data.bars) most = std::max(most, bar.records);
    std::string out = fmt::format("<ol class=\"chart{}\">\n", data.bars.size() < 16 ? " few" : "");
    for (auto const& bar : data.bars) {
        auto const name = data.of_months ? spoken_month(bar.label) : bar.label;
        auto const address = data.of_months ? group_path(GroupKind::month, bar.label) + ".html"
                                            : fmt::format("timeline/index.html#y{}", bar.label);
        auto const height = std::max(
            2.0, std::round(100.0 * static_cast<double>(bar.records) / static_cast<double>(most)));
        out += fmt::format(
            R"(<li><a href="{0}" title="{1}: {2}"><svg viewBox="0 0 10 100" )"
            R"(preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect x="1" )"
            R"(width="8" y="{3}" height="{4}"></rect></svg><span class="quiet">{1}, {2}</span>)"
            R"(</a></li>
)",
            address, name, counted(bar.records, "record", "records"), 100 - height, height);
    }
    out += "</ol>\n";
    auto const& first = data.bars.front().label;
    auto const& last = data.bars.back().label;
    return out + fmt::format("<p class=\"chart-ends\"><span>{}</span><span>{}</span></p>\n",
                             data.of_months ? spoken_month(first) : first,
                             data.of_months ? spoken_month(last) : last);
}

void number(std::string& out, std::uint64_t count, std::string_view words,
            std::string_view address) {
    out += fmt::format("<li><a href=\"{}\"><b>{}</b> {}</a></li>\n", address, with_commas(count),
                       words);
}

std::string numbers(Site const& site, HomeParts const& parts) {
    std::string out = "<ul class=\"numbers\">\n";
    number(out, parts.summary.records, parts.summary.records == 1 ? "record" : "records",
           "timeline/index.html");
    for (auto const& naming : group_namings()) {
        if (naming.kind == GroupKind::month || !site.shows(naming.kind)) continue;
        auto const count = parts.groups.overview(naming.kind).groups;
        std::string many(naming.many);
        many[0] = ascii_lower(many[0]);
        if (count > 0) {
            number(out, count, count == 1 ? naming.one : std::string_view(many),
                   fmt::format("{}/index.html", naming.folder));
        }
    }
    if (auto const photos = parts.gallery.photos(); photos > 0) {
        number(out, photos, photos == 1 ? "picture" : "pictures", "photos/index.html");
    }
    return out + "</ul>\n";
}

std::string span_of_time(std::vector<GroupCount> const& months) {
    if (months.empty()) return {};
    auto const first = months.front().label.substr(0, 4), last = months.back().label.substr(0, 4);
    return first == last ? first : fmt::format("{}–{}", first, last);
}

std::string largest(Site const& site, GroupIndex& groups, GroupNaming const& naming) {
    auto const& overview = groups.overview(naming.kind);
    if (naming.kind == GroupKind::month || !site.shows(naming.kind) || overview.groups == 0) {
        return {};
    }
    std::string items;
    for (auto const& group : overview.largest) {
        items += fmt::format("<li>{} <span class=\"count\">{}</span></li>\n",
                             group_link(naming.kind, group.label, ""), with_commas(group.records));
    }
    auto const more = overview.groups > overview.largest.size()
                          ? fmt::format(
                                "<p class=\"more\"><a href=\"{0}/index.html\">All {1} "
                                "{0}</a></p>\n",
                                naming.folder, with_commas(overview.groups))
                          : "";
    return fmt::format(
        "<section class=\"home-groups\"><h2>{}</h2>\n<ul class=\"group-list {}\">\n{}</ul>\n{}"
        "</section>\n",
        naming.many, naming.folder, items, more);
}

void fact(std::string& out, std::string_view name, std::string_view value) {
    out += fmt::format("<div><dt>{}</dt><dd dir=\"auto\">{}</dd></div>\n", name, escaped(value));
}

std::string type_table(Site const& site, FormatSummary const& summary) {
    std::string out =
        "<h2>What is in it</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Record types\"><table>\n<thead><tr><th scope=\"col\">Type</th>"
        "<th scope=\"col\">Table</th><th scope=\"col\">Records</th><th scope=\"col\">Columns</th>"
        "</tr></thead>\n<tbody>\n";
    for (auto const& type : site.info.types) {
        std::string columns;
        for (auto const& column : type.columns) {
            columns += (columns.empty() ? "" : ", ") + page_text(column);
        }
        auto const found = summary.per_type.find(type.type);
        out += fmt::format(
            "<tr><th scope=\"row\" dir=\"auto\">{}</th><td dir=\"auto\">{}</td>"
            "<td class=\"number\">{}</td><td dir=\"auto\">{}</td></tr>\n",
            escaped(page_text(type.type)), escaped(page_text(type.table)),
            with_commas(found == summary.per_type.end() ? 0 : found->second), escaped(columns));
    }
    return out + "</tbody>\n</table></div>\n";
}

std::string omission_list(FormatSummary const& summary) {
    if (summary.omissions_total == 0) {
        return "<p>Everything in the records could be shown.</p>\n";
    }
    std::string out = fmt::format(
        "<p>{} could not be shown as it is; the data below has it exactly.</p>\n"
        "<ul class=\"omissions\">\n",
        counted(summary.omissions_total, "detail", "details"));
    for (auto const& omission : summary.omissions) {
        if (&omission - summary.omissions.data() == omissions_shown) break;
        out += fmt::format("<li dir=\"auto\"><b>{}</b> {}</li>\n",
                           escaped(page_text(omission.record)), escaped(page_text(omission.what)));
    }
    return out + "</ul>\n";
}

}  // namespace

std::string render_home(Site const& site, HomeParts const& parts) {
    Page page{.title = site.title, .section = "home", .main_class = "home"};
    page.description = fmt::format("{} of {}", counted(parts.summary.records, "record", "records"),
                                   page_text(site.info.source));
    auto const span = span_of_time(parts.groups.months());
    page.main = fmt::format("<div class=\"hero\"><p class=\"dateline\">{}</p>\n<h1{}>{}</h1>\n",
                            span.empty() ? "An archive" : span,
                            language_of(site.title).attributes(), escaped(site.title));
    page.main += numbers(site, parts) + chart(parts.groups.months()) + "</div>\n";
    if (parts.summary.records == 0) {
        page.main += "<p class=\"lede\">Nothing matched: this archive holds no records.</p>\n";
    }
    if (!parts.recent.empty()) {
        page.main += "<section><h2>Most recent</h2>\n<ul class=\"cards grid\">\n";
        for (auto const& card : parts.recent) page.main += render_card(card, "");
        page.main +=
            "</ul>\n<p class=\"more\"><a href=\"timeline/index.html\">The whole "
            "timeline</a></p></section>\n";
    }
    if (!parts.gallery.latest().empty()) {
        page.main += "<section><h2>Photos</h2>\n<ul class=\"gallery strip\">\n";
        for (auto const& photo : parts.gallery.latest()) page.main += render_photo(photo, "");
        page.main += fmt::format(
            "</ul>\n<p class=\"more\"><a href=\"photos/index.html\">All {}</a></p></section>\n",
            counted(parts.gallery.photos(), "picture", "pictures"));
    }
    for (auto const& naming : group_namings()) {
        page.main += largest(site, parts.groups, naming);
    }
    return render_page(site, page);
}

std::string render_about(Site const& site, FormatSummary const& summary) {
    Page page{.title = "About this archive", .section = "about", .main_class = "prose"};
    auto& out = page.main;
    out =
        "<h1>About this archive</h1>\n<p class=\"lede\">These pages were made from the data of "
        "an application. They need no server and no connection: everything is in this "
        "folder.</p>\n<dl class=\"facts\">\n";
    fact(out, "Source", page_text(site.info.source));
    fact(
        out, "Read from",
        site.info.snapshot.empty() ? "the live data" : "snapshot " + page_text(site.info.snapshot));
    fact(out, "As of", spoken_time(site.info.as_of));
    std::string filter;
    for (auto const& condition : site.info.filter) {
        filter += (filter.empty() ? "" : "; ") + page_text(condition);
    }
    fact(out, "Chosen by", filter.empty() ? "everything" : filter);
    fact(out, "Records", with_commas(summary.records));
    fact(out, "Media files", with_commas(summary.media));
    fact(out, "Made by", page_text(site.info.program));
    out += "</dl>\n" + type_table(site, summary) + "<h2>What could not be shown</h2>\n" +
           omission_list(summary) +
           "<h2>For machines</h2>\n<p>The same records, every value exact: "
           "<a href=\"data/records.ndjson\">data/records.ndjson</a>, one JSON object a line; "
           "<a href=\"data/export.json\">data/export.json</a> tells what the columns are.</p>\n";
    return render_page(site, page);
}

std::string render_search(Site const& site) {
    Page page{.title = "Search", .section = "search", .searches = true};
    page.main =
        R"(<h1>Search</h1>
<form class="big-search" role="search" aria-label="Archive" action="search.html" method="get">
<label class="quiet" for="q">Words to look for</label>
<input id="q" type="search" name="q" autocomplete="off" dir="auto">
<button type="submit">Search</button>
</form>
<p id="search-state" class="lede" role="status">Type the beginning of one or several words.</p>
<noscript><p>Searching needs JavaScript; the timeline and the lists work without it.</p></noscript>
<ol id="results" class="cards"></ol>
)";
    return render_page(site, page);
}

}  // namespace perdure::format
