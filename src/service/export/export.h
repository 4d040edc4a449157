#pragma once

#include "job/export_records.h"
#include "service/workspace.h"

namespace perdure::service {

struct ExportCall {
    std::string source;    ///< empty: the only source that has records
    std::string snapshot;  ///< empty, and no `at`: live data
    std::optional<Timestamp> at;
    std::string format = "json";
    std::map<std::string, std::string> options;
    data::RecordFilter filter;
    std::vector<std::string> fields, redact;
    std::optional<data::RecordOrder> order;
    std::string title;
    job::MediaRequest media;
    bool replace = false;            ///< an existing file
    std::vector<std::string> words;  ///< how to ask for the same again
    bool all_tables = false;         ///< unmapped tables too
    system::Path output;             ///< a job::parcel_name()
    job::Parcel parcel;
    repository::Progress progress;
};

struct ExportAnswer {
    job::ExportReport report;
    std::string source;
    std::optional<repository::Snapshot> snapshot;
};

/// Writes the records of a source into a file or folder. Recorded as a run.
/// Fails: invalid (the source has no records; format, filter), conflict (the output exists).
Result<ExportAnswer> export_records(Workspace& workspace, ExportCall const& call);

}  // namespace perdure::service
