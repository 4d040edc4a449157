#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace perdure {

/// The word that was probably meant, by edit distance (a third of the letters at most); empty when
/// none is near.
std::string nearest_word(std::string_view word, std::vector<std::string> const& words);

}  // namespace perdure
