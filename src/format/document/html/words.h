#pragma once

#include <functional>
#include <string_view>

namespace perdure::format {

/// The words by which a text is found, as assets/search.js makes them of what a person types:
/// compatibility forms resolved, marks taken off, in lower case; runs of letters and digits, at
/// most 24 characters of each. Scripts without blanks between words (Chinese, Japanese, Thai …)
/// and pictures give pairs of neighbours, and the last sign of a run alone.
void for_each_word(std::string_view text, std::function<void(std::string_view word)> const& take);

}  // namespace perdure::format
