#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "origin/discover/inventory.h"
#include "service/config/edit.h"

namespace perdure::service {

/// Remarks for the lines of a proposed source: how sure discovery is of each, and why.
Remarks remarks_of(std::vector<origin::Guess> const& guesses);

/// The sections for a new source. With `look`, a database's people, records and media folder as
/// discovery sees them; what `source` names already stays.
Result<std::string> propose_source(origin::SourceOptions source, system::Path const& folder,
                                   bool look, std::stop_token stop);

/// The sections of all proposed sources of an inventory, with remarks.
std::string proposed_sections(origin::Inventory const& inventory, system::Path const& folder);

}  // namespace perdure::service
