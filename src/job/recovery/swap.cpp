// A database that is replaced as a whole: built and proven beside the live one, then one exchange
// of names. What makes that safe:
// 1. The live one is at rest (its log folded in), or its log would be applied to the new file.
// 2. Nobody has it open (SoleHold), or they would go on writing into a file without a name.
// 3. It is what was compared: its state is taken at rest, and neither its time nor its size changed
//    until nobody could open it any more.
#include "job/recovery/swap.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "job/file_hash.h"
#include "job/recovery/files.h"
#include "job/source_options.h"
#include "origin/unmade.h"

namespace perdure::job {

namespace {

constexpr std::uint64_t copy_number = 1;

struct Looks {
    std::uint64_t inode = 0, size = 0;
    Timestamp modified, changed;
    bool operator==(Looks const&) const = default;
};

Looks looks_of(system::Path const& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return {};
    return {status.st_ino,
            static_cast<std::uint64_t>(status.st_size),
            {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)},
            {status.st_ctim.tv_sec, static_cast<std::uint32_t>(status.st_ctim.tv_nsec)}};
}

origin::FileChange change_of(origin::FileChange::Act act, system::Path const& live,
                             std::uint64_t number, system::Path const& file) {
    auto const looks = looks_of(file);
    origin::FileChange change{.act = act, .path = live.filename().string(), .number = number};
    change.inode = looks.inode;
    change.size = looks.size;
    change.modified = looks.modified;
    return change;
}

/// Equal to the source where that can be told, and sound in any case.
Result<void> prove(repository::SourceSnapshot const& source, system::Path const& copy,
                   std::uint64_t erased, SwapAtWork& work, std::stop_token stop) {
    auto options = source_options(source);
    bool const media = !options.media.empty();
    options.path = copy;
    options.media.clear();
    PD_TRY(auto const origin, origin::open_origin(options));
    // A digest knows the names of media too, which are not part of this.
    if (!media && erased == 0 && !source.digest.hash.is_zero()) {
        PD_TRY(auto const digest, origin::digest_like(source.digest, options, {}, stop));
        if (digest == source.digest) return {};
        return fail(Fault::corrupt, source.name + ": the copy is not what was backed up")
            .with_code(14)
            .with_fix("perdure backup verify --restore tells more; nothing was changed");
    }
    PD_TRY(auto faults, origin->check(stop));
    for (auto& fault : faults) work.problems.push_back(std::move(fault));
    return {};
}

Result<void> build(repository::Repository& repository, repository::SourceSnapshot const& source,
                   system::Path const& folder, SwapAtWork& work,
                   repository::Progress const& progress, std::stop_token stop) {
    auto options = source_options(source);
    options.path = std::to_string(copy_number);
    PD_TRY(auto const rows, rows_into(repository, source, options,
                                      {.folder = folder, .owners = false}, {}, progress, stop));
    work.problems = rows.problems;
    if (rows.lost > 0) {
        return fail(Fault::corrupt,
                    fmt::format("{}: the snapshot does not give back everything: {}, {}",
                                source.name, work.problems.front().path,
                                work.problems.front().reason))
            .with_code(14)
            .with_fix("choose another snapshot, or restore what is whole without --swap");
    }
    return prove(source, folder / options.path, rows.erased_subjects, work, std::move(stop));
}

Error changed(system::Path const& database) {
    return fail(Fault::conflict, database.string() + " was written to meanwhile")
        .with_code(15)
        .with_fix("stop the application, and make the plan again");
}

/// Under the hold: side files that mean nothing any more go; those that do are somebody's writing.
Result<void> take_side_files(system::Path const& database, SwapAtWork& work) {
    using Act = origin::FileChange::Act;
    std::uint64_t number = copy_number;
    for (auto const& side : origin::side_files(database)) {
        bool const log = !side.string().ends_with("-shm") && looks_of(side).size > 0;
        if (log && work.before.readable()) return changed(database);
        if (log) {
            work.changes.push_back(change_of(Act::remove, side, ++number, side));
        } else {
            PD_CHECK(system::remove_file(side));
        }
    }
    return {};
}

}  // namespace

Result<LiveState> live_state(system::Path const& database, std::stop_token stop) {
    if (!system::exists(database)) return LiveState{"absent"};
    origin::SourceOptions const plain{.name = "live", .type = "sqlite", .path = database};
    auto const origin = origin::open_origin(plain);
    auto const digest =
        origin ? (*origin)->digest(stop) : Result<data::LogicalDigest>(origin.error());
    if (digest) return LiveState{"digest " + to_hex(digest->hash)};
    auto const fault = digest.error().fault();
    if (fault == Fault::cancelled || fault == Fault::unavailable || fault == Fault::denied) {
        return digest.error();
    }
    PD_TRY(auto const hash, hash_file(database, stop));
    return LiveState{"unreadable " + to_hex(hash.digest)};
}

Result<bool> can_be_saved(origin::SourceOptions const& database, std::stop_token stop) {
    if (!database.mask.empty()) return false;
    PD_TRY(auto const origin, origin::open_origin(database));
    auto const readable = origin->test(stop);
    if (readable) return true;
    auto const fault = readable.error().fault();
    if (fault == Fault::cancelled || fault == Fault::unavailable || fault == Fault::denied) {
        return readable.error();
    }
    return false;
}

Result<SwapAtWork> stage_swap(repository::Repository& repository,
                              repository::SourceSnapshot const* source,
                              system::Path const& database, std::string const& stage,
                              repository::Progress const& progress, std::stop_token stop) {
    using Act = origin::FileChange::Act;
    SwapAtWork work;
    auto const folder = database.parent_path() / stage;
    bool const there = system::exists(database);
    if (there) PD_CHECK(origin::bring_to_rest(database));
    auto const looks = looks_of(database);
    PD_TRY(work.before, live_state(database, stop));
    PD_CHECK(system::make_folders(folder));
    auto const copy = folder / std::to_string(copy_number);
    if (source) {
        PD_CHECK(build(repository, *source, folder, work, progress, stop));
        if (there) PD_CHECK(origin::take_after(database, copy));
        PD_TRY(work.after, live_state(copy, stop));
        for (auto const& side : origin::side_files(copy)) PD_CHECK(system::remove_file(side));
    } else {
        work.after.text = "absent";
    }
    if (there) {
        PD_TRY(auto hold, origin::SoleHold::take(database));
        work.hold.emplace(std::move(hold));
        if (looks_of(database) != looks) return changed(database);
        PD_CHECK(take_side_files(database, work));
    } else if (system::exists(database)) {
        return changed(database);
    }
    if (source) {
        work.changes.push_back(
            change_of(there ? Act::replace : Act::create, database, copy_number, copy));
    } else if (there) {
        work.changes.push_back(change_of(Act::remove, database, copy_number, database));
    }
    return work;
}

Result<void> swap_database(SwapAtWork& work, system::Path const& database,
                           std::string const& stage) {
    PD_CHECK(origin::swap_files(database.parent_path(), stage, work.changes));
    if (!work.hold || work.hold->undisturbed()) return {};
    // Whoever opens it now waits in the kernel, with the old file in hand, and has done nothing.
    PD_TRY([[maybe_unused]] auto const stay,
           origin::swap_back(database.parent_path(), stage, work.changes));
    return fail(Fault::unavailable, "somebody opened " + database.string() + " at this moment")
        .with_code(11)
        .with_fix("stop the application, then apply the plan");
}

system::Path damaged_name(system::Path const& file, std::string const& run) {
    return system::Path(file.string() + ".before-restore-" + run);
}

Result<void> put_damaged_beside(RunFolder const& folder, std::size_t at,
                                repository::DomainPtr const& domain,
                                std::vector<std::string>& kept) {
    auto const& run = folder.run();
    auto const place = run.sources[at].folder();
    PD_TRY(auto const changes, read_file_journal(folder.journal(at), domain));
    for (auto const& change : changes) {
        auto const staged = place / stage_name(run.id) / std::to_string(change.number);
        if (!system::exists(staged)) continue;  // done before a crash
        auto const beside = damaged_name(place / change.path, run.id);
        PD_CHECK(system::rename_without_replacing(staged, beside));
        kept.push_back(beside.string());
    }
    return {};
}

}  // namespace perdure::job
