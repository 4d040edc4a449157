#pragma once

#include <optional>
#include <set>
#include <vector>

#include "repository/lease.h"
#include "repository/pack/pack.h"

namespace perdure::repository {

struct ListedPack {
    PackName name;
    std::uint64_t size_bytes = 0;
    Timestamp modified;
};

/// A session that may still commit.
struct LivingSession {
    SessionId session;
    std::uint64_t collection = 0;  ///< the newest it avoids
};

/// Who has written packs, and which of them are still at it.
struct Survey {
    std::vector<ListedPack> packs;
    std::vector<LivingSession> living;
    std::set<SessionId> ended;  ///< committed, deleted or fenced: they add nothing any more
    /// Ended ones whose packs are to stay: whoever runs a backup next goes on from them.
    std::set<SessionId> resumable;
    std::set<SessionId> committed_unlisted;  ///< found by name although no listing showed them
    std::vector<SessionId> spent_leases;     ///< leases of ended sessions
    std::uint64_t fenced = 0;
};

struct SurveyOptions {
    Timestamp now;                 ///< by the store's clock
    bool fence_silent = true;      ///< false (dry run): they only count as ended
    std::optional<SessionId> own;  ///< not counted as living
    /// Sessions of this machine whose process is gone: they are fenced at once, and keep their
    /// lease, which goes on telling for a day that their packs are to stay (own_sessions.h).
    std::set<SessionId> ended_here{};
};

/// Lists packs first, then leases, then asks for the snapshot of every session by name. A session
/// without a snapshot is living while its lease, or (it has none) its youngest pack, is younger
/// than the lease's lifetime; after that it is fenced.
Result<Survey> survey_sessions(store::ObjectStore& store, SurveyOptions const& options,
                               std::stop_token stop);

}  // namespace perdure::repository
