#include "job/recovery/files.h"

#include <fmt/format.h>

#include <algorithm>

#include "job/recovery/journal.h"
#include "job/recovery/remove_more.h"
#include "job/remap/remapped_target.h"

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

Result<std::shared_ptr<Remap const>> remap_of(RecoveryScope const& scope) {
    PD_TRY(auto owners,
           OwnerMap::create({.rules = scope.map_owner, .by_name = !scope.numeric_owners}));
    PD_TRY(auto paths, PathMap::create(scope.map_path));
    return std::make_shared<Remap const>(std::move(owners), std::move(paths));
}

constexpr std::size_t blocked_told_max = 1000;

void note_item(FilesTold& told, origin::FileItem const& item, std::string const& source,
               std::map<std::string, data::Decision> const& overrides) {
    using enum origin::FileItem::Finding;
    auto const name = source + "/" + item.path;
    auto const wish = overrides.find(name);
    bool const writes = data::may_write(wish == overrides.end() ? item.decision : wish->second);
    if (item.finding == blocked) {
        told.blocked_paths.insert(item.path);
        bool const declined = wish != overrides.end();
        if (!declined && told.blocked.size() < blocked_told_max) {
            told.blocked.push_back({name, item.reason});
        }
    } else if (item.finding != create && writes) {
        told.goes.insert(item.path);
    }
}

/// The restored tree on its way to a merge: what is chosen by the snapshot's paths goes on under
/// the names and owners that the rules say.
class ChosenTree final : public data::TreeTarget {
public:
    ChosenTree(std::unique_ptr<data::TreeTarget> target,
               std::function<bool(std::string_view)> const& chosen, Remap const& remap,
               FilesTold& told)
        : target_(std::move(target)), chosen_(chosen), remap_(remap), told_(told) {}
    Result<void> make_folder(std::string const& path, data::Entry const& entry) override {
        auto const there = remap_.paths.apply(path);
        if (chosen_(path)) {
            told_.passed.erase(there);
        } else {
            told_.passed.insert(there);
        }
        return target_->make_folder(path, entry);
    }
    Result<void> write_file(std::string const& path, data::Entry const& entry,
                            data::ByteSource& content) override {
        return chosen_(path) ? target_->write_file(path, entry, content) : Result<void>{};
    }
    Result<void> make_other(std::string const& path, data::Entry const& entry) override {
        return chosen_(path) ? target_->make_other(path, entry) : Result<void>{};
    }
    Result<void> finish_folder(std::string const& path, data::Entry const& entry) override {
        return target_->finish_folder(path, entry);
    }
    std::vector<data::Problem> take_problems() override { return target_->take_problems(); }

private:
    std::unique_ptr<data::TreeTarget> target_;
    std::function<bool(std::string_view)> const& chosen_;
    Remap const& remap_;
    FilesTold& told_;
};

/// The media among a database's rows, as a tree. Folders come in any order and are only made where
/// a file needs them.
class MediaTree final : public data::RowTarget {
public:
    MediaTree(ChosenTree& tree, origin::TreeMerge& merge) : tree_(tree), merge_(merge) {}
    Result<void> begin(data::DatabaseSchema const&) override { return {}; }
    Result<void> add(data::RowView const&) override { return {}; }
    Result<void> add_media(data::Entry const& entry, std::string const& path,
                           data::ByteSource& content) override {
        if (entry.kind == data::EntryKind::folder) return {};  // the media folder itself is ""
        PD_CHECK(origin::check_tree_path(path));
        if (entry.kind == data::EntryKind::file && entry.same_as.empty()) {
            return tree_.write_file(path, entry, content);
        }
        others_.emplace_back(path, entry);
        return {};
    }
    Result<void> finish(std::stop_token) override {
        for (auto const& [path, entry] : others_) PD_CHECK(tree_.make_other(path, entry));
        return merge_.finish_folder("", {});
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    ChosenTree& tree_;
    origin::TreeMerge& merge_;
    std::vector<std::pair<std::string, data::Entry>> others_;
};

/// Somebody else's target.
class LentTree : public data::TreeTarget {
public:
    explicit LentTree(data::TreeTarget& target) : target_(target) {}
    Result<void> make_folder(std::string const& path, data::Entry const& entry) override {
        return target_.make_folder(path, entry);
    }
    Result<void> write_file(std::string const& path, data::Entry const& entry,
                            data::ByteSource& content) override {
        return target_.write_file(path, entry, content);
    }
    Result<void> make_other(std::string const& path, data::Entry const& entry) override {
        return target_.make_other(path, entry);
    }
    Result<void> finish_folder(std::string const& path, data::Entry const& entry) override {
        return target_.finish_folder(path, entry);
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    data::TreeTarget& target_;
};

/// A second reading of single names: their folders were judged by the first.
class NamesAlone final : public LentTree {
public:
    using LentTree::LentTree;
    Result<void> make_folder(std::string const&, data::Entry const&) override { return {}; }
    Result<void> finish_folder(std::string const& path, data::Entry const& entry) override {
        return path.empty() ? LentTree::finish_folder(path, entry) : Result<void>{};
    }
};

bool can_feed_again(FilesRequest const& request, RecoveryScope const& scope) {
    return !request.source->rows && scope.map_path.empty();
}

/// Further names of files whose first name does not become what it was: read once more, by
/// themselves, the first of them brings the content.
Result<void> feed_alone(FilesRequest const& request, RecoveryScope const& scope,
                        origin::TreeMerge& merge, data::TreeTarget& target,
                        repository::ReadContext& context, std::stop_token const& stop) {
    bool const can = can_feed_again(request, scope);
    for (auto alone = merge.take_alone(); !alone.empty(); alone = merge.take_alone()) {
        if (can) {
            NamesAlone names(target);
            PD_CHECK(repository::restore_tree(*request.source, alone, names, context, stop));
            continue;
        }
        for (auto const& path : alone) {
            PD_CHECK(merge.refuse(path,
                                  "a second name of a file that is not, and does not become, "
                                  "what it was: choose it by its own path"));
        }
    }
    return {};
}

}  // namespace

void IdleRules::add(std::vector<std::string> const& idle) {
    if (!std::exchange(asked_, true)) rules_ = idle;
    std::erase_if(rules_,
                  [&](auto const& rule) { return std::ranges::find(idle, rule) == idle.end(); });
}

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
    if (scope.remove && !scope.map_path.empty()) {
        return fail(Fault::invalid,
                    "--delete and --map-path do not go together: what is too much "
                    "is judged by the snapshot's paths")
            .with_code(2);
    }
    PD_TRY(auto const remap, remap_of(scope));
    auto const told = std::make_shared<FilesTold>();
    // Such a folder is made where something comes into it, and stays as it is where it is there.
    for (auto& folder : remap->paths.new_folders()) told->passed.insert(std::move(folder));
    FilesAtWork out{.merge = nullptr, .problems = {}, .lost = {}, .told = told};
    PD_TRY(out.merge,
           origin::TreeMerge::create(
               {.root = request.target.path,
                .source = request.source->name,
                .chosen = [told](std::string_view path) { return !told->passed.contains(path); },
                .strategy = scope.strategy,
                .overrides = request.overrides,
                .now = scope.now,
                .held = request.held,
                .stage = request.stage,
                .again = can_feed_again(request, scope),
                .tell =
                    [told, take = request.take, name = request.source->name,
                     overrides = request.overrides](origin::FileItem const& item) {
                        note_item(*told, item, name, overrides);
                        return take ? take(item_json(name, item)) : Result<void>{};
                    }}));
    auto context = repository.read_context();
    context.progress = progress;
    ChosenTree target(remap_tree(std::make_unique<LentTree>(*out.merge), *remap), chosen, *remap,
                      *told);
    if (request.source->rows) {
        MediaTree media(target, *out.merge);
        PD_CHECK(repository::restore_rows(*request.source, media, context, stop));
    } else {
        PD_CHECK(repository::restore_tree(*request.source, paths, target, context, stop));
    }
    PD_CHECK(feed_alone(request, scope, *out.merge, target, context, stop));
    out.problems = out.merge->take_problems();
    if (scope.remove && !request.source->rows) {
        RemoveRequest const more{*request.source, request.target, chosen, *told};
        PD_TRY(auto const spared, remove_more(repository, more, *out.merge, stop));
        out.problems.insert(out.problems.end(), spared.begin(), spared.end());
    }
    out.problems.insert(out.problems.end(), context.problems.begin(), context.problems.end());
    out.lost = std::move(context.problems);
    out.idle_rules = remap->paths.idle();
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
    bool const media = place.source->rows;
    json.put("name", place.source->name).put("kind", media ? "media" : "files");
    json.put_path("target", (media ? place.target.media : place.target.path).string());
    json.put("files", std::move(files)).put("decisions", std::move(decisions));
    return json.put("file_bytes", summary.bytes);
}

std::string files_state(RecoveryPlace const& place, origin::TreeMerge const& merge) {
    auto const& found = merge.summary();
    bool const nothing = found.create + found.conflict + found.remove + found.blocked == 0;
    return nothing && place.source->rows ? std::string() : merge.state();
}

std::optional<FilesRequest> media_request(RecoveryPlace const& place, BroughtBack const& copy,
                                          origin::Merge const& merge, RecoveryScope const& scope) {
    if (!copy.media_differ || !system::exists(place.target.media)) return std::nullopt;
    std::vector<data::Selector> paths;
    for (auto const& selector :
         selectors_of(scope, place.source->name).value_or(std::vector<data::Selector>{})) {
        if (selector.kind == data::Selector::Kind::path) paths.push_back(selector);
    }
    std::set<std::string, std::less<>> named(merge.media().begin(), merge.media().end());
    bool const all = merge.all_media();
    if (!all && paths.empty() && named.empty()) return std::nullopt;
    FilesRequest request{.source = place.source, .target = {}};
    request.target.path = place.target.media;
    request.chosen = [=, named = std::move(named)](std::string_view path) {
        return all || named.contains(path) ||
               std::ranges::any_of(paths, [&](data::Selector const& selector) {
                   return data::selects_path(selector, path);
               });
    };
    return request;
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

Result<repository::SourceSnapshot const*> source_in(repository::Snapshot const& snapshot,
                                                    std::string const& name) {
    auto const found = std::ranges::find(snapshot.sources, name, &repository::SourceSnapshot::name);
    if (found != snapshot.sources.end()) return &*found;
    return fail(Fault::not_found, "the safety snapshot has no source " + name).with_code(15);
}

Result<PathSet> not_held(repository::Repository& repository,
                         repository::SourceSnapshot const& source, PathSet paths,
                         std::stop_token stop) {
    if (paths.empty()) return paths;
    auto context = repository.read_context();
    if (source.rows) {
        PD_CHECK(repository::list_rows(
            source,
            [&](data::RowView const& row) -> Result<void> {
                if (row.table != data::media_table) return {};
                if (auto const at = paths.find(as_text(row.key)); at != paths.end()) {
                    paths.erase(at);
                }
                return {};
            },
            context, std::move(stop)));
        return paths;
    }
    paths.erase("");  // the root is not listed, and always there
    PD_CHECK(repository::list_tree(
        source, "",
        [&](repository::Listed const& listed) -> Result<void> {
            paths.erase(listed.path);
            return {};
        },
        context, std::move(stop)));
    return paths;
}

PathSet paths_back(std::vector<origin::FileChange> const& changes) {
    PathSet out;
    for (auto const& change : changes) {
        bool const goes = change.act == Act::remove || change.act == Act::folder_gone;
        bool const replaced =
            change.act == Act::replace || change.act == Act::relink || change.act == Act::dress;
        if (goes || replaced) out.insert(change.path);
    }
    return out;
}

Result<FilesAtWork> stage_undo(repository::Repository& repository,
                               repository::Snapshot const& before,
                               RecoveryRun::Source const& source,
                               std::vector<origin::FileChange> const& changes,
                               std::string const& stage, std::stop_token stop) {
    PD_TRY(auto const* found, source_in(before, source.name));
    auto const back = paths_back(changes);
    FilesRequest request{.source = found, .target = {.name = source.name, .type = "files"}};
    request.target.path = source.target;
    request.held = true;  // by the snapshot that was restored
    request.stage = stage;
    request.chosen = [&](std::string_view path) { return back.contains(path); };
    RecoveryScope scope;
    scope.strategy = data::Strategy::overwrite;
    scope.numeric_owners = true;
    PD_TRY(auto work, merge_files(repository, request, scope, {}, std::move(stop)));
    for (auto const& change : changes) {
        bool const made = change.act == Act::create || change.act == Act::link;
        if (made) PD_CHECK(work.merge->remove(change.path));
        if (change.act == Act::folder) work.merge->remove_folder(change.path);
    }
    return work;
}

}  // namespace perdure::job
