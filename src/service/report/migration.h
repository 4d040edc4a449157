#pragma once

#include "service/report/signed_report.h"
#include "service/workspace.h"

namespace perdure::service {

/// The evidence of a migration: signed files that an auditor can check without perdure
/// (docs/REPORTS.md). Each is `<kind>-<time>.json` with a readable `.txt` beside it; long lists lie
/// in an attachment whose hash is signed too.
struct ReportCall {
    system::Path folder;  ///< where the files go; made when missing
    std::string snapshot = "latest";
    std::vector<std::string> sources;  ///< of restore: which; empty: all
    system::Path place;                ///< of inventory: what to look at
    system::Path restored;             ///< of permissions: the folder that was restored into
    std::vector<std::string> map_owner, map_path;  ///< as the restore was told
    bool numeric_owners = false;
    system::Path scratch;
    repository::Progress progress;
};

struct WrittenReport {
    system::Path file, text;
    std::optional<system::Path> attachment;
    bool passed = true;              ///< nothing stands against it
    std::vector<std::string> lines;  ///< what the readable file says
};

/// What was found at a place, what is protected of it and what is not.
Result<WrittenReport> report_inventory(Workspace& workspace, ReportCall const& call);
/// SHA-256 of every file, media file and table of a snapshot.
Result<WrittenReport> report_integrity(Workspace& workspace, ReportCall const& call);
/// Kind, mode, owner and access lists of a restored folder against its snapshot.
Result<WrittenReport> report_permissions(Workspace& workspace, ReportCall const& call);
/// A restore test: restored, checked (integrity, foreign keys, invariants), compared.
Result<WrittenReport> report_restore(Workspace& workspace, ReportCall const& call);
/// The chain of custody, checked from its first entry.
Result<WrittenReport> report_custody(Workspace& workspace, ReportCall const& call);

}  // namespace perdure::service
