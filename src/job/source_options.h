#pragma once

#include "origin/origin.h"
#include "repository/snapshot.h"

namespace perdure::job {

/// What a snapshot has to remember of a source beside its content: names of files, and what decides
/// which rows count (mapping, mask): a copy is only comparable when it is read by the same rules.
std::map<std::string, std::string> remembered_options(origin::SourceOptions const& source);

/// What the snapshot tells of a source's shape, as options that a target can be opened with.
origin::SourceOptions source_options(repository::SourceSnapshot const& source);

}  // namespace perdure::job
