#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace perdure::policy {

/// How many non-empty periods keep their newest snapshot; the rules are ORed. `[retention.NAME]`.
struct RetentionRules {
    unsigned last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;
    std::optional<std::chrono::seconds> within;  ///< everything newer than now - within
    bool empty() const { return last + hourly + daily + weekly + monthly + yearly == 0 && !within; }
};

/// A snapshot, as retention sees it.
struct Candidate {
    std::string id;
    std::string group;   ///< signed writer and sources: each group is judged by itself
    Timestamp claimed;   ///< what the writer says
    Timestamp received;  ///< what the store's clock says; the one that counts
    bool good = true;    ///< its structure can be read
    bool pinned = false, held = false;
    std::uint64_t sequence = 0;  ///< the writer's own number; clocks may have been wrong
    bool safety = false;         ///< what a restore set aside: the state somebody wanted to leave
};

struct Verdict {
    std::string id;
    bool keep = false;
    std::vector<std::string>
        reasons;  ///< "daily 2026-11-21", "pinned", "last good"; empty: expires
};

/// One verdict a candidate, newest first within each group.
/// Invariants: pinned, held and each group's last good snapshot stay whatever the rules say. Which
/// one is newer the receipts tell, and the writer's own numbers: where they disagree, a clock was
/// wrong, and what the rules keep by either stays. A receipt that is still to come counts as at
/// some time between what its writer made before and after it: it pushes nothing out of an hour, a
/// day and so on, and stays while it may have been the last of one that is kept. What a restore set
/// aside pushes nothing out: the others are judged without it as well.
/// Fails: invalid (empty rules: they would expire everything); conflict (more than half of at least
/// four receipts lie within 24 h while the claims span over 7 days: the snapshots were copied or
/// the clock is wrong, so their ages mean nothing).
Result<std::vector<Verdict>> judge(RetentionRules const& rules, std::vector<Candidate> candidates,
                                   Timestamp now);

}  // namespace perdure::policy
