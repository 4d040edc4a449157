#include "format/document/html/assets.h"

#include <embedded.h>

namespace perdure::format {

std::span<SiteAsset const> site_assets() {
    static constexpr SiteAsset assets[] = {
        {"site.css", embedded::site_css}, {"theme.js", embedded::theme_js},
        {"site.js", embedded::site_js},   {"search.js", embedded::search_js},
        {"icon.svg", embedded::icon_svg},
    };
    return assets;
}

}  // namespace perdure::format
