#include <fmt/format.h>

#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "format/archive/read/verify.h"

namespace perdure::face {
namespace {

constexpr std::uint64_t key_file_max = 1 << 20;

Result<std::string> text_file(std::string const& name) {
    PD_TRY(auto const bytes, system::read_file(name, key_file_max));
    return to_string(ByteView(bytes));
}

Result<format::VerifyOptions> options_of(Arguments const& arguments) {
    format::VerifyOptions options;
    options.open.salvage = arguments.has("--salvage");
    if (auto key = arguments.value("--public-key"); !key.empty()) {
        if (system::exists(key)) {
            PD_TRY(key, text_file(key));
        }
        auto parsed = format::MinisignPublicKey::parse(key);
        if (!parsed) return Error(parsed.error()).within("--public-key").with_code(2);
        options.key = *parsed;
    }
    if (auto const name = arguments.value("--identity"); !name.empty()) {
        PD_TRY(auto const text, text_file(name));
        auto parsed = format::parse_age_identities(text);
        if (!parsed) return Error(parsed.error()).within(name).with_code(2);
        options.open.keys.identities = std::move(*parsed);
    }
    if (auto const name = arguments.value("--passphrase-file"); !name.empty()) {
        PD_TRY(auto text, text_file(name));
        while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
        options.open.keys.passphrase = crypto::SecretBytes(to_bytes(std::string_view(text)));
    }
    return options;
}

std::string_view signature_word(format::SignatureState state) {
    switch (state) {
        case format::SignatureState::none:
            return "none";
        case format::SignatureState::valid:
            return "valid";
        case format::SignatureState::valid_by_own_word:
            return "valid by its own key";
        case format::SignatureState::wrong:
            return "wrong";
    }
    return "";
}

void tell(Invocation& in, format::ArchiveReport const& report) {
    Table table({"type", ">records"});
    for (auto const& [type, count] : report.per_type) table.add({type, spell_count(count)});
    table.print(in.out());
    for (auto const& error : report.errors) {
        in.out().line("  ✗ " + printable(error));
        JsonObject object;
        object.put("what", error);
        in.out().event("fault", object);
    }
    for (auto const& lost : report.lost) {
        in.out().line(fmt::format("  lost: {}: {}", printable(lost.path), printable(lost.reason)));
        JsonObject object;
        object.put("record", lost.path).put("why", lost.reason);
        in.out().event("lost", object);
    }
    for (auto const& warning : report.warnings) {
        in.out().warn("  " + printable(warning));
        JsonObject object;
        object.put("what", warning);
        in.out().event("warning", object);
    }
    auto& summary = in.summary();
    summary.put("container", report.container).put("encrypted", report.encrypted);
    summary.put("bagit", report.bagit).put("schema_version", report.schema_version);
    summary.put("records", report.records).put("vectors", report.vectors);
    summary.put("media", report.media).put("files", report.files).put("bytes", report.bytes);
    summary.put("signature", signature_word(report.signature));
    summary.put("signed_by", report.signed_by);
    summary.put("faults", report.errors.size()).put("lost", report.lost.size());
}

}  // namespace

Result<int> run_archive_verify(Invocation& in) {
    PD_TRY(auto options, options_of(in.arguments()));
    auto const& name = in.arguments().positional.front();
    auto const report = format::verify_archive(name, std::move(options), in.stop());
    if (!report) {
        auto const fault = report.error().fault();
        bool const damaged = fault == Fault::corrupt || fault == Fault::invalid;
        return damaged ? Error(report.error()).with_code(14) : report.error();
    }
    tell(in, *report);
    auto const& style = in.out().talk_style();
    if (report->good()) {
        in.out().talk(fmt::format("{} {} is whole: {}, signature {}", style.green("✓"),
                                  printable(name), plural(report->records, "record", "records"),
                                  signature_word(report->signature)));
        return service::exit_code::ok;
    }
    in.out().talk(fmt::format("{} {} is damaged: {}, {} lost", style.red("✗"), printable(name),
                              plural(report->errors.size(), "fault", "faults"),
                              report->lost.size()));
    return service::exit_code::integrity;
}

}  // namespace perdure::face
