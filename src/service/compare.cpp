#include "service/compare.h"

#include <algorithm>

#include "job/source_options.h"
#include "service/snapshots.h"

namespace perdure::service {

Result<std::vector<data::Selectable>> selectable(
    Workspace& workspace, std::vector<repository::SourceSnapshot const*> const& sources) {
    PD_TRY(auto* repository, workspace.repository());
    auto context = repository->read_context();
    std::vector<data::Selectable> out;
    for (auto const* source : sources) {
        auto at = std::ranges::find(out, source->name, &data::Selectable::source);
        if (at == out.end()) {
            out.push_back({source->name, source->rows, {}});
            at = out.end() - 1;
        }
        if (!source->rows) continue;
        auto const add = [&](std::string const& type) {
            if (std::ranges::find(at->types, type) == at->types.end()) at->types.push_back(type);
        };
        for (auto const& record : job::source_options(*source).mapping.records) add(record.type);
        PD_TRY(auto const schema, repository::read_schema(*source, context, workspace.stop()));
        for (auto const& table : schema.tables) add(table.name);
    }
    return out;
}

Result<DiffAnswer> diff(Workspace& workspace, DiffCall const& call) {
    DiffAnswer answer;
    if (call.before == "live") {
        return fail(Fault::invalid, "only the second side can be live")
            .with_code(2)
            .with_fix("perdure backup diff " + call.after + " live");
    }
    job::DiffRequest request;
    PD_TRY(request.select, data::parse_selectors(call.select));
    PD_TRY(answer.before, find_snapshot(workspace, call.before));
    if (call.after != "live") {
        PD_TRY(answer.after, find_snapshot(workspace, call.after));
    }
    if (!request.select.empty()) {
        std::vector<repository::SourceSnapshot const*> sources;
        for (auto const& source : answer.before.sources) sources.push_back(&source);
        if (answer.after) {
            for (auto const& source : answer.after->sources) sources.push_back(&source);
        }
        PD_TRY(auto const known, selectable(workspace, sources));
        PD_CHECK(data::check_selectors(request.select, known));
    }
    request.before = answer.before;
    request.after = answer.after;
    request.text = call.text;
    request.progress = call.progress;
    request.each_record = call.each_record;
    request.each_file = call.each_file;
    if (!answer.after) {
        for (auto const& source : workspace.config().sources) {
            bool const asked = request.select.empty() ||
                               std::ranges::find(request.select, source.options.name,
                                                 &data::Selector::source) != request.select.end();
            if (asked) request.live.push_back(source.options);
        }
    }
    PD_TRY(auto* repository, workspace.repository());
    PD_TRY(answer.report, job::compare(*repository, request, workspace.stop()));
    return answer;
}

}  // namespace perdure::service
