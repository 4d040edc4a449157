#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "origin/git/pinned.h"

namespace perdure::origin {

/// Items that were met, packed until they are asked for in that order: a loose ref takes some 150
/// bytes then, and a kilobyte as an item.
class Captured {
public:
    /// `pinned` empty: the item's own content, if it has one.
    void add(data::TreeItem item, std::optional<Pinned> pinned);
    /// The next one, which is then forgotten here; empty: that was all.
    Result<std::optional<data::TreeItem>> take();
    bool empty() const { return count_ == 0; }

private:
    std::deque<Bytes> chunks_;
    std::size_t at_ = 0;  ///< in the first chunk
    std::size_t count_ = 0;
    std::deque<std::shared_ptr<data::Content>> contents_;  ///< of those that are not in memory
};

}  // namespace perdure::origin
