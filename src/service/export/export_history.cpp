#include "service/export/export_history.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/container/age/age.h"
#include "system/clock.h"
#include "system/random.h"

namespace perdure::service {
namespace {

Error differs(system::Path const& output, std::string const& what) {
    return fail(Fault::corrupt,
                fmt::format("{} is not what was exported\n{}", output.string(), what))
        .with_code(14)
        .with_fix("export it again, or take another copy of it");
}

/// Base64 that fits into a link (RFC 4648 §5), without padding.
std::string to_link_text(ByteView bytes) {
    auto text = to_base64(bytes);
    while (text.ends_with('=')) text.pop_back();
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

using Token = Opaque<32, struct ShareTokenTag>;

Result<void> encrypt(system::Path const& from, system::Path const& to, std::string const& secret,
                     std::stop_token const& stop) {
    PD_TRY(auto file, system::File::open_to_read(from));
    PD_TRY(auto tree, format::open_single_file(to, false));
    PD_TRY(auto below, tree->create("bundle", {.compressible = false}));
    format::AgeSeal seal;
    seal.passphrase = crypto::SecretBytes(to_bytes(secret));
    PD_TRY(auto out, format::encrypt_age(std::move(below), seal, system::real_random()));
    Bytes piece(1 << 20);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(auto const got, file.read(piece));
        if (got == 0) break;
        PD_CHECK(out->write(ByteView(piece).first(got)));
    }
    PD_CHECK(out->finish());
    return tree->finish();
}

}  // namespace

std::optional<catalog::ExportLog> open_export_log(Workspace const& workspace) {
    auto opened = catalog::ExportLog::open(workspace.state_folder() / "exports.db");
    if (!opened) return std::nullopt;
    return std::move(*opened);
}

void remember_export(Workspace const& workspace, ExportCall const& call,
                     ExportAnswer const& answer) {
    auto log = open_export_log(workspace);
    if (!log) return;
    auto const& report = answer.report;
    static_cast<void>(log->add({.written = system::real_clock().now(),
                                .source = answer.source,
                                .snapshot = report.snapshot,
                                .format = call.format,
                                .output = call.output.string(),
                                .sha256 = to_hex(report.proof.digest),
                                .records = report.summary.records,
                                .media = report.summary.media,
                                .files = report.proof.files,
                                .bytes = report.proof.bytes,
                                .omissions = report.summary.omissions_total}));
}

Result<VerifiedExport> verify_export(Workspace const& workspace, system::Path const& output) {
    PD_TRY(auto const digest, job::digest_output(output, workspace.stop()));
    auto log = open_export_log(workspace);
    if (!log) return fail(Fault::unavailable, "the log of exports cannot be opened");
    PD_TRY(auto const known, log->find(output.string(), to_hex(digest.digest)));
    if (!known) {
        return fail(Fault::not_found,
                    fmt::format("no export to {}, and none with its digest {}, is remembered here",
                                output.string(), to_hex(digest.digest)))
            .with_fix("perdure export list");
    }
    VerifiedExport out{.written = *known, .found = digest};
    if (digest.bytes != known->bytes) {
        return differs(output,
                       fmt::format("it has {} bytes, {} were written", digest.bytes, known->bytes));
    }
    if (to_hex(digest.digest) != known->sha256) {
        return differs(output, fmt::format("its SHA-256 is {}, it was {}", to_hex(digest.digest),
                                           known->sha256));
    }
    PD_TRY(auto const* kind, format::find_format(known->format));
    auto proof = job::prove_output(output, *kind, known->output, workspace.stop());
    if (!proof) return differs(output, proof.error().message());
    if (proof->records && *proof->records != known->records) {
        return differs(output, fmt::format("it holds {} records, {} were written", *proof->records,
                                           known->records));
    }
    out.found = *proof;
    return out;
}

Result<ShareAnswer> share_export(Workspace const& workspace, ShareCall const& call) {
    std::error_code ignored;
    if (std::filesystem::is_directory(call.output, ignored)) {
        return fail(Fault::unsupported, call.output.string() + " is a folder")
            .with_code(2)
            .with_fix("export it into one file: -o X.zip or X.tar.gz");
    }
    PD_TRY(auto const digest, job::digest_output(call.output, workspace.stop()));
    auto log = open_export_log(workspace);
    if (!log) return fail(Fault::unavailable, "a share that cannot be remembered is not made");
    PD_TRY(auto const known, log->find(call.output.string(), to_hex(digest.digest)));
    auto const token = system::real_random().draw<Token>();
    ShareAnswer answer{.secret = to_link_text(token.view())};
    auto const opens =
        call.passphrase.empty() ? answer.secret : answer.secret + "-" + call.passphrase;
    PD_CHECK(encrypt(call.output, call.bundle, opens, workspace.stop()));
    PD_TRY(auto const bundle, job::digest_output(call.bundle, workspace.stop()));
    auto const now = system::real_clock().now();
    answer.share = {
        .id = to_hex(crypto::sha256(token.view())).substr(0, 12),
        .bundle = call.bundle.string(),
        .sha256 = to_hex(bundle.digest),
        .token_hash = to_hex(crypto::sha256(as_bytes(answer.secret))),
        .export_id = known ? known->id : 0,
        .created = now,
        .expires = now + call.lifetime,
        .downloads_max = call.downloads_max,
        .passphrase = !call.passphrase.empty(),
    };
    auto const kept = log->add_share(answer.share);
    if (!kept) {
        static_cast<void>(system::remove_file(call.bundle));
        return kept.error();
    }
    return answer;
}

}  // namespace perdure::service
