#include "format/document/epub/book_article.h"

#include <fmt/format.h>

#include "format/document/body/links.h"
#include "format/document/dates.h"
#include "format/document/epub/book_text.h"

namespace perdure::format {

namespace {

constexpr std::size_t row_bytes_max = 12 << 10;  // of a field in the table; longer ones stand below

std::string heading(RecordView const& view) {
    std::string out =
        fmt::format("<header>\n<h2 id=\"r-{}\"{}>{}</h2>\n<p class=\"dateline\">", view.anchor,
                    language_of(view.title).attributes(), escaped(view.title));
    std::string parts;
    if (view.created) {
        parts = fmt::format(R"(<time class="when" datetime="{}">{}</time>)",
                            to_rfc3339(*view.created), spoken_time(*view.created));
    }
    for (auto const* text : {&view.category, &view.project, &view.person}) {
        if (text->empty()) continue;
        parts += fmt::format(R"({}<span dir="auto">{}</span>)", parts.empty() ? "" : " · ",
                             escaped(*text));
    }
    if (parts.empty()) parts = fmt::format(R"(<span dir="auto">{}</span>)", escaped(view.type));
    return out + parts + "</p>\n</header>\n";
}

void add_body(std::vector<std::string>& blocks, SafeBody const& body, std::string_view attributes) {
    std::size_t from = 0;
    auto cuts = body.cuts;
    cuts.push_back(body.markup.size());
    for (auto const cut : cuts) {
        if (cut == from) continue;
        blocks.push_back(fmt::format("<div class=\"body\"{}>\n", attributes));
        blocks.back().append(body.markup, from, cut - from);
        blocks.back() += "</div>\n";
        from = cut;
    }
}

std::string figure(ShownMedia const& media) {
    bool const preview = !media.preview.empty();
    auto const path = preview ? media.preview : media.original;
    std::string size;
    if (preview) size = fmt::format(R"( width="{}" height="{}")", media.width, media.height);
    auto const words = media.description.empty() ? media.name : media.description;
    auto const taken = media.taken ? fmt::format(", {}", spoken_date(*media.taken)) : "";
    return fmt::format(R"(<figure><img src="../{}" alt="{}"{}/>)"
                       R"(<figcaption><span dir="auto">{}</span>{}</figcaption></figure>
)",
                       url_path(path), escaped(words), size, escaped(words), taken);
}

void add_media(std::vector<std::string>& blocks, std::vector<ShownMedia> const& media) {
    std::string figures, files;
    for (auto const& each : media) {
        if (!each.preview.empty() || !each.original.empty()) {
            figures += figure(each);
        } else {
            auto const state = each.problem.empty() ? spoken_size(each.size_bytes) : "not here";
            files += fmt::format("<li><span dir=\"auto\">{}</span>, {}</li>\n", escaped(each.name),
                                 state);
        }
        if (figures.size() > block_bytes_max) blocks.push_back(std::exchange(figures, ""));
        if (files.size() > block_bytes_max) {
            blocks.push_back("<ul class=\"files\">\n" + std::exchange(files, "") + "</ul>\n");
        }
    }
    if (!figures.empty()) blocks.push_back(std::move(figures));
    if (!files.empty()) blocks.push_back("<ul class=\"files\">\n" + files + "</ul>\n");
}

void add_label(std::vector<std::string>& blocks, RecordView const& view) {
    std::string tags;
    for (auto const& tag : view.tags) {
        tags +=
            fmt::format("{}<span dir=\"auto\">{}</span>", tags.empty() ? "" : ", ", escaped(tag));
        if (tags.size() > block_bytes_max) {
            blocks.push_back("<p class=\"tags\">Tags: " + std::exchange(tags, "") + "</p>\n");
        }
    }
    if (!tags.empty()) blocks.push_back("<p class=\"tags\">Tags: " + tags + "</p>\n");
}

/// Small print, a line a record: what a reader may pass over and a searcher wants.
class Fields {
public:
    /// A record without text or pictures is its columns: they stand in a table.
    Fields(std::vector<std::string>& blocks, bool as_table) : blocks_(blocks), table_(as_table) {}

    void add(std::string_view name, std::string_view text) {
        auto const* format =
            table_ ? "<tr><th scope=\"row\" dir=\"auto\">{}</th><td dir=\"auto\">{}</td></tr>\n"
                   : "<span class=\"field\"><i dir=\"auto\">{}</i>\u00a0<bdi>{}</bdi></span>\n";
        text_ += fmt::format(fmt::runtime(format), escaped(shortened(name, 400)), escaped(text));
        if (text_.size() > block_bytes_max) put();
    }
    void put() {
        if (text_.empty()) return;
        blocks_.push_back(table_ ? "<div class=\"fields\"><table>\n" + text_ + "</table></div>\n"
                                 : "<p class=\"fields\">" + text_ + "</p>\n");
        text_.clear();
    }

private:
    std::vector<std::string>& blocks_;
    std::string text_;
    bool table_;
};

/// The other columns. What has no value is not told: a book is no form.
void add_fields(std::vector<std::string>& blocks, RecordView const& view, bool bare) {
    Fields fields(blocks, bare);
    std::vector<FieldText const*> long_ones;
    fields.add("record", fmt::format("{} {}", view.type, shortened(view.id, 300)));
    if (view.updated && view.updated != view.created) {
        fields.add("changed", spoken_time(*view.updated));
    }
    if (!view.embedding.empty()) fields.add("embedding", view.embedding);
    for (auto const& field : view.fields) {
        if (field.text.size() > row_bytes_max) {
            long_ones.push_back(&field);
        } else if (!field.text.empty()) {
            fields.add(field.name, field.text);
        }
    }
    fields.put();
    for (auto const* field : long_ones) {
        blocks.push_back(fmt::format("<p class=\"term\" dir=\"auto\">{}</p>\n",
                                     escaped(shortened(field->name, 400))));
        auto const text = safe_body(
            field->text, "text",
            {.markup = Markup::xhtml, .piece_bytes = block_bytes_max, .plain_bytes_max = 4000});
        add_body(blocks, text, language_of(text.plain).attributes());
    }
}

}  // namespace

std::vector<std::string> book_blocks(BookRecord const& record) {
    std::vector<std::string> blocks{heading(record.view)};
    add_body(blocks, record.body, language_of(record.body.plain).attributes());
    add_media(blocks, record.media);
    add_label(blocks, record.view);
    add_fields(blocks, record.view, record.body.markup.empty() && record.media.empty());
    return blocks;
}

}  // namespace perdure::format
