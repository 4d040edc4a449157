#include <fmt/format.h>

#include <algorithm>

#include "face/cli/commands/export/export_words.h"
#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "service/config/units.h"
#include "service/export/export_history.h"

namespace perdure::face {
namespace {

JsonObject export_object(catalog::ExportRecord const& record) {
    JsonObject object;
    object.put("id", record.id).put("written", to_rfc3339(record.written));
    object.put("source", record.source).put("snapshot", record.snapshot);
    object.put("format", record.format).put_path("output", record.output);
    object.put("sha256", record.sha256).put("records", record.records);
    object.put("media", record.media).put("files", record.files).put("bytes", record.bytes);
    object.put("omissions", record.omissions);
    return object;
}

std::string_view share_state(catalog::ShareRecord const& share, Timestamp now) {
    if (share.revoked) return "revoked";
    if (share.expires < now) return "expired";
    bool const used_up = share.downloads_max > 0 && share.downloads >= share.downloads_max;
    return used_up ? "used up" : "open";
}

JsonObject share_object(catalog::ShareRecord const& share, Timestamp now) {
    JsonObject object;
    object.put("id", share.id).put("state", share_state(share, now));
    object.put_path("bundle", share.bundle).put("sha256", share.sha256);
    object.put("created", to_rfc3339(share.created)).put("expires", to_rfc3339(share.expires));
    object.put("downloads", share.downloads).put("downloads_max", share.downloads_max);
    object.put("passphrase", share.passphrase);
    return object;
}

Timestamp now() {
    return to_timestamp(std::chrono::system_clock::now());
}

/// Parts that come from elsewhere prove themselves.
Result<int> verify_parts(Invocation& in, system::Path const& folder) {
    auto const checked = job::check_parts(folder, in.stop());
    if (!checked) {
        bool const damaged = checked.error().fault() == Fault::corrupt;
        return damaged
                   ? Error(checked.error()).with_code(14).with_fix("take another copy of that part")
                   : Error(checked.error());
    }
    in.out().line(
        fmt::format("{} {} is whole: every part is as it was written; JOIN.txt tells how "
                    "to join them",
                    in.out().out_style().green("✓"), printable(folder.string())));
    return service::exit_code::ok;
}

}  // namespace

Result<int> run_export_list(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    auto log = service::open_export_log(*workspace);
    std::vector<catalog::ExportRecord> exports;
    if (log) {
        PD_TRY(exports, log->list(in.arguments().most("--max", 20)));
    }
    Table table({"when", "source", "of", "format", ">records", ">size", "sha256", "output"});
    for (auto const& record : exports) {
        table.add({local_time(record.written), record.source,
                   record.snapshot.empty() ? "live" : service::short_id(record.snapshot),
                   record.format, spell_count(record.records), spell_bytes(record.bytes),
                   record.sha256.substr(0, 12), printable(record.output)});
        in.out().event("export", export_object(record));
    }
    if (exports.empty()) in.out().line("Nothing was exported yet.");
    if (!exports.empty()) table.print(in.out());
    in.summary().put("exports", exports.size());
    return service::exit_code::ok;
}

Result<int> run_export_verify(Invocation& in) {
    auto opened = open_to_read(in);
    bool asked = false;
    for (auto const* option : {"--public-key", "--identity", "--passphrase-file", "--salvage"}) {
        asked = asked || in.arguments().has(option);
    }
    // An archive proves itself, where it was not made here, or is to be looked into.
    if (!opened || asked) return run_archive_verify(in);
    auto const& workspace = *opened;
    auto const output = absolute_output(in.arguments().positional.front());
    auto const known = service::verify_export(*workspace, output);
    bool const foreign = !known && known.error().fault() == Fault::not_found;
    if (foreign && job::holds_parts(output)) return verify_parts(in, output);
    bool const sealed = job::holds_parts(output) || output.filename().string().ends_with(".age");
    if (foreign || (known && known->written.format == "archive" && !sealed)) {
        auto const code = run_archive_verify(in);
        bool const none = !code && code.error().fault() == Fault::unsupported;
        return foreign && none ? Error(known.error()) : code;
    }
    if (!known) return Error(known.error());
    auto const& verified = *known;
    in.summary().merge(export_object(verified.written));
    in.summary().put("records_counted", verified.found.records.has_value());
    in.out().line(fmt::format(
        "{} {} is what was exported on {}: {}, {}, sha256 {}{}", in.out().out_style().green("✓"),
        printable(output.string()), local_time(verified.written.written),
        plural(verified.written.records, "record", "records"), spell_bytes(verified.found.bytes),
        verified.written.sha256.substr(0, 12), verified.found.records ? ", counted again" : ""));
    return service::exit_code::ok;
}

Result<int> run_export_share(Invocation& in) {
    auto const& arguments = in.arguments();
    service::ShareCall call;
    call.output = absolute_output(arguments.positional.front());
    auto const bundle = arguments.value("--output", call.output.string() + ".age");
    call.bundle = absolute_output(bundle);
    auto const lifetime = service::parse_duration(arguments.value("--expires", "7d"));
    if (!lifetime) return Error(lifetime.error()).within("--expires").with_code(2);
    call.lifetime = std::chrono::duration_cast<std::chrono::seconds>(*lifetime);
    call.downloads_max = arguments.number("--downloads", 0);
    if (arguments.has("--passphrase")) {
        auto const ask = in.ask_secret(
            "run it at a terminal, or leave --passphrase out: the secret alone opens it then");
        PD_TRY(auto const secret, ask("Passphrase of this share: "));
        call.passphrase = to_string(secret.view());
    }
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto const answer, service::share_export(*workspace, call));
    in.summary().merge(share_object(answer.share, now())).put("secret", answer.secret);
    in.out().line(fmt::format("{} {} holds the export, encrypted; give it and the secret apart",
                              in.out().out_style().green("✓"), printable(call.bundle.string())));
    in.out().line("  secret   " + answer.secret);
    in.out().line("  opens    age --decrypt -o FILE " + printable(call.bundle.filename().string()) +
                  (answer.share.passphrase ? "   (type SECRET-PASSPHRASE)" : ""));
    in.out().line(
        fmt::format("  share    {}, until {}", answer.share.id, local_time(answer.share.expires)));
    in.out().talk("The secret is kept nowhere: note it now.");
    return service::exit_code::ok;
}

Result<int> run_export_share_list(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    auto log = service::open_export_log(*workspace);
    std::vector<catalog::ShareRecord> shares;
    if (log) {
        PD_TRY(shares, log->shares());
    }
    Table table({"share", "state", "until", ">downloads", "bundle"});
    for (auto const& share : shares) {
        table.add({share.id, std::string(share_state(share, now())), local_time(share.expires),
                   spell_count(share.downloads), printable(share.bundle)});
        in.out().event("share", share_object(share, now()));
    }
    if (shares.empty()) in.out().line("Nothing is shared.");
    if (!shares.empty()) table.print(in.out());
    in.summary().put("shares", shares.size());
    return service::exit_code::ok;
}

Result<int> run_export_share_revoke(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    auto log = service::open_export_log(*workspace);
    if (!log) return fail(Fault::unavailable, "the log of exports cannot be opened");
    auto revoked = log->revoke(in.arguments().positional.front(), now());
    if (!revoked) return Error(std::move(revoked).error()).with_fix("perdure export share list");
    auto removed = system::remove_file(revoked->bundle);
    bool const gone = removed || removed.error().fault() == Fault::not_found;
    in.summary().merge(share_object(*revoked, now())).put("bundle_removed", gone);
    in.out().line(fmt::format("{} share {} is revoked{}", in.out().out_style().green("✓"),
                              revoked->id, gone ? ", its bundle removed" : ""));
    in.out().talk("A bundle that was fetched before can still be opened by who has the secret.");
    if (gone) return service::exit_code::ok;
    in.out().warn(removed.error().message());
    return service::exit_code::partial;
}

}  // namespace perdure::face
