#pragma once

#include <span>
#include <string_view>

namespace perdure::format {

struct SiteAsset {
    std::string_view name, text;
};
/// Style, scripts and icon of a site: the files in html/assets/, built in.
std::span<SiteAsset const> site_assets();

}  // namespace perdure::format
