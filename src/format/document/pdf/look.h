#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "format/document/pdf/text/typeset.h"

namespace perdure::format::pdf {

/// A sheet and the space that stays free around the text. Points; 72 to the inch.
struct Paper {
    double width = 595.28, height = 841.89;
    double left = 92, right = 92, top = 92, bottom = 96;
    double text_width() const { return width - left - right; }
    double text_bottom() const { return height - bottom; }
};

/// How a book looks.
struct Look {
    Paper paper;
    Family text = Family::serif, heads = Family::serif;
    double size = 10.6;
    Colour ink{0.11, 0.11, 0.12}, soft{0.42, 0.42, 0.44}, faint{0.80, 0.79, 0.77};
    Colour accent{0.55, 0.22, 0.16}, panel{0.965, 0.96, 0.95};

    Setting body() const;
    Setting small() const;  ///< dates, tags, captions
    Setting heading(double size) const;
};

/// From the options `paper` (a4, a5, letter) and `theme` (classic, modern).
/// Fails: invalid, naming what there is.
Result<Look> look_of(std::map<std::string, std::string> const& options);

}  // namespace perdure::format::pdf
