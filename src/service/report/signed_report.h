#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/sign.h"
#include "data/json.h"
#include "system/file.h"

namespace perdure::service {

/// Evidence that outlives the machine: a JSON document signed with this instance's Ed25519 key.
/// docs/REPORTS.md has the bytes. A file may be reformatted (jq) without losing its validity:
/// the signature covers "perdure1/report\n" and the canonical form (data/json.h) of everything but
/// the member `signature`.
///
///   {"format": "perdure-report", "version": 1, "kind": "drill", "issued": "2026-11-25T20:15:00Z",
///    "host": "web1", "user": "root", "program": "perdure 0.1.0", "body": {…},
///    "signature": {"algorithm": "Ed25519", "key": base64, "key_id": hex16, "value": base64}}

/// The first 16 hexadecimal digits of SHA-256 of the public key.
std::string report_key_id(crypto::VerifyKey const& key);

struct KnownReportKey {
    std::string id;
    crypto::VerifyKey key;
    Timestamp made;
    std::string previous;  ///< id of the key that vouches for this one; its own for the first
    bool current = false;
};

/// The keys of one instance, in `<state folder>/report-keys/`: signing.key (mode 0600) and one
/// <id>.json a key ever used, itself a report signed by the key before it, so that who trusts an
/// old key can follow to the new one. Old reports verify for ever.
/// Threads: one; processes: any number (the first to make the key wins).
class ReportKeys {
public:
    /// Makes the first key when there is none. Fails: denied, exhausted; corrupt (signing.key).
    static Result<ReportKeys> open(system::Path const& state_folder);
    /// Only what is there, nothing is made; empty when this instance never signed.
    static Result<std::vector<KnownReportKey>> known(system::Path const& state_folder);

    KnownReportKey const& current() const { return current_; }
    /// A fresh key signs from now on; the old one is destroyed, its public half stays.
    Result<void> rotate();

    /// The signed file's text. `body` should hold whole numbers, no fractions.
    std::string sign(std::string const& kind, data::Json body) const;

private:
    ReportKeys(system::Path folder, crypto::SignPair pair)
        : folder_(std::move(folder)), pair_(std::move(pair)) {}
    Result<void> read_current();
    system::Path folder_;
    crypto::SignPair pair_;
    KnownReportKey current_;
};

struct VerifiedReport {
    data::Json report;  ///< all of the file
    std::string kind, issued, host, key_id;
    crypto::VerifyKey key;
};
/// Whether the file is whole and signed by the key that it names. Who holds that key is another
/// question: compare key_id.
/// Fails: invalid (no report); unsupported (a newer version); corrupt (PD-0014: it was changed).
Result<VerifiedReport> verify_report(std::string_view text);

/// A public key as people pass it: a file that holds a report (its key), 64 hexadecimal digits, or
/// Base64. Fails: invalid.
Result<crypto::VerifyKey> read_report_key(std::string const& text);

/// Writes a signed report durably under a fresh name `<kind>-<time>[-n].json` in the folder.
Result<system::Path> keep_report(system::Path const& folder, std::string const& kind,
                                 std::string const& text);

}  // namespace perdure::service
