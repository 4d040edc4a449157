#include "repository/upkeep/verify/survey.h"

#include <map>

#include "repository/own_sessions.h"

namespace perdure::repository {

namespace {

struct Seen {
    std::optional<LeaseRecord> lease;
    std::optional<Timestamp> youngest_pack;

    Timestamp last_sign() const {
        return lease ? lease->renewed : youngest_pack.value_or(Timestamp{});
    }
};

Result<std::vector<ListedPack>> list_packs(store::ObjectStore& store, std::stop_token stop) {
    std::vector<ListedPack> packs;
    PD_CHECK(store.list(
        "pack/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (auto const name = PackName::parse(info.name))
                packs.push_back({*name, info.size_bytes, info.modified});
            return {};
        },
        stop));
    return packs;
}

Result<std::set<std::string>> list_snapshots(store::ObjectStore& store, std::stop_token stop) {
    std::set<std::string> names;
    PD_CHECK(store.list(
        "snapshot/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            names.insert(info.name);
            return {};
        },
        stop));
    return names;
}

class Surveyor {
public:
    Surveyor(store::ObjectStore& store, SurveyOptions const& options, std::stop_token stop)
        : store_(store), options_(options), stop_(std::move(stop)) {}

    Result<Survey> run() {
        PD_TRY(survey_.packs, list_packs(store_, stop_));
        PD_TRY(auto const leases, read_leases(store_, stop_));
        PD_TRY(listed_, list_snapshots(store_, stop_));
        std::map<SessionId, Seen> sessions;
        for (auto const& pack : survey_.packs) {
            auto& youngest = sessions[pack.name.session].youngest_pack;
            youngest = std::max(youngest.value_or(pack.modified), pack.modified);
        }
        for (auto const& lease : leases) sessions[lease.session].lease = lease;
        for (auto const& [session, seen] : sessions) {
            if (session != options_.own) PD_CHECK(judge(session, seen));
        }
        return std::move(survey_);
    }

private:
    Result<void> judge(SessionId const& session, Seen const& seen) {
        PD_TRY(SessionState state, state_of(session));
        bool const silent = options_.now - seen.last_sign() > lease_lifetime;
        if (state == SessionState::absent && silent) {
            ++survey_.fenced;
            state = SessionState::gone;
            if (options_.fence_silent) {
                PD_TRY(state, fence(store_, session, options_.now, stop_));
            }
            if (state == SessionState::committed) {  // it was first after all
                --survey_.fenced;
                survey_.committed_unlisted.insert(session);
            }
        }
        if (state == SessionState::absent && options_.ended_here.contains(session)) {
            PD_TRY(state, given_up(session));
        }
        if (state == SessionState::absent) {
            survey_.living.push_back({session, seen.lease ? seen.lease->collection : 0});
            return {};
        }
        survey_.ended.insert(session);
        if (seen.lease && silent) survey_.spent_leases.push_back(session);
        return seen.lease && !silent ? note_resumable(session) : Result<void>();
    }

    /// One that committed has nothing to go on from: its lease was only left behind.
    Result<void> note_resumable(SessionId const& session) {
        auto const mark = store_.head(fence_name(session), stop_);
        if (!mark && mark.error().fault() != Fault::not_found) return mark.error();
        if (mark) survey_.resumable.insert(session);
        return {};
    }

    /// Absent: it may have committed at one of the destinations, and is waited for.
    Result<SessionState> given_up(SessionId const& session) {
        if (options_.fence_silent) {
            PD_TRY(bool const fenced, fence_ended(store_, session, stop_));
            if (!fenced) return SessionState::absent;
        } else {
            survey_.resumable.insert(session);
        }
        ++survey_.fenced;
        return SessionState::gone;
    }

    Result<SessionState> state_of(SessionId const& session) {
        if (listed_.contains(snapshot_name(session))) return SessionState::gone;  // ended, anyhow
        PD_TRY(SessionState const state, session_state(store_, session, stop_));
        if (state == SessionState::committed) survey_.committed_unlisted.insert(session);
        return state;
    }

    store::ObjectStore& store_;
    SurveyOptions const& options_;
    std::stop_token stop_;
    std::set<std::string> listed_;
    Survey survey_;
};

}  // namespace

Result<Survey> survey_sessions(store::ObjectStore& store, SurveyOptions const& options,
                               std::stop_token stop) {
    return Surveyor(store, options, std::move(stop)).run();
}

}  // namespace perdure::repository
