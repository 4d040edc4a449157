#pragma once

#include <string>
#include <vector>

#include "format/document/body/body.h"
#include "format/document/media_shelf.h"
#include "format/document/record_view.h"

namespace perdure::format {

struct BookRecord {
    RecordView const& view;
    SafeBody const& body;
    std::vector<ShownMedia> const& media;
};

/// A record as blocks that stand alone, each at most about block_bytes_max long; the first holds
/// the heading, whose id is "r-" and `view.anchor`. Media paths are below "../".
std::vector<std::string> book_blocks(BookRecord const& record);

}  // namespace perdure::format
