#include "service/search.h"

#include <algorithm>

#include "service/compare.h"
#include "service/snapshots.h"

namespace perdure::service {
namespace {

Result<std::vector<repository::Snapshot>> oldest_first(Workspace& workspace) {
    PD_TRY(auto list, list_snapshots(workspace));
    std::ranges::stable_sort(list.snapshots, {}, &repository::Snapshot::started);
    return std::move(list.snapshots);
}

/// Every name in any snapshot can be selected: what is gone today is what people look for.
Result<void> check_names(Workspace& workspace, std::vector<data::Selector> const& select,
                         std::vector<repository::Snapshot> const& snapshots) {
    if (select.empty()) return {};
    std::vector<repository::SourceSnapshot const*> sources;
    for (auto const& snapshot : snapshots) {
        for (auto const& source : snapshot.sources) sources.push_back(&source);
    }
    PD_TRY(auto const known, selectable(workspace, sources));
    return data::check_selectors(select, known);
}

}  // namespace

Result<FindAnswer> find(Workspace& workspace, FindCall const& call) {
    FindAnswer answer;
    job::FindRequest request;
    PD_TRY(request.select, data::parse_selectors(call.select));
    if (!call.where.empty()) {
        auto where = data::Where::parse(call.where);
        if (!where) return std::move(where).error().within("--where").with_code(2);
        request.where = std::move(*where);
    }
    PD_TRY(answer.snapshots, oldest_first(workspace));
    std::erase_if(answer.snapshots, [&](repository::Snapshot const& snapshot) {
        return (call.since && snapshot.started < *call.since) ||
               (call.until && !(snapshot.started < *call.until));
    });
    PD_CHECK(check_names(workspace, request.select, answer.snapshots));
    request.snapshots = answer.snapshots;
    request.text = call.text;
    request.exact_case = call.exact_case;
    request.max = call.max;
    PD_TRY(auto* repository, workspace.repository());
    PD_TRY(answer.report, job::find(*repository, request, workspace.stop()));
    return answer;
}

Result<HistoryAnswer> history(Workspace& workspace, HistoryCall const& call) {
    HistoryAnswer answer;
    PD_TRY(answer.what, data::parse_selector(call.what));
    PD_TRY(answer.snapshots, oldest_first(workspace));
    PD_CHECK(check_names(workspace, {answer.what}, answer.snapshots));
    job::HistoryRequest request;
    request.snapshots = answer.snapshots;
    request.what = answer.what;
    request.restore = call.restore;
    request.folder = call.folder;
    PD_TRY(auto* repository, workspace.repository());
    PD_TRY(answer.report, job::history(*repository, request, workspace.stop()));
    return answer;
}

}  // namespace perdure::service
