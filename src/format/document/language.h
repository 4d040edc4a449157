#pragma once

#include <string>
#include <string_view>

namespace perdure::format {

/// What a text's script tells about it.
struct TextLanguage {
    std::string_view tag;  ///< BCP 47, where the script leaves no doubt ("ja", "he"); else empty
    bool right_to_left = false;
    /// ` lang="ja" dir="ltr"`, with a blank in front; `dir="auto"` where nothing speaks for either.
    std::string attributes() const;
};

/// Looks at the first few thousand characters of `text`, which is page_text().
TextLanguage language_of(std::string_view text);

}  // namespace perdure::format
