#include "format/document/html/article.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/document/body/links.h"
#include "format/document/dates.h"

namespace perdure::format {

namespace {

void fact(std::string& out, std::string_view name, std::string_view markup) {
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, markup);
}

std::string time_markup(Timestamp time) {
    return fmt::format(R"(<time datetime="{}">{}</time>)", to_rfc3339(time), spoken_time(time));
}

std::string label(Site const& site, RecordView const& view, std::string_view root) {
    std::string out = "<dl class=\"label\">\n";
    if (view.created) {
        fact(out, "Date",
             fmt::format(R"(<a href="{}{}.html">{}</a>)", root,
                         group_path(GroupKind::month, month_of(*view.created)),
                         time_markup(*view.created)));
    }
    if (view.updated && view.updated != view.created) {
        fact(out, "Changed", time_markup(*view.updated));
    }
    for (auto const& [kind, text] : {std::pair{GroupKind::collection, &view.collection},
                                     {GroupKind::project, &view.project},
                                     {GroupKind::category, &view.category}}) {
        if (text->empty()) continue;
        std::string name(naming_of(kind).one);
        name[0] = static_cast<char>(name[0] - 32);
        fact(out, name,
             site.shows(kind) ? group_link(kind, *text, root)
                              : fmt::format(R"(<span dir="auto">{}</span>)", escaped(*text)));
    }
    if (!view.person.empty()) {
        fact(out, "Person", fmt::format(R"(<span dir="auto">{}</span>)", escaped(view.person)));
    }
    if (!view.tags.empty()) {
        std::string tags = "<ul class=\"tags\">";
        for (auto const& tag : view.tags) {
            tags += fmt::format("<li>{}</li>", group_link(GroupKind::tag, tag, root));
        }
        fact(out, "Tags", tags + "</ul>");
    }
    if (!view.embedding.empty()) fact(out, "Embedding", escaped(view.embedding));
    fact(out, "Record",
         fmt::format(R"(<a class="permalink" href="#r-{}" title="A link to this record"><span )"
                     R"(dir="auto">{} {}</span></a>)",
                     view.anchor, escaped(view.type), escaped(shortened(view.id, 80))));
    return out + "</dl>\n";
}

std::string caption(ShownMedia const& media, std::string_view root) {
    std::string out;
    auto const words = media.description.empty() ? media.name : media.description;
    out += fmt::format(R"(<span dir="auto">{}</span>)", escaped(words));
    if (media.taken) {
        out += fmt::format(R"( <time datetime="{}">{}</time>)", to_rfc3339(*media.taken),
                           spoken_date(*media.taken));
    }
    if (!media.original.empty() && !media.shown_directly) {
        out += fmt::format(R"( <a href="{}{}">original, {}</a>)", root, url_path(media.original),
                           spoken_size(media.size_bytes));
    }
    return out;
}

void picture(std::string& out, ShownMedia const& media, std::string_view root) {
    auto const small = fmt::format("{}{}", root, url_path(media.preview));
    auto const large = media.shown_directly && !media.original.empty()
                           ? fmt::format("{}{}", root, url_path(media.original))
                           : small;
    auto const words = media.description.empty() ? media.name : media.description;
    out += fmt::format(
        R"(<figure><a class="photo" href="{}"><img src="{}" width="{}" height="{}" )"
        R"(alt="{}" loading="lazy" decoding="async"></a><figcaption>{}</figcaption></figure>
)",
        large, small, media.width, media.height, escaped(words), caption(media, root));
}

void file_line(std::string& out, ShownMedia const& media, std::string_view root) {
    auto const name = escaped(media.name);
    if (media.original.empty()) {
        out += fmt::format(R"(<li><span dir="auto">{}</span> <small>not here: {}</small></li>)",
                           name, escaped(media.problem));
        return;
    }
    auto const address = fmt::format("{}{}", root, url_path(media.original));
    bool const sound = media.media_type.starts_with("audio/");
    bool const film = media.media_type.starts_with("video/");
    out += "<li>";
    if (sound || film) {
        out += fmt::format(R"(<{0} controls preload="none" src="{1}" aria-label="{2}"></{0}>)",
                           sound ? "audio" : "video", address, name);
    }
    out += fmt::format(R"(<a href="{}" dir="auto">{}</a> <small>{}{}</small></li>)", address, name,
                       spoken_size(media.size_bytes),
                       media.disarmed ? ", saved under a name that no browser runs" : "");
}

std::string media_section(std::vector<ShownMedia> const& media, std::string_view root) {
    std::string pictures, files;
    for (auto const& each : media) {
        if (!each.preview.empty()) {
            picture(pictures, each, root);
        } else if (each.shown_directly && !each.original.empty()) {
            auto whole = each;
            whole.preview = each.original;
            auto const address = fmt::format("{}{}", root, url_path(each.original));
            pictures += fmt::format(
                R"(<figure><a class="photo" href="{0}"><img src="{0}" alt="{1}" )"
                R"(loading="lazy" decoding="async"></a><figcaption>{2}</figcaption></figure>
)",
                address, escaped(each.description.empty() ? each.name : each.description),
                caption(each, root));
        } else {
            file_line(files, each, root);
        }
    }
    std::string out;
    if (!pictures.empty()) {
        auto const count = std::ranges::count_if(media, [](ShownMedia const& each) {
            return !each.preview.empty() || each.shown_directly;
        });
        out += fmt::format("<div class=\"photos{}\">\n{}</div>\n", count == 1 ? " single" : "",
                           pictures);
    }
    if (!files.empty()) out += fmt::format("<ul class=\"files\">{}</ul>\n", files);
    return out;
}

std::string field_table(RecordView const& view, bool open) {
    if (view.fields.empty()) return {};
    std::string rows;
    for (auto const& field : view.fields) {
        std::string value;
        if (field.text.empty()) {
            value = "<span class=\"none\">none</span>";
        } else {
            escape_text(value, field.text);
        }
        if (field.shortened) value += " <small>whole in the data beside this page</small>";
        rows += fmt::format(R"(<tr><th scope="row" dir="auto">{}</th><td{} dir="auto">{}</td></tr>
)",
                            escaped(field.name), field.number ? " class=\"number\"" : "", value);
    }
    return fmt::format(
        "<details class=\"fields\"{}><summary>Every field of this record</summary>\n"
        "<table>\n{}</table>\n</details>\n",
        open ? " open" : "", rows);
}

}  // namespace

std::string render_article(Site const& site, ArticleParts const& parts, std::string_view root) {
    auto const& view = parts.view;
    auto const heading = site.one_record_a_page ? "h1" : "h2";
    auto const title = language_of(view.title);
    std::string out = fmt::format("<article class=\"record\" id=\"r-{}\">\n<header>", view.anchor);
    if (view.created) {
        out += fmt::format("<p class=\"dateline\">{}</p>", spoken_date(*view.created));
    } else {
        out += fmt::format("<p class=\"dateline\" dir=\"auto\">{}</p>", escaped(view.type));
    }
    out += fmt::format("<{0}{1}>{2}</{0}></header>\n", heading, title.attributes(),
                       escaped(view.title));
    bool const bare = parts.body.markup.empty() && parts.media.empty();
    out += "<div class=\"record-main\">\n";
    if (!parts.body.markup.empty()) {
        out += fmt::format("<div class=\"body\"{}>\n", language_of(parts.body.plain).attributes());
        out += parts.body.markup;
        out += "</div>\n";
    }
    out += media_section(parts.media, root);
    out += field_table(view, bare);
    out += "</div>\n";
    out += label(site, view, root);
    return out + "</article>\n";
}

}  // namespace perdure::format
