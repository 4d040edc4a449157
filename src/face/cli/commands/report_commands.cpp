#include <fmt/format.h>

#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "service/report/check.h"

namespace perdure::face {
namespace {

std::string_view signer_name(service::Signer signer) {
    switch (signer) {
        case service::Signer::own_current:
            return "own_current";
        case service::Signer::own_retired:
            return "own_retired";
        case service::Signer::given:
            return "given";
        case service::Signer::stranger:
            return "unknown";
    }
    return "";
}

/// The folder of this instance's keys; empty where there is no configuration to belong to.
system::Path state_folder(Invocation& in) {
    auto const workspace = open_to_read(in);
    return workspace ? (*workspace)->state_folder() : system::Path();
}

void tell_keys(Invocation& in, std::vector<service::KnownReportKey> const& keys) {
    Table table({"key", "made", "vouched for by", "", "public key"});
    JsonArray list;
    for (auto const& key : keys) {
        bool const first = key.previous == key.id;
        table.add({key.id, local_time(key.made), first ? "itself" : key.previous,
                   key.current ? "signs now" : "retired", to_base64(key.key.view())});
        JsonObject object;
        object.put("key_id", key.id).put("key", to_base64(key.key.view()));
        object.put("made", to_rfc3339(key.made)).put("previous", key.previous);
        object.put("current", key.current);
        in.out().event("report_key", object);
        list.add(object);
    }
    table.print(in.out());
    in.summary().put("keys", list);
}

}  // namespace

Result<int> run_verify_report(Invocation& in) {
    service::CheckReportCall call;
    call.file = in.arguments().positional.front();
    call.key = in.arguments().value("--key");
    call.state_folder = state_folder(in);
    PD_TRY(auto const checked, service::check_report(call));
    auto const& report = checked.report;
    auto& out = in.out();
    bool const known = checked.signer != service::Signer::stranger;
    out.line(fmt::format("report  {}", printable(report.kind)));
    out.line(fmt::format("issued  {} on {}", printable(report.issued), printable(report.host)));
    out.line(fmt::format("key     {}, {}", report.key_id, service::signer_words(checked.signer)));
    in.summary().put("kind", report.kind).put("issued", report.issued).put("host", report.host);
    in.summary().put("key_id", report.key_id).put("signer", signer_name(checked.signer));
    in.summary().put("intact", true).put("trusted", known);
    if (!known) {
        return fail(Fault::denied, "the report is whole, but its key " + report.key_id +
                                       " is not known here: anybody could have signed it")
            .with_code(12)
            .with_fix(
                "get the issuer's public key another way, then: perdure verify-report FILE "
                "--key KEY");
    }
    out.line();
    out.line(out.out_style().green("✓") + " unchanged since it was signed");
    return service::exit_code::ok;
}

Result<int> run_report_key_show(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    PD_CHECK(service::ReportKeys::open(workspace->state_folder()));
    PD_TRY(auto const keys, service::ReportKeys::known(workspace->state_folder()));
    tell_keys(in, keys);
    return service::exit_code::ok;
}

Result<int> run_report_key_rotate(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    PD_TRY(auto keys, service::ReportKeys::open(workspace->state_folder()));
    auto const old_id = keys.current().id;
    PD_CHECK(keys.rotate());
    PD_TRY(auto const all, service::ReportKeys::known(workspace->state_folder()));
    tell_keys(in, all);
    in.out().line();
    in.out().line(fmt::format("reports are signed by {} from now on; those of {} stay valid",
                              keys.current().id, old_id));
    return service::exit_code::ok;
}

}  // namespace perdure::face
