#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/record.h"
#include "format/document/language.h"
#include "format/document/page_text.h"

namespace perdure::format {

/// One column as a page shows it.
struct FieldText {
    std::string name, text;
    bool shortened = false;  ///< more than a page can show; the data beside it is whole
    bool number = false;
};

/// A record made ready for pages: every text is page_text().
struct RecordView {
    std::string type, id;
    std::string anchor;  ///< unique among records, safe in file names and ids: "memory_17"
    std::string title;   ///< never empty: its own, or found in its columns, or "memory 17"
    bool own_title = false;
    std::string project, category, collection, person;
    std::vector<std::string> tags;
    std::optional<Timestamp> created, updated;
    std::string embedding;          ///< "384 numbers by all-MiniLM-L6-v2", or empty
    std::vector<FieldText> fields;  ///< all columns but those that are title and body as they are
    TextFlaws flaws;
};

struct ViewOptions {
    std::size_t field_bytes_max = 64 << 10;  ///< of a column's text
};

/// `type` describes the record's type; null: nothing is known of it.
RecordView view_of(data::Record const& record, data::RecordType const* type, ViewOptions options);

/// A short name for a file or id made from any text: lower-case ASCII letters, digits and '-', with
/// a piece of its digest wherever that loses something. Equal only for equal texts.
std::string slug_of(std::string_view text);

/// A value for a person: numbers as they are, bytes by size and start, null as nothing.
std::string value_text(data::ValueView const& value, std::size_t bytes_max, TextFlaws& flaws);

}  // namespace perdure::format
