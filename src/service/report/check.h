#pragma once

#include "service/report/signed_report.h"

namespace perdure::service {

enum class Signer {
    own_current,  ///< this instance's key of today
    own_retired,  ///< one that it signed with before
    given,        ///< the key that the caller named
    stranger,     ///< whole, but anybody could have signed it
};
std::string_view signer_words(Signer signer);

struct CheckReportCall {
    system::Path file;
    system::Path state_folder;  ///< of the instance; empty: none here
    std::string key;            ///< as read_report_key; then only that key counts
};
struct CheckedReport {
    VerifiedReport report;
    Signer signer = Signer::stranger;
};
/// Fails: as verify_report; not_found; denied (PD-0012: whole, but signed by another key than the
/// given one).
Result<CheckedReport> check_report(CheckReportCall const& call);

}  // namespace perdure::service
