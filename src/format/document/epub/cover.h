#pragma once

#include <string>

#include "format/format.h"

namespace perdure::format {

struct CoverText {
    std::string title;     ///< page_text()
    std::string subtitle;  ///< "2018–2026"
    std::string foot;      ///< "2,000 records from app"
};

/// The cover as a picture, 1600 × 2400, drawn from the title: the same title, the same cover.
std::string render_cover(CoverText const& text);

}  // namespace perdure::format
