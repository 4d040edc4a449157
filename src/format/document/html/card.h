#pragma once

#include <optional>
#include <string>

#include "base/codec.h"
#include "format/document/media_shelf.h"
#include "format/document/record_view.h"

namespace perdure::format {

/// What a list shows of a record, kept in a spool until the lists are written.
struct Card {
    std::string address;  ///< from the site's root, with its fragment
    std::string title, type, excerpt, collection;
    std::optional<Timestamp> created;
    std::string thumbnail;  ///< path from the site's root, or empty
    unsigned width = 0, height = 0;
};

Card card_of(RecordView const& view, std::string address, std::string_view plain_body,
             std::vector<ShownMedia> const& media);
void save_card(Encoder& out, Card const& card);
/// Fails: corrupt.
Result<Card> load_card(ByteView bytes);
/// A `<li>`. `root` leads from the page to the site's root.
std::string render_card(Card const& card, std::string_view root);

}  // namespace perdure::format
