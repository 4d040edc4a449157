#pragma once

#include <string>
#include <vector>

#include "format/format.h"

namespace perdure::format {

/// A record's media as they lie in the vault.
struct MarkdownAttachment {
    std::string source;  ///< as the application names it
    std::string link;    ///< from the record's file; empty: it is missing
    std::string name;
    bool picture = false;
};

/// The title that a record shows: its own, or its type and key.
std::string markdown_title(data::Record const& record);
/// "2024-03-01" of its creation, or empty.
std::string markdown_date(data::Record const& record);

/// The file of one record:
///   front matter (YAML): title, type, id, project, category, collection, created, updated,
///     subject, tags, media, embedding, `columns` (every column as it is) and, where the body below
///     is the exact text of a column, `body`: {column, skip, bytes};
///   a heading; the body; its attachments.
struct MarkdownFile {
    std::string text;
    bool body_kept = true;  ///< exactly, in a column or as the text itself
};
MarkdownFile markdown_record(data::Record const& record, data::RecordType const& type,
                             std::vector<MarkdownAttachment> const& attachments);

}  // namespace perdure::format
