#include "service/report/signed_report.h"

#include <unistd.h>

#include <algorithm>

#include "crypto/hash.h"
#include "system/account.h"
#include "system/clock.h"
#include "system/folder/list_folder.h"

namespace perdure::service {
namespace {

constexpr std::string_view purpose = "perdure1/report";
constexpr std::string_view secret_head = "perdure-report-key 1\n";
constexpr std::size_t report_bytes_max = 256u << 20;

std::string message_of(std::string_view of, std::string_view bytes) {
    return std::string(of) + '\n' + std::string(bytes);
}

std::string sign_with(crypto::SignPair const& pair, std::string const& kind, data::Json body) {
    data::Json report;
    report.put("format", "perdure-report").put("version", 1).put("kind", kind);
    report.put("issued", to_rfc3339(system::real_clock().now()));
    report.put("host", system::host_name()).put("user", system::user_name());
    report.put("program", "perdure " PERDURE_VERSION).put("body", std::move(body));
    auto const message = message_of(purpose, report.canonical());
    data::Json signature;
    signature.put("algorithm", "Ed25519").put("key", to_base64(pair.open.view()));
    signature.put("key_id", report_key_id(pair.open));
    signature.put("value", to_base64(crypto::sign(pair, as_bytes(message)).view()));
    return report.put("signature", std::move(signature)).pretty();
}

data::Json introduce(crypto::VerifyKey const& key, std::string const& previous) {
    data::Json body;
    body.put("key", to_base64(key.view())).put("key_id", report_key_id(key));
    return body.put("previous", previous);
}

Bytes secret_text(crypto::SignPair const& pair) {
    return to_bytes(std::string(secret_head) + to_base64(pair.seed.view()) + '\n');
}

Result<crypto::SignPair> load_pair(system::Path const& file) {
    PD_TRY(Bytes const raw, system::read_file(file, 4096));
    std::string_view text = as_text(raw);
    auto const bad = [&] {
        return fail(Fault::corrupt, file.string() + " is no signing key of perdure")
            .with_fix("move it away; the next report makes a new key");
    };
    if (!text.starts_with(secret_head)) return bad();
    text.remove_prefix(secret_head.size());
    while (text.ends_with('\n')) text.remove_suffix(1);
    auto const seed = from_base64(text);
    if (!seed || seed->size() != 32) return bad();
    return crypto::sign_pair_from_seed(
        crypto::Secret32(std::span<std::byte const, 32>(seed->data(), 32)));
}

/// A key's own file: a report about it, signed by the key before it (or itself).
Result<KnownReportKey> load_known(system::Path const& file) {
    PD_TRY(Bytes const raw, system::read_file(file, 1 << 20));
    PD_TRY(VerifiedReport const report, verify_report(as_text(raw)));
    auto const* body = report.report.find("body");
    if (report.kind != "report-key" || !body) {
        return fail(Fault::corrupt, file.string() + " introduces no key");
    }
    KnownReportKey known;
    PD_TRY(Bytes const key, from_base64(body->text_of("key")));
    PD_TRY(known.key, crypto::VerifyKey::from(key));
    PD_TRY(known.made, parse_time(report.issued));
    known.id = report_key_id(known.key);
    known.previous = body->text_of("previous");
    if (known.previous != report.key_id) {
        return fail(Fault::corrupt, file.string() + " is not signed by the key that it names");
    }
    return known;
}

}  // namespace

std::string report_key_id(crypto::VerifyKey const& key) {
    return to_hex(crypto::sha256(key.view())).substr(0, 16);
}

Result<ReportKeys> ReportKeys::open(system::Path const& state_folder) {
    auto const folder = state_folder / "report-keys";
    auto const secret = folder / "signing.key";
    if (!system::exists(secret)) {
        PD_CHECK(system::make_folders(folder));
        auto const pair = crypto::make_sign_pair(system::real_random());
        auto const id = report_key_id(pair.open);
        // Introduced first: a signing key that nobody knows must not exist.
        PD_CHECK(
            system::write_file(folder / (id + ".json"),
                               as_bytes(sign_with(pair, "report-key", introduce(pair.open, id)))));
        auto const made = system::write_file(secret, secret_text(pair), {.replace = false});
        if (!made) {
            if (made.error().fault() != Fault::conflict) return made.error();
            static_cast<void>(system::remove_file(folder / (id + ".json")));
        }
    }
    PD_TRY(crypto::SignPair pair, load_pair(secret));
    ReportKeys keys(folder, std::move(pair));
    PD_CHECK(keys.read_current());
    return keys;
}

Result<void> ReportKeys::read_current() {
    auto const id = report_key_id(pair_.open);
    PD_TRY(current_, load_known(folder_ / (id + ".json")));
    current_.current = true;
    return {};
}

Result<std::vector<KnownReportKey>> ReportKeys::known(system::Path const& state_folder) {
    auto const folder = state_folder / "report-keys";
    std::vector<KnownReportKey> out;
    std::error_code error;
    auto const pair = load_pair(folder / "signing.key");
    for (auto const& file : system::list_folder(folder, error)) {
        if (file.extension() != ".json") continue;
        PD_TRY(KnownReportKey key, load_known(file));
        key.current = pair && pair->open == key.key;
        out.push_back(std::move(key));
    }
    std::ranges::sort(out, [](KnownReportKey const& a, KnownReportKey const& b) {
        return std::tie(a.current, a.made, a.id) < std::tie(b.current, b.made, b.id);
    });
    return out;
}

Result<void> ReportKeys::rotate() {
    auto const fresh = crypto::make_sign_pair(system::real_random());
    auto const id = report_key_id(fresh.open);
    PD_CHECK(system::write_file(
        folder_ / (id + ".json"),
        as_bytes(sign_with(pair_, "report-key", introduce(fresh.open, current_.id)))));
    PD_CHECK(system::write_file(folder_ / "signing.key", secret_text(fresh)));
    pair_ = fresh;
    return read_current();
}

std::string ReportKeys::sign(std::string const& kind, data::Json body) const {
    return sign_with(pair_, kind, std::move(body));
}

Result<VerifiedReport> verify_report(std::string_view text) {
    auto const no_report = [](std::string why) {
        return fail(Fault::invalid, "this is no report of perdure\n" + std::move(why)).with_code(2);
    };
    if (text.size() > report_bytes_max) return no_report("it is larger than 256 MiB");
    auto parsed = data::Json::parse(text);
    if (!parsed) return no_report(parsed.error().message());
    VerifiedReport out;
    out.report = std::move(*parsed);
    if (out.report.text_of("format") != "perdure-report") return no_report("its format is another");
    if (out.report.integer_of("version") != 1) {
        return fail(Fault::unsupported, "a report of another version than 1")
            .with_fix("verify it with the newest perdure");
    }
    auto const* signature = out.report.find("signature");
    if (!signature || !signature->object()) return no_report("it bears no signature");
    auto const key = from_base64(signature->text_of("key"));
    auto const value = from_base64(signature->text_of("value"));
    auto const verify_key = key ? crypto::VerifyKey::from(*key) : key.error();
    auto const signed_value = value ? crypto::Signature::from(*value) : value.error();
    if (!verify_key || !signed_value || signature->text_of("algorithm") != "Ed25519") {
        return no_report("its signature cannot be read");
    }
    data::Json content;
    for (auto const& [name, member] : *out.report.object()) {
        if (name != "signature") content.put(name, member);
    }
    auto const message = message_of(purpose, content.canonical());
    out.key = *verify_key;
    out.key_id = report_key_id(out.key);
    bool const same = crypto::verify(out.key, as_bytes(message), *signed_value);
    if (!same || signature->text_of("key_id") != out.key_id) {
        return fail(Fault::corrupt, "the report was changed after it was signed")
            .with_code(14)
            .with_fix("get the original file again from whoever issued it");
    }
    out.kind = out.report.text_of("kind");
    out.issued = out.report.text_of("issued");
    out.host = out.report.text_of("host");
    return out;
}

Result<crypto::VerifyKey> read_report_key(std::string const& text) {
    if (text.size() == 64) {
        if (auto const raw = from_hex(text)) return crypto::VerifyKey::from(*raw);
    }
    if (auto const raw = from_base64(text); raw && raw->size() == 32) {
        return crypto::VerifyKey::from(*raw);
    }
    auto const file = system::read_file(text, 1 << 20);
    auto const wrong = fail(Fault::invalid, "\"" + text + "\" is no public key")
                           .with_code(2)
                           .with_fix("give a <key id>.json, 64 hexadecimal digits or Base64");
    if (!file) return wrong;
    auto const report = verify_report(as_text(*file));
    if (!report || report->kind != "report-key") return wrong;
    auto const* body = report->report.find("body");
    auto const raw = from_base64(body ? body->text_of("key") : "");
    return raw ? crypto::VerifyKey::from(*raw) : Result<crypto::VerifyKey>(wrong);
}

Result<system::Path> keep_report(system::Path const& folder, std::string const& kind,
                                 std::string const& text) {
    PD_CHECK(system::make_folders(folder));
    auto const stem = kind + "-" + to_compact(system::real_clock().now());
    for (int n = 1;; ++n) {
        auto const path = folder / (stem + (n == 1 ? "" : "-" + std::to_string(n)) + ".json");
        auto const kept =
            system::write_file(path, as_bytes(text), {.replace = false, .mode = 0644});
        if (kept) return path;
        if (kept.error().fault() != Fault::conflict || n == 1000) return kept.error();
    }
}

}  // namespace perdure::service
