#include "service/report/check.h"

#include <algorithm>

#include "data/entry.h"
#include "service/report/custody.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t report_bytes_max = 256u << 20;

/// A report may name files that lie beside it, each with its hash.
Result<void> check_attachments(VerifiedReport const& report, system::Path const& folder) {
    auto const* body = report.report.find("body");
    auto const* attachments = body ? body->find("attachments") : nullptr;
    if (!attachments || !attachments->array()) return {};
    for (auto const& attachment : *attachments->array()) {
        auto const name = attachment.text_of("name");
        PD_CHECK(data::check_component(name));
        auto const hash = hash_of_file(folder / name);
        if (hash && *hash == attachment.text_of("sha256")) continue;
        return fail(Fault::corrupt, hash ? name + " was changed after the report was signed"
                                         : name + " belongs to the report and cannot be read\n" +
                                               hash.error().message())
            .with_code(14)
            .with_fix("put the original " + name + " beside the report");
    }
    return {};
}

}  // namespace

std::string_view signer_words(Signer signer) {
    switch (signer) {
        case Signer::own_current:
            return "this instance's key";
        case Signer::own_retired:
            return "a retired key of this instance";
        case Signer::given:
            return "the key you named";
        case Signer::stranger:
            return "a key that is not known here";
    }
    return "";
}

Result<CheckedReport> check_report(CheckReportCall const& call) {
    auto raw = system::read_file(call.file, report_bytes_max);
    if (!raw) {
        return std::move(raw).error().with_code(2).with_fix("name the file of a signed report");
    }
    CheckedReport out;
    auto verified = verify_report(as_text(*raw));
    if (!verified) return std::move(verified).error().within(call.file.string());
    out.report = std::move(*verified);
    PD_CHECK(check_attachments(out.report, call.file.parent_path()));
    if (!call.key.empty()) {
        PD_TRY(crypto::VerifyKey const key, read_report_key(call.key));
        if (key != out.report.key) {
            return fail(Fault::denied, call.file.string() + " is signed by key " +
                                           out.report.key_id + ", not by " + report_key_id(key))
                .with_code(12)
                .with_fix("ask the issuer which key is theirs: perdure report key show");
        }
        out.signer = Signer::given;
        return out;
    }
    if (call.state_folder.empty()) return out;
    PD_TRY(auto const known, ReportKeys::known(call.state_folder));
    auto const own = std::ranges::find(known, out.report.key, &KnownReportKey::key);
    if (own == known.end()) return out;
    out.signer = own->current ? Signer::own_current : Signer::own_retired;
    return out;
}

}  // namespace perdure::service
