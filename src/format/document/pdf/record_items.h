#pragma once

#include "format/document/pdf/blocks.h"
#include "format/document/pdf/flow.h"
#include "format/document/record_view.h"
#include "format/format.h"
#include "format/tally.h"

namespace perdure::format::pdf {

/// What a record needs to become items.
struct RecordSetting {
    Typesetter& typesetter;
    Look const& look;
    Objects& objects;
    Tally& tally;
    bool show_collection = false;  ///< where chapters do not tell it
};

/// A record as it stands in the book: title, date and place, text, pictures with captions, tags,
/// and the columns that none of these shows. What cannot be shown is an omission.
Result<std::vector<Item>> items_of(RecordSetting const& setting, data::Record const& record,
                                   RecordView const& view, data::RecordType const* type,
                                   MediaLibrary& media, std::stop_token stop);

/// The pieces, each for itself.
void append_body(RecordSetting const& setting, std::vector<Item>& items, std::string_view body,
                 std::string_view format);
Result<void> append_media(RecordSetting const& setting, std::vector<Item>& items,
                          data::Record const& record, MediaLibrary& media, std::stop_token stop);

}  // namespace perdure::format::pdf
