#pragma once

#include <optional>

#include "catalog/export_log.h"
#include "service/export/export.h"

namespace perdure::service {

/// Null where it cannot be opened (a full or read-only disk): exports go on unrecorded.
std::optional<catalog::ExportLog> open_export_log(Workspace const& workspace);
/// What a finished export was, for list and verify. Best effort: an export that cannot be
/// remembered is still a good export.
void remember_export(Workspace const& workspace, ExportCall const& call,
                     ExportAnswer const& answer);

struct VerifiedExport {
    catalog::ExportRecord written;  ///< as it was
    job::OutputProof found;         ///< as it is
};
/// Reads an output again and compares it with what was remembered of it, by name or by digest.
/// Fails: not_found (no such output, or none is remembered); corrupt (PD-0014), telling what
/// differs.
Result<VerifiedExport> verify_export(Workspace const& workspace, system::Path const& output);

struct ShareCall {
    system::Path output;  ///< a file that was exported
    system::Path bundle;  ///< the encrypted file to write
    std::chrono::seconds lifetime{};
    std::uint64_t downloads_max = 0;  ///< 0: no limit
    std::string passphrase;           ///< asked for beside the secret; empty: none
};
struct ShareAnswer {
    catalog::ShareRecord share;
    std::string secret;  ///< 256 bits in base64url; kept nowhere
};
/// Encrypts an export into a bundle that the age program opens with the secret (and, where one was
/// given, "-" and the passphrase behind it), and remembers the share so that it can be revoked.
/// Fails: not_found, conflict (the bundle exists), exhausted; unsupported (a folder).
Result<ShareAnswer> share_export(Workspace const& workspace, ShareCall const& call);

}  // namespace perdure::service
