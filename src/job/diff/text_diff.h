#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace perdure::job {

/// Whether bytes look like text that a person reads: UTF-8 without NUL.
bool looks_like_text(std::string_view bytes);

/// A run of lines of a difference: ' ' context, '-' gone, '+' new; lines without their line end.
struct TextHunk {
    std::size_t before_line = 1, before_count = 0;  ///< as in a unified diff
    std::size_t after_line = 1, after_count = 0;
    std::vector<std::pair<char, std::string>> lines;
};

/// The shortest edit between two texts (Myers 1986) with `context` lines around each change. Texts
/// that differ in more than 2,000 lines are told as one block out and one block in.
std::vector<TextHunk> diff_text(std::string_view before, std::string_view after,
                                std::size_t context = 3);

}  // namespace perdure::job
