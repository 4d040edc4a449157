#include "service/recovery/recovery_places.h"

#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>

#include "job/source_options.h"
#include "origin/merge/rows/module_tables.h"
#include "repository/rows/read_blocks.h"
#include "service/restore.h"

namespace perdure::service {
namespace {

constexpr char const* left_out_command =
    "the output of a command has no place of its own to go back to: restore it --to DIR";

Result<origin::SourceOptions> live_place(Workspace& workspace,
                                         repository::SourceSnapshot const& source) {
    auto const* config = workspace.config().source(source.name);
    if (!config) {
        return fail(Fault::not_found,
                    fmt::format("the configuration has no source \"{}\" to restore into",
                                source.name))
            .with_code(2)
            .with_fix("add [source." + source.name + "], or restore with --to DIR");
    }
    if (config->options.type != source.type) {
        return fail(Fault::invalid,
                    fmt::format("source \"{}\" was {} when it was backed up and is {} now",
                                source.name, source.type, config->options.type))
            .with_code(2)
            .with_fix("restore with --to DIR");
    }
    return config->options;
}

}  // namespace

Result<std::vector<data::Selectable>> selectable_of(repository::Repository& repository,
                                                    repository::Snapshot const& snapshot,
                                                    std::stop_token stop) {
    std::vector<data::Selectable> out;
    for (auto const& source : snapshot.sources) {
        data::Selectable each{.source = source.name, .rows = source.rows, .types = {}};
        if (source.rows) {
            for (auto const& record : job::source_options(source).mapping.records) {
                each.types.push_back(record.type);
            }
            auto context = repository.read_context();
            PD_TRY(auto const schema, repository::read_schema(source, context, stop));
            for (auto& table : origin::row_tables(schema)) each.types.push_back(std::move(table));
        }
        out.push_back(std::move(each));
    }
    return out;
}

Result<RecoveryPlaces> places_of(Workspace& workspace, repository::Snapshot const& snapshot,
                                 job::RecoveryScope const& scope, std::string const& target) {
    RecoveryPlaces all;
    auto& out = all.places;
    std::error_code error;  // what may not be looked at is refused when it is opened
    bool const file = target != "live" && std::filesystem::is_regular_file(target, error);
    auto const path = std::filesystem::absolute(target, error).lexically_normal();
    for (auto const& source : snapshot.sources) {
        auto const chosen = job::selectors_of(scope, source.name);
        if (!chosen) continue;
        if (!source.rows && !scope.filter.empty() && scope.selectors.empty()) continue;
        PD_CHECK(data::check_component(source.name));
        if (target == "live" && source.type == "command") {
            all.left_out.push_back({source.name, left_out_command});
            if (scope.selectors.empty()) continue;
            return fail(Fault::unsupported, source.name + ": " + left_out_command)
                .with_code(2)
                .with_fix("perdure restore SNAPSHOT " + source.name + " --to DIR");
        }
        job::RecoveryPlace place{.source = &source, .target = {}, .name = source.name};
        if (target == "live") {
            PD_TRY(place.target, live_place(workspace, source));
        } else if (file) {
            place.target = job::source_options(source);
            place.target.path = path;
            place.target.media.clear();
        } else {
            PD_CHECK(check_place(workspace, path / source.name));
            place.target = origin::relocated(job::source_options(source), path / source.name);
        }
        for (auto const& selector : *chosen) {
            bool const media = source.rows && selector.kind == data::Selector::Kind::path;
            if (!media || !place.target.media.empty()) continue;
            return fail(Fault::unsupported,
                        fmt::format("\"{}\": there is no media folder to restore it into",
                                    selector.text))
                .with_code(2)
                .with_fix("perdure restore SNAPSHOT " + source.name + " --to DIR");
        }
        out.push_back(std::move(place));
    }
    if (file && (out.size() != 1 || !out[0].source->rows)) {
        return fail(Fault::invalid, target + " is a file: only one database fits there")
            .with_code(2)
            .with_fix("select one database: perdure restore SNAPSHOT SOURCE --to FILE");
    }
    if (out.empty()) {
        return fail(Fault::invalid, "nothing of the snapshot is selected that could go there")
            .with_code(2)
            .with_fix("perdure restore SNAPSHOT --to DIR");
    }
    return all;
}

Result<system::File> lock_runs(system::Path const& recovery) {
    PD_CHECK(system::make_folders(recovery));
    PD_TRY(auto folder, system::File::open_to_read(recovery));
    if (::flock(folder.descriptor(), LOCK_EX | LOCK_NB) == 0) return folder;
    return fail(Fault::unavailable, "another restore or undo of this configuration is running")
        .with_code(11)
        .with_fix("wait for it to end");
}

}  // namespace perdure::service
