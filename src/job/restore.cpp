#include "job/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "repository/tree/tree_walk.h"

namespace perdure::job {

namespace {

using repository::SourceSnapshot;

/// The part of a selection that concerns one source: whole, or paths below it.
struct Selection {
    bool taken = false;
    std::vector<std::string> paths;  ///< empty: the whole source
};

Selection selection_of(SourceSnapshot const& source, std::vector<std::string> const& select) {
    if (select.empty()) return {.taken = true};
    Selection selection;
    bool whole = false;
    for (auto wanted : select) {
        while (wanted.ends_with('/')) wanted.pop_back();
        if (wanted == source.name) {
            selection.taken = whole = true;
        } else if (wanted.starts_with(source.name + "/")) {
            selection.taken = true;
            selection.paths.push_back(wanted.substr(source.name.size() + 1));
        }
    }
    if (whole) selection.paths.clear();
    return selection;
}

Result<void> check_selection(repository::Snapshot const& snapshot,
                             std::vector<std::string> const& select) {
    for (auto const& wanted : select) {
        auto const name = wanted.substr(0, wanted.find('/'));
        auto const source = std::ranges::find(snapshot.sources, name, &SourceSnapshot::name);
        if (source == snapshot.sources.end()) {
            std::string known;
            for (auto const& each : snapshot.sources)
                known += (known.empty() ? "" : ", ") + each.name;
            return fail(Fault::not_found, fmt::format("the snapshot has no source \"{}\"", name))
                .with_fix(fmt::format("it holds: {}; write SOURCE or SOURCE/PATH", known));
        }
        if (source->rows && name != wanted && wanted != name + "/") {
            return fail(Fault::unsupported,
                        fmt::format("\"{}\" is a database; a path below it cannot be restored",
                                    source->name))
                .with_fix(fmt::format("restore \"{}\" whole", source->name));
        }
    }
    return {};
}

/// Before anything is made: a path that the snapshot does not hold.
Result<void> check_paths(repository::Repository& repository, RestoreRequest const& request,
                         std::stop_token stop) {
    auto context = repository.read_context();
    for (auto const& source : request.snapshot.sources) {
        if (source.rows) continue;
        for (auto path : selection_of(source, request.select).paths) {
            while (path.ends_with('/')) path.pop_back();
            while (path.starts_with("./")) path.erase(0, 2);
            auto const found = repository::find_in_tree(source, path, context.blobs,
                                                        context.domains.common(), stop);
            if (found) continue;
            if (found.error().fault() != Fault::not_found) return Error(found.error());
            return fail(Fault::not_found,
                        fmt::format("the snapshot holds no {}/{}", source.name, path))
                .with_fix("perdure backup show " + request.snapshot.id().substr(0, 12) +
                          " --files");
        }
    }
    return {};
}

Result<RestoredSource> restore_source(repository::Repository& repository,
                                      SourceSnapshot const& source,
                                      std::vector<std::string> const& paths,
                                      RestoreRequest const& request, RestoreReport const& so_far,
                                      std::vector<data::Problem>& problems, std::stop_token stop) {
    PD_CHECK(data::check_component(source.name));  // it becomes a folder
    RestoredSource restored{.name = source.name, .type = source.type};
    restored.folder = request.folder / source.name;
    PD_CHECK(system::make_folders(restored.folder, 0755));
    origin::TargetOptions const target_options{.folder = restored.folder,
                                               .overwrite = request.overwrite,
                                               .owners = request.owners,
                                               .durable = request.durable};
    auto context = repository.read_context();
    std::uint64_t items_before = 0, bytes_before = 0;
    for (auto const& done : so_far.sources) {
        items_before += done.items;
        bytes_before += done.bytes;
    }
    context.progress = request.progress;
    context.progress.report = [&](std::uint64_t items, std::uint64_t bytes,
                                  std::string_view current) {
        if (!request.progress.report) return;
        request.progress.report(items_before + items, bytes_before + bytes, current);
    };
    std::vector<data::Problem> found;
    if (source.rows) {
        PD_TRY(auto target, origin::open_row_target(source_options(source), target_options));
        if (request.remap) target = remap_media(std::move(target), *request.remap);
        PD_CHECK(repository::restore_rows(source, *target, context, stop));
        found = target->take_problems();
    } else {
        PD_TRY(auto target, origin::open_tree_target(source_options(source), target_options));
        if (request.remap) target = remap_tree(std::move(target), *request.remap);
        PD_CHECK(repository::restore_tree(source, paths, *target, context, stop));
        found = target->take_problems();
    }
    // What could not be read back is no success: without this a restore would lie by omission.
    found.insert(found.end(), context.problems.begin(), context.problems.end());
    for (auto& problem : found) {
        problems.push_back({source.name + ": " + problem.path, std::move(problem.reason)});
    }
    restored.items = context.items_restored;
    restored.bytes = context.bytes_restored;
    restored.lost = context.problems.size();
    restored.erased_subjects = context.erased_subjects;
    restored.erased_blocks = context.erased_blocks;
    return restored;
}

/// Somebody has what it would replace open, which is no loss.
bool is_in_use(Error const& error) {
    return error.code() == 11;
}

/// What the snapshot holds of one source is bad; the others may be whole. What the target refuses
/// (no space, no right, something there already) it refuses to all.
bool is_of_one_source(Error const& error) {
    auto const fault = error.fault();
    return is_in_use(error) || fault == Fault::corrupt || fault == Fault::invalid ||
           fault == Fault::unsupported;
}

}  // namespace

Result<RestoreReport> restore(repository::Repository& repository, RestoreRequest const& request,
                              std::stop_token stop) {
    PD_CHECK(check_selection(request.snapshot, request.select));
    PD_CHECK(check_paths(repository, request, stop));
    auto const started = std::chrono::steady_clock::now();
    RestoreReport report;
    std::optional<Error> failed;
    for (auto const& source : request.snapshot.sources) {
        auto const selection = selection_of(source, request.select);
        if (!selection.taken) continue;
        auto restored = restore_source(repository, source, selection.paths, request, report,
                                       report.problems, stop);
        if (!restored) {
            auto error = std::move(restored).error();
            bool const in_use = is_in_use(error);
            std::string const why = error.message() + (in_use ? ": " + error.fix() : "");
            error = std::move(error).within(fmt::format("restoring source \"{}\"", source.name));
            if (!is_of_one_source(error)) return error;
            report.problems.push_back({source.name, "could not be restored: " + why});
            report.lost += in_use ? 0 : 1;
            if (!failed) failed = std::move(error);
            continue;
        }
        report.lost += restored->lost;
        report.sources.push_back(std::move(*restored));
    }
    if (failed && report.sources.empty()) return std::move(*failed);
    if (request.remap) note_idle(request.remap->paths.idle(), report.problems);
    report.duration_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return report;
}

}  // namespace perdure::job
