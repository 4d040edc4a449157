#pragma once

#include "format/document/html/gallery.h"
#include "format/document/html/groups.h"

namespace perdure::format {

struct HomeParts {
    FormatSummary const& summary;
    GroupIndex& groups;
    Gallery const& gallery;
    std::vector<Card> const& recent;
};

/// The first page: counts, a chart of the months, what is new, pictures, groups.
std::string render_home(Site const& site, HomeParts const& parts);
/// Where everything came from, what could not be shown, and the data for machines.
std::string render_about(Site const& site, FormatSummary const& summary);
std::string render_search(Site const& site);

}  // namespace perdure::format
