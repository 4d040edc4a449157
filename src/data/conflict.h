#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace perdure::data {

/// What happens where a record is there already and differs. docs/DISASTER_RECOVERY.md, "What
/// happens where both are there and differ".
enum class Strategy {
    keep_newer,   ///< the newer `updated` (else `created`) wins; in doubt the existing stays
    keep_older,   ///< the existing stays
    keep_oldest,  ///< the older timestamp wins; in doubt the existing stays
    keep_both,    ///< the incoming becomes a record of its own
    skip,         ///< the existing stays, and it is logged
    overwrite,    ///< the incoming wins; only ever by explicit wish
};

/// Exactly one for each record. Only insert, replace and duplicate may write.
enum class Decision { insert, replace, keep, duplicate, skip };

constexpr bool may_write(Decision decision) {
    return decision == Decision::insert || decision == Decision::replace ||
           decision == Decision::duplicate;
}

std::string_view strategy_name(Strategy strategy);  ///< "keep-newer"
std::string_view decision_name(Decision decision);  ///< "replace"
/// Fails: invalid (PD-0002), with the nearest known word.
Result<Strategy> parse_strategy(std::string const& name);
std::optional<Decision> parse_decision(std::string_view name);
std::vector<std::string> strategy_names();

/// When a record was written, as far as it tells.
struct Moments {
    std::optional<Timestamp> updated, created;
};
struct Verdict {
    Decision decision = Decision::keep;
    std::string reason;  ///< for people: "the snapshot's is newer (2026-11-02 against 2026-10-30)"
};

/// The verdict on one record that exists and differs; `incoming` names the other side in reasons
/// ("the snapshot's"). A timestamp more than 24 h after `now` counts as missing.
Verdict resolve(Strategy strategy, Moments const& existing, Moments const& incoming, Timestamp now,
                std::string_view incoming_name);

}  // namespace perdure::data
