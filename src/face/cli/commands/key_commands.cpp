#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "service/setup/init.h"
#include "service/setup/keys.h"

namespace perdure::face {
namespace {

std::string_view kind_name(repository::SlotKind kind) {
    switch (kind) {
        case repository::SlotKind::passphrase:
            return "passphrase";
        case repository::SlotKind::key_file:
            return "key file";
        case repository::SlotKind::recovery_phrase:
            return "recovery phrase";
        case repository::SlotKind::command:
            return "command";
    }
    return "";
}

/// The new secret as the options name it.
Result<repository::KeySecret> new_secret(Invocation& in) {
    auto const& arguments = in.arguments();
    if (auto const file = arguments.value("--file"); !file.empty()) {
        if (!system::exists(file)) {
            PD_CHECK(service::make_key_file(file, system::real_random()));
            in.out().line("made the key " + file);
        }
        service::KeyReference reference;
        reference.way = service::KeyReference::Way::file;
        reference.value = file;
        return service::load_key(reference, {}, in.stop());
    }
    if (auto const name = arguments.value("--env"); !name.empty()) {
        service::KeyReference reference;
        reference.way = service::KeyReference::Way::environment;
        reference.value = name;
        return service::load_key(reference, {}, in.stop());
    }
    if (auto const words = arguments.values("--command"); !words.empty()) {
        service::KeyReference reference;
        reference.way = service::KeyReference::Way::command;
        reference.argv = words;
        return service::load_key(reference, {}, in.stop());
    }
    auto const ask = in.ask_secret(
        "run it at a terminal, or add a key of another kind: --file, --env or --command");
    PD_TRY(crypto::SecretBytes first, ask("New passphrase: "));
    PD_TRY(crypto::SecretBytes const second, ask("The same again: "));
    if (!crypto::equal_constant_time(first.view(), second.view())) {
        return fail(Fault::invalid, "the two passphrases differ")
            .with_code(2)
            .with_fix("try again");
    }
    repository::KeySecret secret;
    secret.kind = repository::KeySecret::Kind::passphrase;
    secret.bytes = std::move(first);
    return secret;
}

/// The exit code: a change that has not reached every destination is not done.
int tell_change(Invocation& in, service::Workspace& workspace,
                repository::ChangeReport const& report) {
    in.summary().put("epoch", report.epoch).put("complete", report.complete);
    JsonArray homes;
    for (auto const& home : report.homes) {
        JsonObject object;
        object.put("home", home.home).put("keys_destroyed", home.keys_destroyed);
        if (!home.pending.empty()) object.put("pending", home.pending);
        homes.add(object);
        if (!home.pending.empty()) in.out().warn("  " + home.home + ": pending: " + home.pending);
    }
    in.summary().put("homes", homes);
    if (report.waits_for_sessions) {
        in.out().warn("  running backups have not seen the change yet; it completes after them");
    }
    auto const health = workspace.health();
    for (auto const& destination : workspace.destinations()) {
        auto const leg = std::ranges::find(health, destination.name, &store::LegHealth::name);
        if (destination.keys || leg == health.end() || !leg->degraded) continue;
        in.out().warn(
            fmt::format("  {} is away and is no key home: if it was one before, sync it "
                        "when it is back",
                        destination.name));
    }
    return report.complete ? service::exit_code::ok : service::exit_code::partial;
}

}  // namespace

Result<int> run_key_add(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    PD_CHECK(workspace->repository());
    PD_TRY(auto const secret, new_secret(in));
    service::AddKeyCall call;
    call.secret = &secret;
    call.label = in.arguments().value("--label", "added by perdure key add");
    PD_TRY(auto const id, service::add_key(*workspace, call));
    in.out().line(fmt::format("added key {} ({})", to_hex(id).substr(0, 8), call.label));
    in.summary().put("key", to_hex(id));
    return service::exit_code::ok;
}

Result<int> run_key_list(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const list, service::list_keys(*workspace));
    Table table({"key", "kind", "label", "made", ""});
    for (auto const& slot : list.slots) {
        bool const current = slot.id == list.current;
        table.add({to_hex(slot.id).substr(0, 8), std::string(kind_name(slot.kind)),
                   printable(slot.label), local_time(slot.created), current ? "in use" : ""});
        JsonObject object;
        object.put("id", to_hex(slot.id)).put("kind", kind_name(slot.kind));
        object.put("label", slot.label).put("created", to_rfc3339(slot.created));
        object.put("current", current);
        in.out().event("key", object);
    }
    table.print(in.out());
    in.summary().put("keys", list.slots.size()).put("epoch", list.epoch);
    return service::exit_code::ok;
}

Result<int> run_key_remove(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    service::RemoveKeyCall const call{in.arguments().positional.front(),
                                      in.arguments().value("--confirm")};
    PD_TRY(auto const report, service::remove_key(*workspace, call));
    in.out().line(report.complete
                      ? fmt::format("that key opens nothing any more (epoch {})", report.epoch)
                      : fmt::format("that key is out from epoch {} on, but not everywhere yet:",
                                    report.epoch));
    return tell_change(in, *workspace, report);
}

Result<int> run_key_rotate(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    PD_TRY(auto const report, service::rotate_keys(*workspace));
    in.out().line(
        fmt::format("fresh inner keys, epoch {}; every secret stays valid", report.epoch));
    return tell_change(in, *workspace, report);
}

Result<int> run_key_merge(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    PD_TRY(auto const report, service::merge_keys(*workspace, in.arguments().value("--confirm")));
    auto& out = in.out();
    in.summary().put("forked", report.forked).put("people", report.people);
    in.summary().put("joined", report.joined).put("erased", report.erased);
    if (!report.forked) {
        out.line("the destinations hold one keyring: nothing to join");
        in.summary().put("epoch", report.epoch).put("complete", true);
        return service::exit_code::ok;
    }
    out.line(fmt::format("joined in epoch {}: {}, {} of them new to the first destination",
                         report.epoch, plural(report.people, "person", "people"), report.joined));
    if (report.erased > 0) {
        out.line(fmt::format("{} erased at one destination only, now everywhere",
                             plural(report.erased, "person was", "people were")));
    }
    JsonArray left_out;
    for (auto const& slot : report.left_out) {
        out.warn(fmt::format("  key {} ({}, {}) was known to some only and is out: add it again",
                             to_hex(slot.id).substr(0, 8), kind_name(slot.kind),
                             printable(slot.label)));
        JsonObject object;
        object.put("id", to_hex(slot.id)).put("label", slot.label);
        left_out.add(object);
    }
    in.summary().put("left_out", left_out);
    out.line("next: perdure backup sync, which brings packs and snapshots together");
    return tell_change(in, *workspace, report.change);
}

Result<int> run_key_recovery_kit(Invocation& in) {
    PD_TRY(auto workspace, open_workspace(in));
    system::Path const file = in.arguments().value("--output");
    PD_TRY(auto const kit, service::make_recovery_kit(*workspace, file));
    if (file.empty()) {
        in.out().line(kit);
        in.summary().put("kit", kit);
        return service::exit_code::ok;
    }
    in.out().line(
        fmt::format("wrote {}: print it, lock it away, and remove it here", file.string()));
    in.summary().put_path("file", file.string());
    return service::exit_code::ok;
}

namespace {

std::string outcome_text(Style const& style, catalog::Run const& run) {
    auto const name = catalog::outcome_name(run.outcome);
    switch (run.outcome) {
        case catalog::Outcome::ok:
            return style.green(name);
        case catalog::Outcome::running:
            return style.cyan(name);
        case catalog::Outcome::partial:
            return style.yellow(name);
        default:
            return style.red(name);
    }
}

std::string duration_of(catalog::Run const& run) {
    if (!run.finished) return "";
    return spell_seconds(std::chrono::duration<double>(*run.finished - run.started).count());
}

JsonObject run_object(catalog::Run const& run) {
    JsonObject object;
    object.put("id", run.id).put("verb", run.verb).put("started", to_rfc3339(run.started));
    if (run.finished) object.put("finished", to_rfc3339(*run.finished));
    object.put("outcome", catalog::outcome_name(run.outcome)).put("run_exit_code", run.exit_code);
    JsonArray sources;
    for (auto const& source : run.sources) sources.add(source);
    object.put("sources", sources).put("snapshot", run.snapshot).put("items", run.items);
    object.put("bytes_read", run.bytes_read).put("bytes_new", run.bytes_new);
    object.put("bytes_stored", run.bytes_stored).put("problems", run.problems_total);
    if (!run.error.empty()) object.put("error", run.error);
    return object;
}

Result<catalog::RunLog*> open_log(service::Workspace& workspace) {
    if (auto* log = workspace.runs()) return log;
    return fail(Fault::denied, "the log of runs cannot be opened")
        .with_fix("make " + workspace.state_folder().string() + " writable, or set XDG_STATE_HOME");
}

}  // namespace

Result<int> run_runs_list(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto* log, open_log(*workspace));
    PD_TRY(auto const runs, log->list(in.arguments().most("--max", 20)));
    Table table({">run", "started", "what", "about", "result", ">took", "snapshot"});
    for (auto const& run : runs) {
        table.add({std::to_string(run.id), local_time(run.started), run.verb, some_of(run.sources),
                   outcome_text(in.out().out_style(), run), duration_of(run),
                   service::short_id(run.snapshot)});
        in.out().event("run", run_object(run));
    }
    if (table.empty()) {
        in.out().line("nothing ran yet");
    } else {
        table.print(in.out());
    }
    in.summary().put("runs", runs.size());
    return service::exit_code::ok;
}

Result<int> run_runs_show(Invocation& in) {
    auto const& word = in.arguments().positional.front();
    std::int64_t id = 0;
    auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size()) {
        return fail(Fault::invalid, "\"" + word + "\" is no number of a run")
            .with_code(2)
            .with_fix("perdure runs list");
    }
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto* log, open_log(*workspace));
    auto const found = log->find(id);
    if (!found) return Error(found.error()).with_fix("perdure runs list --max 0");
    auto const& run = *found;
    auto& out = in.out();
    out.line(fmt::format("run {}: {}{}, {}", run.id, run.verb,
                         run.sources.empty() ? "" : " of " + some_of(run.sources),
                         outcome_text(out.out_style(), run)));
    out.line(fmt::format("started {}, took {}", local_time(run.started), duration_of(run)));
    if (!run.snapshot.empty()) out.line("snapshot " + run.snapshot);
    if (!run.sentence.empty()) out.line(run.sentence);
    if (!run.error.empty()) out.line(out.out_style().red("error: ") + printable(run.error));
    JsonArray problems;
    for (auto const& problem : run.problems) {
        out.line(
            fmt::format("  skipped {}: {}", printable(problem.path), printable(problem.reason)));
        JsonObject object;
        object.put_path("path", problem.path).put("reason", problem.reason);
        problems.add(object);
    }
    if (run.problems_total > run.problems.size()) {
        out.line(fmt::format("  {} not kept by name: it may have named people, or is long past",
                             plural(run.problems_total - run.problems.size(), "problem")));
    }
    in.summary().put("run", run_object(run)).put("problems", problems);
    in.summary().put("problems_total", run.problems_total);
    return service::exit_code::ok;
}

}  // namespace perdure::face
