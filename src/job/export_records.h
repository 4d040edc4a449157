#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "data/where.h"
#include "format/format.h"
#include "origin/origin.h"
#include "repository/repository.h"

namespace perdure::job {

struct ExportRequest {
    /// The live source, or (with a snapshot) its mapping and name.
    origin::SourceOptions source;
    std::optional<repository::Snapshot> snapshot;  ///< empty: live data
    data::RecordFilter filter;
    std::string format;                          ///< a name in format_kinds()
    std::map<std::string, std::string> options;  ///< of the format
    std::string title;
    system::Path output;   ///< a file or a new folder, by format
    bool replace = false;  ///< an existing file
    bool unmapped_tables = false;
    system::Path scratch_parent;
    repository::Progress progress;
};

struct ExportReport {
    std::uint64_t records_read = 0;   ///< before the filter
    std::uint64_t records_taken = 0;  ///< after it; equals summary.records, or the export failed
    format::FormatSummary summary;
    std::vector<data::Problem> problems;  ///< missing media and the like: the export is partial
    Timestamp as_of;
};

/// Reads records (a snapshot is restored into a scratch folder first), filters and writes them.
/// `repository` may be null for live data. Nothing appears under the output's name unless complete.
/// Fails: invalid (format, mapping, filter), conflict (output exists), exhausted, internal (counts
/// in and out differ).
Result<ExportReport> export_records(repository::Repository* repository,
                                    ExportRequest const& request, std::stop_token stop);

}  // namespace perdure::job
