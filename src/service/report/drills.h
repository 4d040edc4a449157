#pragma once

#include "service/report/signed_report.h"
#include "service/restore.h"

namespace perdure::service {

/// "equal_to_live": how a report tells what a drill proved.
std::string_view equality_name(job::Equality equality);

struct DrillsCall {
    DrillCall drill;      ///< its snapshot: the one to test, "latest" by default
    bool random = false;  ///< also one that is drawn from the older snapshots of the same sources
    std::optional<std::uint64_t> seed;  ///< of that draw; drawn too when not given
};
struct SignedDrill {
    job::DrillReport report;
    bool drawn = false;
    system::Path file;    ///< the signed report; empty when it could not be kept
    std::string trouble;  ///< why it could not
};
/// Drills, signs a report of each, and enters it in the custody log.
/// Fails: as drill(); a drill that did not pass is no failure here.
Result<std::vector<SignedDrill>> run_drills(Workspace& workspace, DrillsCall const& call);

/// The body of a drill's report.
data::Json drill_body(job::DrillReport const& report);

struct PastDrill {
    std::string when, snapshot, source, equality;
    bool passed = false;
    bool intact = true;  ///< the report's signature holds
    std::int64_t items = 0, problems = 0, rto_ms = 0, rpo_s = 0;
    system::Path file;
};
/// One line a source and drill, newest last, read from the signed reports.
Result<std::vector<PastDrill>> past_drills(system::Path const& state_folder);

}  // namespace perdure::service
