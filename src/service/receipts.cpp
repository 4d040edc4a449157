#include "service/receipts.h"

#include <algorithm>
#include <map>

namespace perdure::service {

namespace {

using repository::Snapshot;

/// A store stamps an object once, but copies may round.
constexpr std::chrono::minutes stamped_anew_min{5};

/// The earliest receipt that any child recorded, by parent.
std::map<repository::SessionId, Timestamp> recorded_receipts(std::vector<Snapshot> const& all) {
    std::map<repository::SessionId, Timestamp> recorded;
    for (Snapshot const& child : all) {
        if (!child.parent || !child.parent_receipt) continue;
        auto const [at, is_new] = recorded.try_emplace(*child.parent, *child.parent_receipt);
        if (!is_new) at->second = std::min(at->second, *child.parent_receipt);
    }
    return recorded;
}

}  // namespace

std::vector<Timestamp> first_receipts(std::vector<Snapshot> const& all) {
    auto const recorded = recorded_receipts(all);
    bool stamped_anew = false;
    for (Snapshot const& one : all) {
        auto const found = recorded.find(one.session);
        stamped_anew = stamped_anew ||
                       (found != recorded.end() && one.received - found->second > stamped_anew_min);
    }
    std::vector<Timestamp> receipts;
    for (Snapshot const& one : all) {
        auto const found = recorded.find(one.session);
        Timestamp first = one.received;
        if (found != recorded.end()) {
            first = std::max(found->second, one.finished);
        } else if (stamped_anew) {
            // Its parent was there before it, whatever its writer's clock says.
            first = std::max(one.finished, one.parent_receipt.value_or(one.finished));
        }
        receipts.push_back(std::min(first, one.received));
    }
    return receipts;
}

}  // namespace perdure::service
