// The kernel stamps files with the time of its last tick (1–10 ms), some file systems with whole or
// even seconds. A write after our reading and before the next tick leaves the stamps as they were.
// Only files stamped after (start - granularity) can be concerned, and the kernel keeps ctime
// honest, so mtime, which anybody can set, counts only where there is no ctime.
#include "repository/tree/racy.h"

namespace perdure::repository {

bool is_racy(data::Entry const& before, Timestamp parent_started) {
    using namespace std::chrono_literals;
    bool const has_changed = before.changed != Timestamp{};
    Timestamp const stamp = has_changed ? before.changed : before.modified;
    auto const granularity =
        stamp.nanoseconds != 0 ? std::chrono::nanoseconds(50ms) : std::chrono::nanoseconds(2s);
    return parent_started - stamp <= granularity;
}

}  // namespace perdure::repository
