#include "format/document/html/card.h"

#include <fmt/format.h>

#include "format/document/body/links.h"
#include "format/document/dates.h"

namespace perdure::format {

namespace {

constexpr std::size_t excerpt_bytes = 220;
constexpr std::size_t text_max = 4096;

/// Words and numbers a person reads; not keys, digests and paths.
bool tells_something(FieldText const& field) {
    auto const blank = field.text.find_first_of(" \n");
    bool const token = std::min(blank, field.text.size()) > 24;
    bool const key =
        field.name == "id" || field.name.ends_with("_id") || field.name.ends_with("Id");
    return !field.text.empty() && !field.shortened && !token && !key;
}

}  // namespace

Card card_of(RecordView const& view, std::string address, std::string_view plain_body,
             std::vector<ShownMedia> const& media) {
    Card card{.address = std::move(address),
              .title = shortened(view.title, 200),
              .type = shortened(view.type, 60),
              .excerpt = shortened(plain_body.substr(0, 1000), excerpt_bytes),
              .collection = shortened(view.collection, 120),
              .created = view.created};
    if (card.excerpt.empty()) {
        std::string facts;
        for (auto const& field : view.fields) {
            if (!tells_something(field) || field.text == view.title) continue;
            if (facts.size() > excerpt_bytes) break;
            facts += (facts.empty() ? "" : " · ") + shortened(field.text, 60);
        }
        card.excerpt = shortened(facts, excerpt_bytes);
    }
    for (auto const& each : media) {
        if (each.preview.empty()) continue;
        card.thumbnail = each.preview;
        card.width = each.width;
        card.height = each.height;
        break;
    }
    return card;
}

void save_card(Encoder& out, Card const& card) {
    for (auto const* text : {&card.address, &card.title, &card.type, &card.excerpt,
                             &card.collection, &card.thumbnail}) {
        out.text(*text);
    }
    out.varint(card.width);
    out.varint(card.height);
    out.u8(card.created ? 1 : 0);
    if (card.created) out.svarint(card.created->seconds);
}

Result<Card> load_card(ByteView bytes) {
    Decoder in(bytes);
    Card card;
    for (auto* text : {&card.address, &card.title, &card.type, &card.excerpt, &card.collection,
                       &card.thumbnail}) {
        PD_TRY(*text, in.text(text_max));
    }
    PD_TRY(auto const width, in.varint());
    PD_TRY(auto const height, in.varint());
    card.width = static_cast<unsigned>(width);
    card.height = static_cast<unsigned>(height);
    PD_TRY(auto const dated, in.u8());
    if (dated) {
        PD_TRY(auto const seconds, in.svarint());
        card.created = Timestamp{seconds, 0};
    }
    return card;
}

std::string render_card(Card const& card, std::string_view root) {
    std::string out = R"(<li class="card">)";
    if (!card.thumbnail.empty()) {
        // The title beside it says the same and is the link; the picture needs no words.
        out += fmt::format(
            R"(<img src="{}{}" width="{}" height="{}" alt="" loading="lazy" decoding="async">)",
            root, url_path(card.thumbnail), card.width, card.height);
    }
    out += fmt::format(
        R"(<div class="card-text"><p class="card-title"{}><a href="{}{}">{}</a></p>)",
        language_of(card.title).attributes(), root, escaped(card.address), escaped(card.title));
    if (!card.excerpt.empty()) {
        out += fmt::format(R"(<p class="card-excerpt"{}>{}</p>)",
                           language_of(card.excerpt).attributes(), escaped(card.excerpt));
    }
    out += R"(<p class="card-facts">)";
    if (card.created) {
        out += fmt::format(R"(<time datetime="{}">{}</time>)", to_rfc3339(*card.created),
                           spoken_date(*card.created));
    }
    if (!card.collection.empty()) {
        out += fmt::format(R"( <span dir="auto">{}</span>)", escaped(card.collection));
    } else if (!card.created) {
        out += fmt::format(R"(<span dir="auto">{}</span>)", escaped(card.type));
    }
    return out + "</p></div></li>\n";
}

}  // namespace perdure::format
