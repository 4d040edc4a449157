#include "job/recovery/part.h"

#include <algorithm>

#include "job/recovery/files.h"
#include "job/remap/path_map.h"
#include "job/source_options.h"
#include "origin/merge/part_schema.h"
#include "origin/merge/sole_hold.h"
#include "repository/rows/read_blocks.h"
#include "system/random.h"

namespace perdure::job {

namespace {

constexpr char const* run_name = "part";

/// Removes what a failed restore left, unless it was published.
struct Workshop {
    system::Path path;
    ~Workshop() {
        if (!path.empty()) static_cast<void>(system::remove_tree(path));
    }
};

/// Of all rows only those that are settings of a full-text index.
class SettingsOnly final : public data::RowTarget {
public:
    SettingsOnly(data::RowTarget& target, origin::PartSchema const& part)
        : target_(target), part_(part) {}
    Result<void> begin(data::DatabaseSchema const&) override { return target_.begin(part_.schema); }
    Result<void> add(data::RowView const& row) override {
        if (row.table >= part_.settings.size() || !part_.settings[row.table]) return {};
        auto kept = row;
        kept.table = *part_.settings[row.table];
        return target_.add(kept);
    }
    Result<void> add_media(data::Entry const&, std::string const&, data::ByteSource&) override {
        return {};
    }
    Result<void> finish(std::stop_token stop) override { return target_.finish(std::move(stop)); }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    data::RowTarget& target_;
    origin::PartSchema const& part_;
};

class Part {
public:
    Part(repository::Repository& repository, PartRequest const& request, std::stop_token stop)
        : repository_(repository), request_(request), stop_(std::move(stop)) {}

    Result<PartReport> run() {
        auto const mark = to_hex(system::real_random().draw<Opaque<6, struct PartMarkTag>>());
        Workshop workshop{request_.folder / (".perdure-part-" + mark)};
        for (auto const* source : request_.sources) {
            PD_CHECK(data::check_component(source->name));
            if (!system::exists(request_.folder / source->name)) continue;
            return fail(Fault::conflict,
                        (request_.folder / source->name).string() + " is there already")
                .with_code(15)
                .with_fix("name another folder with --to");
        }
        PD_CHECK(system::make_folders(workshop.path));
        for (auto const* source : request_.sources) {
            auto made = make(*source, workshop.path / source->name);
            if (!made) return std::move(made).error().within("source \"" + source->name + "\"");
        }
        if (!request_.scope.filter.empty() && took_nothing()) {
            return fail(Fault::not_found, "nothing of the snapshot meets the conditions")
                .with_code(2)
                .with_fix("perdure restore plan with the same conditions tells what they meet");
        }
        note_idle(idle_rules_.all(), report_.problems);
        for (auto const* source : request_.sources) {
            PD_CHECK(system::rename_without_replacing(workshop.path / source->name,
                                                      request_.folder / source->name));
        }
        PD_CHECK(system::sync_folder(request_.folder));
        return std::move(report_);
    }

private:
    bool took_nothing() const {
        return std::ranges::all_of(report_.sources, [](RestoredPart const& part) {
            return part.files == 0 && std::ranges::all_of(part.tables, [](auto const& table) {
                       return table.chosen == 0;
                   });
        });
    }

    Result<void> make(repository::SourceSnapshot const& source, system::Path const& folder) {
        PD_CHECK(system::make_folders(folder, 0755));
        RecoveryPlace place{.source = &source, .target = {}, .name = source.name};
        place.fresh = true;
        place.target = origin::relocated(source_options(source), folder);
        RestoredPart part{.name = source.name, .type = source.type};
        part.folder = request_.folder / source.name;
        if (source.rows) {
            PD_CHECK(make_rows(place, folder, part));
        } else {
            place.target.path = folder;
            PD_CHECK(put_files({.source = &source, .target = place.target}, part));
        }
        report_.sources.push_back(std::move(part));
        return {};
    }

    /// The schema with all its indexes, views and triggers, and not one record.
    Result<void> make_empty(repository::SourceSnapshot const& source, system::Path const& folder) {
        auto context = repository_.read_context();
        PD_TRY(auto schema, repository::read_schema(source, context, stop_));
        auto const part = origin::part_schema(std::move(schema));
        note(part.problems);
        PD_TRY(auto target, origin::open_row_target(source_options(source), {.folder = folder}));
        if (part.has_settings) {
            SettingsOnly rows(*target, part);
            PD_CHECK(repository::restore_rows(source, rows, context, stop_));
        } else {
            PD_CHECK(target->begin(part.schema));
            PD_CHECK(target->finish(stop_));
        }
        note(target->take_problems());
        return {};
    }

    Result<void> make_rows(RecoveryPlace const& place, system::Path const& folder,
                           RestoredPart& part) {
        auto const& source = *place.source;
        PD_TRY(auto const copy, bring_back_rows(repository_, source, request_.scratch,
                                                place.target.media, request_.progress, stop_));
        if (copy.lost > 0) note(copy.problems);
        PD_CHECK(make_empty(source, folder));
        PD_TRY(auto merge,
               open_merge(copy, place, request_.scope, {}, origin::Merge::Mode::write, stop_));
        PD_TRY(part.tables,
               merge->compare([](origin::MergeItem const&) -> Result<void> { return {}; }, stop_));
        PD_CHECK(merge->write(stop_));
        PD_TRY(auto const digests, merge->digests(stop_));
        if (digests.first != digests.second) {
            return fail(Fault::corrupt, "what was written is not what the snapshot has")
                .with_code(14);
        }
        part.digest = digests.first;
        PD_CHECK(merge->commit());
        if (!place.target.media.empty() && copy.media_differ) {
            PD_CHECK(system::make_folders(place.target.media, 0755));
            auto const media = media_request(place, copy, *merge, request_.scope);
            PD_CHECK(media ? put_files(*media, part) : system::remove_tree(place.target.media));
        }
        merge.reset();
        return origin::bring_to_rest(place.target.path);
    }

    Result<void> put_files(FilesRequest files, RestoredPart& part) {
        files.stage = stage_name(run_name);
        PD_TRY(auto const work,
               merge_files(repository_, files, request_.scope, request_.progress, stop_));
        note(work.problems);
        idle_rules_.add(work.idle_rules);
        part.files = work.merge->summary().create;
        note(work.told->blocked);
        PD_CHECK(work.merge->settle_stage());
        PD_CHECK(origin::swap_files(files.target.path, files.stage, work.merge->changes()));
        return origin::drop_stage(files.target.path, files.stage);
    }

    void note(std::vector<data::Problem> const& problems) {
        report_.problems.insert(report_.problems.end(), problems.begin(), problems.end());
    }

    repository::Repository& repository_;
    PartRequest const& request_;
    std::stop_token stop_;
    PartReport report_;
    IdleRules idle_rules_;
};

}  // namespace

Result<PartReport> restore_part(repository::Repository& repository, PartRequest const& request,
                                std::stop_token stop) {
    return Part(repository, request, std::move(stop)).run();
}

}  // namespace perdure::job
