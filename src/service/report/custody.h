#pragma once

#include "data/stream.h"
#include "service/report/signed_report.h"

namespace perdure::service {

/// Who held the data when: one signed entry for every backup, restore, export and drill of this
/// instance, each naming the SHA-256 of the entry before it. Entry n is the file
/// `<state folder>/custody/<n, 8 digits>.json`, a report of kind "custody-entry" that is never
/// replaced: put-if-absent decides between two processes. A removed or changed entry breaks the
/// chain. Its length is signed elsewhere too: in `<state folder>/custody-head.json`, and in every
/// report of a drill, restore or undo, so that entries cut off at its end are missed by whoever
/// does not put older ones in place of all of these as well; then only a custody report that left
/// the machine tells.
struct CustodyEntry {
    std::uint64_t sequence = 0;
    std::string when, who, host;
    std::string act;  ///< "backup", "restore", "export", "drill"…
    std::vector<std::string> sources;
    std::string snapshot, outcome, sentence;
    /// What was handed on, and its SHA-256 in hexadecimal: "snapshot", "source app", a file.
    std::vector<std::pair<std::string, std::string>> hashes;
    std::string previous;  ///< SHA-256 of the entry before; empty for the first
    std::string key_id;
};

/// Fills sequence, previous, when, who, host, key_id. Fails: denied, exhausted (the state folder).
Result<CustodyEntry> append_custody(system::Path const& state_folder, CustodyEntry facts);

/// {"sequence", "sha256"} of the newest entry, for the body of a signed report; null: there is
/// none.
data::Json custody_head(system::Path const& state_folder);

struct CustodyChain {
    std::vector<CustodyEntry> entries;  ///< oldest first
    std::string head;                   ///< SHA-256 of the newest entry; empty: there is none
    std::vector<data::Problem> faults;  ///< entries that are missing, changed or out of place
};
/// Reads and checks all of it: signatures by known keys of this instance, sequence, links.
Result<CustodyChain> read_custody(system::Path const& state_folder);

data::Json custody_json(CustodyEntry const& entry);

/// SHA-256 of a file's bytes, in hexadecimal. Memory: 1 MiB.
Result<std::string> hash_of_file(system::Path const& file);

}  // namespace perdure::service
