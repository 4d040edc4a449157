#pragma once

#include <optional>

#include "job/export_records.h"

namespace perdure::job {

/// The database and media that an export reads: live, or brought back from a snapshot.
struct SourceView {
    origin::SourceOptions source;
    /// Equal: the same data as before, so that a killed export may go on. A snapshot's id, or the
    /// state of a live database's files.
    std::string identity;
    std::uint64_t size_bytes = 0;  ///< about how much there is to read
    std::vector<data::Problem> problems;
};

/// What view_source would call the data, without touching it. Fails: not_found.
Result<std::string> data_identity(ExportRequest const& request);

/// A snapshot is restored below `work`, once: a killed export finds it there.
Result<SourceView> view_source(repository::Repository* repository, ExportRequest const& request,
                               system::Path const& work, std::stop_token stop);

}  // namespace perdure::job
