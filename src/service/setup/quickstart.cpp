#include "service/setup/quickstart.h"

#include <fmt/format.h>

#include "base/below.h"
#include "service/config/edit.h"
#include "service/report/drills.h"
#include "service/setup/discovery.h"
#include "service/setup/init.h"
#include "service/snapshots.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t spare_bytes = 64 << 20;

/// A config alone is what a creation leaves that broke off.
bool is_born(QuickstartAnswer const& answer) {
    return system::exists(answer.backups / "config") && system::exists(answer.backups / "keyring");
}

Result<void> refuse_leftovers(QuickstartAnswer const& answer) {
    for (auto const& path : {answer.config, answer.key_file, answer.recovery_kit, answer.backups}) {
        if (!system::exists(path)) continue;
        bool const unborn = !is_born(answer);
        return fail(Fault::conflict, path.string() + " exists already")
            .with_fix(unborn && system::exists(answer.config)
                          ? "go on with perdure init, then perdure backup; or run quickstart in "
                            "an empty folder (--dir DIR)"
                          : "go on with perdure backup; or run quickstart in an empty folder "
                            "(--dir DIR)");
    }
    return {};
}

/// Media that lie outside of the place that was looked at, which the inventory does not count.
std::uint64_t media_bytes(origin::Inventory const& inventory) {
    std::uint64_t total = 0;
    std::error_code error;
    for (auto const& proposed : inventory.proposed) {
        auto const& media = proposed.options.media;
        if (media.empty() || is_below(media, inventory.root)) continue;
        for (std::filesystem::recursive_directory_iterator walk(media, error), end;
             !error && walk != end; walk.increment(error)) {
            std::error_code no_file;
            if (walk->is_regular_file(no_file)) total += walk->file_size(no_file);
        }
    }
    return total;
}

/// The backup and, for the drill, a whole restored copy must fit, though they rarely need as much.
Result<void> check_space(QuickstartAnswer& answer, system::Path const& folder) {
    auto const found = answer.inventory.bytes + media_bytes(answer.inventory);
    answer.bytes_needed = found + found / 2 + spare_bytes;
    PD_TRY(answer.bytes_free, system::free_bytes(folder));
    std::error_code error;
    auto const scratch = std::filesystem::temp_directory_path(error);
    PD_TRY(auto const scratch_free, system::free_bytes(scratch));
    bool const short_here = answer.bytes_free < answer.bytes_needed;
    if (!short_here && scratch_free >= found + spare_bytes) return {};
    return fail(
               Fault::exhausted,
               fmt::format("{} has too little space: {:.1f} MB are free, {:.1f} MB may be needed",
                           short_here ? folder.string() : scratch.string(),
                           static_cast<double>(short_here ? answer.bytes_free : scratch_free) / 1e6,
                           static_cast<double>(answer.bytes_needed) / 1e6))
        .with_fix("make room, or name another place with --dir (or TMPDIR); nothing was changed");
}

Result<void> refuse_nothing(QuickstartAnswer const& answer, system::Path const& target) {
    if (!answer.inventory.proposed.empty()) return {};
    std::string why;
    for (auto const& one : answer.inventory.not_covered) {
        why += "\n" + one.path.string() + ": " + one.why;
        if (why.size() > 500) break;
    }
    return fail(Fault::not_found, "there is nothing to protect at " + target.string() + why)
        .with_fix("name a database file, or the folder of an application");
}

/// Who names a file means that file, and never whatever lies beside it.
Result<void> refuse_neighbours(QuickstartAnswer const& answer, system::Path const& target) {
    std::error_code error;
    auto const named = std::filesystem::canonical(target, error);
    if (error || !std::filesystem::is_regular_file(named, error)) return {};
    for (auto const& proposed : answer.inventory.proposed) {
        if (proposed.options.path == named) return {};
    }
    std::string why;
    for (auto const& one : answer.inventory.not_covered) {
        if (one.path == named) why = ": " + one.why;
    }
    return fail(Fault::unsupported, named.string() + " is no database that can be read" + why)
        .with_fix("name a whole SQLite database, or the folder to protect its files as they are");
}

system::Path absolute_path(system::Path const& path) {
    std::error_code error;
    auto out = std::filesystem::absolute(path, error).lexically_normal();
    return out.has_filename() ? out : out.parent_path();
}

Result<void> configure(QuickstartAnswer const& answer, system::Path const& folder) {
    StarterConfig options;
    options.sources = proposed_sections(answer.inventory, folder);
    auto const text = starter_config(options);
    auto const loaded = parse_config(text, answer.config);
    if (!loaded.config) {
        return fail(Fault::internal, "the proposed configuration has faults\n" +
                                         describe_faults(answer.config, loaded.faults));
    }
    return system::write_file(answer.config, as_bytes(text), {.replace = false, .mode = 0600});
}

Result<std::unique_ptr<Workspace>> make_repository(QuickstartCall const& call,
                                                   QuickstartAnswer const& answer) {
    WorkspaceOptions options;
    options.config_file = answer.config;
    options.ask_secret = call.ask_secret;
    options.stop = call.stop;
    PD_TRY(auto workspace, Workspace::open(std::move(options)));
    PD_CHECK(init(*workspace, {.new_config = true}));
    PD_CHECK(make_recovery_kit(*workspace, answer.recovery_kit));
    return workspace;
}

}  // namespace

namespace {

/// What was made stays, and quickstart begins nothing twice: which command goes on from here.
Error with_way_on(Error error, QuickstartAnswer const& answer) {
    bool const own_fix = !error.fix().empty() && error.fault() != Fault::cancelled;
    if (own_fix || !system::exists(answer.config)) return error;
    return std::move(error).with_fix(is_born(answer)
                                         ? "go on with perdure backup, then perdure status"
                                         : "go on with perdure init, then perdure backup");
}

Result<void> take_stages(QuickstartCall const& call, QuickstartAnswer& answer,
                         system::Path const& folder,
                         std::function<void(Stage, QuickstartAnswer const&)> const& each);

}  // namespace

Result<QuickstartAnswer> quickstart(QuickstartCall const& call,
                                    std::function<void(Stage, QuickstartAnswer const&)> each) {
    auto const started = std::chrono::steady_clock::now();
    QuickstartAnswer answer;
    auto const folder = absolute_path(call.folder);
    if (folder.empty()) {
        return fail(Fault::not_found, "the folder that perdure was started in is gone")
            .with_fix("go to one that exists, or name one with --dir DIR");
    }
    answer.config = folder / "perdure.toml";
    answer.key_file = folder / "perdure.key";
    answer.recovery_kit = folder / "perdure-recovery.txt";
    answer.backups = folder / "backups";
    PD_CHECK(refuse_leftovers(answer));

    if (auto taken = take_stages(call, answer, folder, each); !taken)
        return with_way_on(std::move(taken).error(), answer);
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - started;
    answer.duration_s = took.count();
    each(Stage::done, answer);
    return answer;
}

namespace {

Result<void> take_stages(QuickstartCall const& call, QuickstartAnswer& answer,
                         system::Path const& folder,
                         std::function<void(Stage, QuickstartAnswer const&)> const& each) {
    call.begin(Stage::discover);
    PD_TRY(answer.inventory, origin::discover(absolute_path(call.target), call.stop));
    PD_CHECK(refuse_nothing(answer, call.target));
    PD_CHECK(refuse_neighbours(answer, absolute_path(call.target)));
    each(Stage::discover, answer);
    PD_CHECK(system::make_folders(folder, 0755));
    PD_CHECK(check_space(answer, folder));
    each(Stage::space, answer);

    call.begin(Stage::configure);
    PD_CHECK(configure(answer, folder));
    each(Stage::configure, answer);
    call.begin(Stage::key);
    PD_TRY(auto workspace, make_repository(call, answer));
    each(Stage::key, answer);

    call.begin(Stage::backup);
    BackupCall backup_call;
    backup_call.tags = {"quickstart"};
    backup_call.progress = call.progress;
    PD_TRY(answer.backup, backup(*workspace, backup_call));
    each(Stage::backup, answer);
    call.begin(Stage::verify);
    VerifyCall verify_call;
    verify_call.read_data = true;
    PD_TRY(answer.verify, verify(*workspace, verify_call));
    each(Stage::verify, answer);
    call.begin(Stage::drill);
    DrillsCall drill_call;
    drill_call.drill.progress = call.progress;
    PD_TRY(auto drills, run_drills(*workspace, drill_call));
    answer.drill = std::move(drills.front().report);
    answer.drill_report = drills.front().file;
    each(Stage::drill, answer);

    answer.health = assess(*workspace, false);
    return {};
}

}  // namespace

}  // namespace perdure::service
