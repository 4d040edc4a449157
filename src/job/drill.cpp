#include "job/drill.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "job/compare_trees.h"
#include "job/file_hash.h"
#include "job/proof/untimed_tree.h"
#include "job/restore.h"
#include "origin/damage.h"
#include "origin/files/digest.h"
#include "origin/unmade.h"
#include "repository/rows/read_blocks.h"
#include "system/process.h"

namespace perdure::job {

namespace {

using repository::SourceSnapshot;

constexpr std::size_t differences_max = 50;

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Only root can give files to others; for everybody else a restored file is their own, and a drill
/// that called this a failure would always fail.
bool may_give_away() {
    return ::geteuid() == 0;
}

/// A source's tree and its copy, side by side, as they are to be compared.
struct TreePair {
    std::unique_ptr<data::TreeReader> live, copy;
};
Result<TreePair> open_both(origin::SourceOptions const& live, origin::SourceOptions const& copy,
                           UntimedFolders const& untimed, std::stop_token const& stop) {
    TreePair out;
    PD_TRY(auto live_origin, origin::open_origin(live));
    PD_TRY(auto copy_origin, origin::open_origin(copy));
    PD_TRY(out.live, live_origin->open_tree(stop));
    PD_TRY(out.copy, copy_origin->open_tree(stop));
    if (untimed.empty()) return out;
    out.live = without_times(std::move(out.live), untimed);
    out.copy = without_times(std::move(out.copy), untimed);
    return out;
}

/// Whether the two are equal but for the times of folders with databases of this configuration,
/// which reading those changes: a drill would else never find a tree around them equal.
Result<bool> equal_but_for_times(TreePair const& pair, UntimedFolders const& untimed,
                                 DrilledSource& result, std::stop_token stop) {
    PD_TRY(auto const live, origin::digest_tree(*pair.live, stop));
    PD_TRY(auto const copy, origin::digest_tree(*pair.copy, std::move(stop)));
    if (live != copy) return false;
    result.expected = live;
    result.restored = copy;
    result.equality = Equality::equal_to_live;
    auto const& [folder, database] = *untimed.databases.begin();
    auto const name = folder.empty() ? std::string(".") : folder;
    auto const count = untimed.databases.size();
    result.not_judged.push_back(
        {result.name,
         count == 1 ? fmt::format("the time of the folder {}: opening {} in it changes it, for a "
                                  "backup too, so it was compared without",
                                  name, database)
                    : fmt::format("the times of {} folders with databases, such as {}: opening "
                                  "those changes them, for a backup too, so they were compared "
                                  "without",
                                  count, name)});
    return true;
}

/// A tree that differs from live is still proven when live alone moved on since the backup began.
Result<void> explain_tree(origin::SourceOptions const& live, origin::SourceOptions const& copy,
                          DrillRequest const& request, DrilledSource& result,
                          std::stop_token stop) {
    auto const taken = request.snapshot.started;
    auto const untimed = folders_of_databases(live.path, request.live, taken);
    if (!untimed.empty()) {
        PD_TRY(auto const pair, open_both(live, copy, untimed, stop));
        PD_TRY(bool const equal, equal_but_for_times(pair, untimed, result, stop));
        if (equal) return {};
    }
    result.equality = may_give_away() ? Equality::changed_since : Equality::as_permitted;
    auto const moved_on = [&](TreeDifference const& difference) {
        if (difference.unreadable) return true;  // the backup could not read it, and said so
        result.equality = Equality::changed_since;
        return difference.what == "added" || difference.live_changed >= taken;
    };
    PD_TRY(auto const pair, open_both(live, copy, untimed, stop));
    PD_TRY(auto const differences,
           compare_trees(*pair.live, *pair.copy,
                         {.max = differences_max, .owners = may_give_away(), .excuses = moved_on},
                         stop));
    for (auto const& difference : differences) {
        result.equality = Equality::different;
        result.problems.push_back({difference.path, "differs from the source: " + difference.what});
    }
    return {};
}

/// A database's digest knows its media by name and size; their bytes are compared here.
Result<void> compare_media(origin::SourceOptions const& live, origin::SourceOptions const& copy,
                           Timestamp taken, DrilledSource& result, std::stop_token stop) {
    auto const as_tree = [&](system::Path const& folder) {
        return origin::SourceOptions{
            .name = "media", .type = "files", .path = folder, .exclude = live.exclude};
    };
    if (!system::exists(live.media) || !system::exists(copy.media)) return {};
    PD_TRY(auto live_origin, origin::open_origin(as_tree(live.media)));
    PD_TRY(auto copy_origin, origin::open_origin(as_tree(copy.media)));
    PD_TRY(auto live_reader, live_origin->open_tree(stop));
    PD_TRY(auto copy_reader, copy_origin->open_tree(stop));
    // Of the folder itself older snapshots tell nothing; what lies in it is compared. Its names are
    // in the digest, and of what the source leaves out today they tell nothing.
    auto const moved_on = [&](TreeDifference const& difference) {
        bool const of_no_use = difference.unreadable || difference.path.empty();
        bool const by_name = difference.what == "added" || difference.what == "missing";
        return of_no_use || by_name || difference.live_changed >= taken;
    };
    PD_TRY(auto const differences,
           compare_trees(*live_reader, *copy_reader,
                         {.max = differences_max, .owners = may_give_away(), .excuses = moved_on},
                         stop));
    for (auto const& difference : differences) {
        result.equality = Equality::different;
        result.problems.push_back(
            {difference.path, "differs from the source's media: " + difference.what});
    }
    return {};
}

/// What was restored was read and proven block by block, and is still nobody's proof that it is
/// what the source held.
void not_compared(DrilledSource& result, std::string const& why) {
    result.equality = Equality::not_comparable;
    result.not_judged.push_back({result.name, "it was compared with nothing: " + why});
}

Result<void> compare_digests(SourceSnapshot const& source, DrillRequest const& request,
                             origin::SourceOptions const& copy, DrilledSource& result,
                             std::stop_token stop) {
    if (result.erased_subjects > 0) {
        not_compared(result,
                     "people of it were erased since, so the copy is less than what was "
                     "backed up");
        return {};
    }
    auto const live = request.live.find(source.name);
    bool const recorded = !source.digest.hash.is_zero();
    bool media = false;  // of their bytes a digest knows nothing
    std::string why = "the configuration has no such source any more";
    if (live != request.live.end()) {
        PD_TRY(auto const live_origin, origin::open_origin(live->second));
        auto digest = live_origin->digest(stop);
        if (digest && *digest == result.restored) {
            result.expected = *digest;
            result.equality = Equality::equal_to_live;
            if (live->second.media.empty()) return {};
            return compare_media(live->second, copy, request.snapshot.started, result, stop);
        }
        if (!recorded && digest) {
            result.expected = *digest;
            return explain_tree(live->second, copy, request, result, stop);
        }
        media = digest && !live->second.media.empty();
        if (!digest) why = "the live source cannot be read (" + digest.error().message() + ")";
    }
    result.expected = source.digest;
    if (!recorded) {
        not_compared(result, why);
    } else if (source.digest == result.restored) {
        result.equality = Equality::equal_to_recorded;
        if (media) return compare_media(live->second, copy, request.snapshot.started, result, stop);
    } else {
        result.equality = Equality::different;
        result.problems.push_back(
            {source.name, fmt::format("digest of the restored copy is {}, of the source {}",
                                      to_hex(result.restored.hash), to_hex(source.digest.hash))});
    }
    return {};
}

/// Indexes by a function that only the application has are in no copy made here; each was told of.
/// They are counted as if they were there, so that the digest speaks of all the rest.
Result<origin::UnmadeObjects> find_unmade(repository::Repository& repository,
                                          SourceSnapshot const& source,
                                          std::vector<data::Problem> const& told,
                                          origin::SourceOptions const& copy, std::stop_token stop) {
    origin::UnmadeObjects unmade;
    if (told.empty()) return unmade;
    auto context = repository.read_context();
    PD_TRY(auto const schema, repository::read_schema(source, context, stop));
    PD_TRY(auto const origin, origin::open_origin(copy));
    PD_TRY(auto const reader, origin->open_rows(stop));
    auto const& there = reader->schema().objects;
    for (std::size_t at = 0; at < schema.objects.size(); ++at) {
        auto const& object = schema.objects[at];
        bool const made = std::ranges::any_of(there, [&](auto const& each) {
            return each.type == object.type && each.name == object.name;
        });
        std::string const name = source.name + ": " + object.name;
        bool const named = std::ranges::find(told, name, &data::Problem::path) != told.end();
        if (!made && named && object.type == "index") unmade.emplace(at, object);
    }
    return unmade;
}

/// A source may break its own foreign keys; a faithful copy does so too, and has not failed. An
/// equal digest proves that of faults that follow from the rows, also in a snapshot whose faults
/// the live source has no more; where masked columns went, references to them break in the copy
/// alone. But whoever reads "passed" must learn that the source itself is not sound.
Result<void> excuse_own_faults(SourceSnapshot const& source, DrillRequest const& request,
                               std::vector<data::Problem>& found, DrilledSource& result,
                               std::stop_token stop) {
    if (found.empty()) return {};
    bool const equal = result.equality == Equality::equal_to_live ||
                       result.equality == Equality::equal_to_recorded;
    bool const faithful = equal && source_options(source).mask.empty();
    std::vector<data::Problem> own;  // a live source that cannot be asked excuses nothing
    if (auto const live = request.live.find(source.name); live != request.live.end()) {
        PD_TRY(auto const origin, origin::open_origin(live->second));
        if (auto told = origin->check(stop)) own = std::move(*told);
    }
    auto const excused = std::ranges::stable_partition(found, [&](data::Problem const& problem) {
        if (faithful && origin::is_of_the_rows(problem)) return false;
        return std::ranges::find(own, problem.reason, &data::Problem::reason) == own.end();
    });
    if (excused.empty()) return {};
    result.not_judged.push_back(
        {source.name, fmt::format("{} that the source has as well: {}",
                                  excused.size() == 1 ? std::string("a fault")
                                                      : fmt::format("{} faults", excused.size()),
                                  excused.front().reason)});
    found.erase(excused.begin(), excused.end());
    return {};
}

/// Rows that are equal may come from a file that is broken all the same: then, or now.
Result<void> tell_damage(SourceSnapshot const& source, DrillRequest const& request,
                         DrilledSource& result, std::stop_token stop) {
    if (auto const damage = damage_then(source); !damage.empty()) {
        result.not_judged.push_back(
            {source.name, "the database was damaged when it was backed up (" + damage +
                              "): the copy is what could be read of it then"});
    }
    auto const live = request.live.find(source.name);
    if (live == request.live.end()) return {};
    auto const found = origin::look_for_damage(live->second, origin::DamageCheck::contents, stop);
    if (!found && found.error().fault() == Fault::cancelled) return found.error();
    if (!found || found->empty()) return {};  // one that is away now is another light's business
    result.not_judged.push_back(
        {source.name, fmt::format("the live database is damaged ({}{}): what can be read of it is "
                                  "what is compared",
                                  found->front().reason,
                                  found->size() > 1 ? fmt::format(", {} more", found->size() - 1)
                                                    : std::string())});
    return {};
}

/// What an equal digest does not prove.
Result<void> tell_limits(SourceSnapshot const& source, DrillRequest const& request,
                         origin::SourceOptions const& copy, DrilledSource& result,
                         std::stop_token stop) {
    if (source.problems_total > 0) {
        result.not_judged.push_back(
            {source.name, fmt::format("{} that the backup skipped {} not in it",
                                      source.problems_total == 1
                                          ? std::string("a thing")
                                          : fmt::format("{} things", source.problems_total),
                                      source.problems_total == 1 ? "is" : "are")});
    }
    if (source.type != "sqlite") return {};
    PD_CHECK(tell_damage(source, request, result, stop));
    PD_TRY(auto const unordered, origin::compared_without_order(copy, std::move(stop)));
    for (auto const& table : unordered) {
        result.not_judged.push_back(
            {source.name, "the order of the rows of " + table +
                              ": only its application knows it, so they were compared without it"});
    }
    return {};
}

Result<void> check_command(Invariant const& invariant, system::Path const& folder,
                           DrilledSource& result, std::stop_token stop) {
    PD_TRY(auto const exit, system::run(
                                {.argv = invariant.command,
                                 .environment = {"PERDURE_RESTORED=" + folder.string()},
                                 .working_folder = folder.string()},
                                [](ByteView) -> Result<void> { return {}; }, stop));
    if (exit.status != 0) {
        result.problems.push_back(
            {invariant.name, fmt::format("exited {}: {}", exit.status, exit.standard_error)});
    }
    return {};
}

/// As the digest that the copy is compared with was made.
Result<data::LogicalDigest> digest_of_copy(SourceSnapshot const& source, origin::Origin& origin,
                                           origin::SourceOptions const& copy,
                                           origin::UnmadeObjects const& unmade,
                                           std::stop_token stop) {
    if (source.type == "sqlite")
        return origin::digest_like(source.digest, copy, unmade, std::move(stop));
    bool const output = source.type == "command" && !source.digest.hash.is_zero();
    if (!output) return origin.digest(std::move(stop));
    auto const name = copy.output_name.empty() ? source.name + ".out" : copy.output_name;
    auto const hash = hash_file(copy.path / name, stop);
    if (hash) return data::LogicalDigest{hash->digest, 1, hash->bytes};
    if (hash.error().fault() == Fault::cancelled) return hash.error();
    return fail(Fault::corrupt,
                "the command's output did not come back: " + hash.error().message());
}

Result<DrilledSource> drill_source(repository::Repository& repository, SourceSnapshot const& source,
                                   DrillRequest const& request, system::Path const& scratch,
                                   std::stop_token stop) {
    auto const started = std::chrono::steady_clock::now();
    DrilledSource result{.name = source.name, .type = source.type};
    PD_TRY(auto const restored, restore(repository,
                                        {.snapshot = request.snapshot,
                                         .select = {source.name},
                                         .folder = scratch,
                                         .owners = may_give_away(),
                                         .durable = false,
                                         .progress = request.progress},
                                        stop));
    result.restore_s = seconds_since(started);
    result.erased_subjects = restored.sources.at(0).erased_subjects;
    for (auto const& problem : restored.problems) {
        bool const unknown = source.rows && origin::is_application_only(problem);
        (unknown ? result.not_judged : result.problems).push_back(problem);
    }
    auto const folder = scratch / source.name;
    auto const copy = origin::relocated(source_options(source), folder);
    PD_TRY(auto const unmade, find_unmade(repository, source, result.not_judged, copy, stop));
    PD_TRY(auto const copy_origin, origin::open_origin(copy));
    PD_TRY(result.restored, digest_of_copy(source, *copy_origin, copy, unmade, stop));
    PD_CHECK(tell_limits(source, request, copy, result, stop));
    PD_CHECK(compare_digests(source, request, copy, result, stop));
    PD_TRY(auto found, copy_origin->check(stop));
    PD_CHECK(excuse_own_faults(source, request, found, result, stop));
    result.problems.insert(result.problems.end(), found.begin(), found.end());
    if (auto const invariants = request.invariants.find(source.name);
        invariants != request.invariants.end()) {
        for (auto const& invariant : invariants->second) {
            if (!invariant.command.empty()) {
                PD_CHECK(check_command(invariant, folder, result, stop));
            }
            if (!invariant.sql.empty()) {
                PD_TRY(auto const broken, copy_origin->query(invariant.sql, stop));
                if (!broken.empty()) result.problems.push_back({invariant.name, broken});
            }
        }
    }
    return result;
}

}  // namespace

bool DrillReport::passed() const {
    return !sources.empty() && std::ranges::all_of(sources, &DrilledSource::passed);
}

Result<DrillReport> drill(repository::Repository& repository, DrillRequest const& request,
                          std::stop_token stop) {
    auto const started = std::chrono::steady_clock::now();
    PD_TRY(auto const scratch, system::ScratchFolder::create(request.scratch_parent));
    std::optional<Error> failed;
    std::size_t failed_sources = 0;
    DrillReport report{.snapshot_id = request.snapshot.id(), .taken = request.snapshot.started};
    for (auto const& source : request.snapshot.sources) {
        bool const wanted =
            request.sources.empty() ||
            std::ranges::find(request.sources, source.name) != request.sources.end();
        if (!wanted) continue;
        auto drilled = drill_source(repository, source, request, scratch.path(), stop);
        if (!drilled && drilled.error().fault() != Fault::corrupt) return drilled.error();
        if (!drilled) {  // of this source alone: the others are drilled all the same
            if (!failed) failed = drilled.error();
            report.sources.push_back({.name = source.name,
                                      .type = source.type,
                                      .problems = {{source.name, drilled.error().message()}}});
            ++failed_sources;
            continue;
        }
        report.sources.push_back(std::move(*drilled));
    }
    if (failed && failed_sources == report.sources.size()) return std::move(*failed);
    if (report.sources.empty()) {
        return fail(Fault::not_found, "the snapshot holds none of the sources to drill");
    }
    report.drilled = to_timestamp(std::chrono::system_clock::now());
    report.rto_s = seconds_since(started);
    return report;
}

}  // namespace perdure::job
