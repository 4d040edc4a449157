#pragma once

#include <string>
#include <vector>

#include "format/document/body/body.h"
#include "format/document/html/site.h"
#include "format/document/media_shelf.h"
#include "format/document/record_view.h"

namespace perdure::format {

struct ArticleParts {
    RecordView const& view;
    SafeBody const& body;
    std::vector<ShownMedia> const& media;
};

/// One record as an `<article>` whose id is `view.anchor`: title, label (date, groups, tags), body,
/// pictures, files, and a table of every other column.
std::string render_article(Site const& site, ArticleParts const& parts, std::string_view root);

}  // namespace perdure::format
