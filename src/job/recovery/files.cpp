#include "job/recovery/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "job/recovery/journal.h"

namespace perdure::job {

namespace {

using Act = origin::FileChange::Act;

data::Json item_json(std::string const& source, origin::FileItem const& item) {
    using enum origin::FileItem::Finding;
    data::Json json;
    json.put_path("file", source + "/" + item.path);
    json.put("finding", item.finding == create     ? "create"
                        : item.finding == conflict ? "conflict"
                        : item.finding == remove   ? "delete"
                                                   : "blocked");
    json.put("decision", item.finding == remove ? "delete" : data::decision_name(item.decision));
    if (!item.reason.empty()) json.put("reason", item.reason);
    if (!item.target_state.empty()) json.put("target", item.target_state);
    if (item.fields.empty()) return json;
    data::Json fields{data::Json::Object{}};
    for (auto const& field : item.fields) {
        fields.put(field.name,
                   data::Json{}.put("target", field.target).put("snapshot", field.snapshot));
    }
    return json.put("fields", std::move(fields));
}

/// Plain paths can be walked to directly; a pattern needs the whole tree.
std::vector<std::string> walked(std::vector<data::Selector> const& selectors) {
    std::vector<std::string> out;
    for (auto const& selector : selectors) {
        if (selector.kind != data::Selector::Kind::path || selector.pattern) return {};
        out.push_back(selector.path);
    }
    return out;
}

/// --delete: every file of the live folder that is chosen and that the snapshot lacks. Paths of the
/// snapshot are remembered as hashes: a false match only spares a file.
Result<void> remove_more(repository::Repository& repository, FilesRequest const& request,
                         std::function<bool(std::string_view)> const& chosen,
                         origin::TreeMerge& merge, std::stop_token stop) {
    std::unordered_set<std::size_t> known;
    std::hash<std::string_view> const hash;
    auto context = repository.read_context();
    PD_CHECK(repository::list_tree(
        *request.source, "",
        [&](repository::Listed const& listed) -> Result<void> {
            known.insert(hash(listed.path));
            return {};
        },
        context, stop));
    if (!context.problems.empty()) {
        return fail(Fault::conflict,
                    "the snapshot does not give back everything, so what it lacks "
                    "cannot be told from what is new")
            .with_code(15)
            .with_fix("restore without --delete");
    }
    PD_TRY(auto live, origin::open_origin(request.target));
    PD_TRY(auto reader, live->open_tree(stop));
    std::vector<std::string> folders;
    while (true) {
        PD_TRY(auto const item, reader->next(stop));
        if (!item) return {};
        using Step = data::TreeItem::Step;
        if (item->step == Step::leave) {
            if (!folders.empty()) folders.pop_back();
            continue;
        }
        if (item->step == Step::enter && item->entry.name.empty()) continue;
        std::string path;
        for (auto const& folder : folders) path += folder + "/";
        path += item->entry.name;
        bool const stage = path.starts_with(stage_name(""));
        if (stage) {
            if (item->step == Step::enter) folders.push_back(item->entry.name);
            continue;
        }
        if (item->step == Step::enter) {
            folders.push_back(item->entry.name);
        } else if (chosen(path) && !known.contains(hash(path))) {
            PD_CHECK(merge.remove(path));
        }
    }
}

}  // namespace

std::string stage_name(std::string const& run) {
    return ".perdure-restore-" + run;
}

Result<FilesAtWork> merge_files(repository::Repository& repository, FilesRequest const& request,
                                RecoveryScope const& scope, repository::Progress const& progress,
                                std::stop_token stop) {
    auto const selectors = selectors_of(scope, request.source->name);
    PD_ASSERT(selectors.has_value() || request.chosen);
    auto chosen = request.chosen;
    auto paths = request.paths;
    if (!chosen) {
        chosen = [list = *selectors](std::string_view path) {
            return list.empty() || std::ranges::any_of(list, [&](auto const& selector) {
                       return data::selects_path(selector, path);
                   });
        };
        paths = walked(*selectors);
    }
    auto const& name = request.source->name;
    PD_TRY(auto merge,
           origin::TreeMerge::create({.root = request.target.path,
                                      .source = name,
                                      .chosen = chosen,
                                      .strategy = scope.strategy,
                                      .overrides = request.overrides,
                                      .now = scope.now,
                                      .stage = request.stage,
                                      .tell = [&](origin::FileItem const& item) -> Result<void> {
                                          return request.take ? request.take(item_json(name, item))
                                                              : Result<void>{};
                                      }}));
    auto context = repository.read_context();
    context.progress = progress;
    PD_CHECK(repository::restore_tree(*request.source, paths, *merge, context, stop));
    if (scope.remove) PD_CHECK(remove_more(repository, request, chosen, *merge, stop));
    FilesAtWork out;
    out.problems = merge->take_problems();
    out.problems.insert(out.problems.end(), context.problems.begin(), context.problems.end());
    out.merge = std::move(merge);
    return out;
}

data::Json files_summary(RecoveryPlace const& place, origin::FileSummary const& summary) {
    data::Json files;
    files.put("chosen", summary.chosen).put("create", summary.create);
    files.put("identical", summary.identical).put("conflict", summary.conflict);
    files.put("delete", summary.remove).put("blocked", summary.blocked);
    data::Json decisions{data::Json::Object{}};
    for (auto const& [name, count] : summary.decisions) decisions.put(name, count);
    data::Json json;
    json.put("name", place.source->name).put("kind", "files");
    json.put_path("target", place.target.path.string());
    json.put("files", std::move(files)).put("decisions", std::move(decisions));
    return json.put("file_bytes", summary.bytes);
}

Result<std::uint64_t> write_file_journal(system::Path const& path,
                                         repository::DomainPtr const& domain,
                                         std::vector<origin::FileChange> const& changes) {
    PD_TRY(auto writer, JournalWriter::create(path, domain));
    for (auto const& change : changes) {
        Encoder entry;
        origin::encode_file_change(entry, change);
        PD_CHECK(writer->add(entry.view()));
    }
    PD_CHECK(writer->finish());
    return std::uint64_t{changes.size()};
}

Result<std::vector<origin::FileChange>> read_file_journal(system::Path const& path,
                                                          repository::DomainPtr const& domain) {
    std::vector<origin::FileChange> out;
    PD_CHECK(read_journal(path, domain, [&](ByteView entry) -> Result<void> {
        Decoder in(entry);
        PD_TRY(auto change, origin::decode_file_change(in));
        out.push_back(std::move(change));
        return in.expect_end();
    }));
    return out;
}

Result<repository::Snapshot> snapshot_of(repository::Repository& repository, std::string const& id,
                                         std::stop_token stop) {
    std::vector<data::Problem> damaged;
    PD_TRY(auto const all, repository.snapshots(&damaged, std::move(stop)));
    for (auto const& snapshot : all) {
        if (snapshot.id() == id) return snapshot;
    }
    return fail(Fault::not_found, "the safety snapshot " + id.substr(0, 12) + " is gone")
        .with_code(15)
        .with_fix("the files it held cannot be brought back");
}

Result<FilesAtWork> stage_undo(repository::Repository& repository,
                               repository::Snapshot const& before,
                               RecoveryRun::Source const& source,
                               std::vector<origin::FileChange> const& changes,
                               std::string const& stage, std::stop_token stop) {
    auto const found =
        std::ranges::find(before.sources, source.name, &repository::SourceSnapshot::name);
    if (found == before.sources.end()) {
        return fail(Fault::not_found, "the safety snapshot has no source " + source.name)
            .with_code(15);
    }
    std::set<std::string, std::less<>> back;
    for (auto const& change : changes) {
        bool const goes = change.act == Act::remove || change.act == Act::folder_gone;
        if (goes || change.act == Act::replace) back.insert(change.path);
    }
    FilesRequest request{.source = &*found, .target = {.name = source.name, .type = "files"}};
    request.target.path = source.target;
    request.stage = stage;
    request.chosen = [&](std::string_view path) { return back.contains(path); };
    RecoveryScope scope;
    scope.strategy = data::Strategy::overwrite;
    PD_TRY(auto work, merge_files(repository, request, scope, {}, std::move(stop)));
    for (auto const& change : changes) {
        if (change.act == Act::create) PD_CHECK(work.merge->remove(change.path));
        if (change.act == Act::folder) work.merge->remove_folder(change.path);
    }
    return work;
}

}  // namespace perdure::job
