#pragma once

#include <cstddef>
#include <string_view>

namespace perdure::repository {

/// A recovery phrase as a person typed it, group by group.
struct TypedPhrase {
    std::size_t right = 0;  ///< groups that bear their check character; 0 where there are not eight
    std::size_t first_wrong = 0;  ///< from 1; 0: none
    /// By chance a text of eight words has this many right once in ten thousand times at most.
    bool is_meant() const { return right >= 4; }
};
TypedPhrase look_at_phrase(std::string_view text);

}  // namespace perdure::repository
