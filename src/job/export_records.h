#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "crypto/hash.h"
#include "data/where.h"
#include "format/format.h"
#include "job/export/parcel.h"
#include "media/workshop.h"
#include "origin/origin.h"
#include "repository/repository.h"

namespace perdure::job {

/// How media leave.
struct MediaRequest {
    bool carry = true;     ///< false: records leave without media
    media::Wanted wanted;  ///< what is made of them
};

struct ExportRequest {
    /// The live source, or (with a snapshot) its mapping and name.
    origin::SourceOptions source;
    std::optional<repository::Snapshot> snapshot;  ///< empty: live data
    data::RecordFilter filter;
    std::vector<std::string> fields;             ///< roles or columns; empty: all
    std::vector<std::string> redact;             ///< leave as "[redacted]"
    std::optional<data::RecordOrder> order;      ///< empty: as the format likes them
    std::string format;                          ///< a name in format_kinds()
    std::map<std::string, std::string> options;  ///< of the format
    std::string title;
    MediaRequest media;
    system::Path output;   ///< a file or a new folder, by format and name (see OutputPlace)
    Parcel parcel;         ///< what becomes of it; `output` is then a parcel_name()
    bool replace = false;  ///< an existing file
    bool unmapped_tables = false;
    Timestamp now;                   ///< of a fresh start; a resumed export keeps its own
    std::vector<std::string> words;  ///< how to ask for the same again, kept for resume
    /// Checkpoints by so many records read, for tests; 0: by time.
    std::uint64_t checkpoint_records = 0;
    repository::Progress progress;
};

/// What an output was when it was written and read back.
struct OutputProof {
    crypto::Digest digest;  ///< of the file; of a folder, see digest_output
    std::uint64_t bytes = 0, files = 0;
    std::optional<std::uint64_t> records;  ///< as the format's own reader counts them
};

struct ExportReport {
    std::uint64_t records_read = 0;   ///< before the filter
    std::uint64_t records_taken = 0;  ///< after it; equals summary.records, or the export failed
    format::FormatSummary summary;
    std::vector<data::Problem> problems;  ///< missing media and the like: the export is partial
    std::string snapshot;
    Timestamp as_of, exported;
    OutputProof proof;
    std::uint64_t resumed_at = 0;  ///< records that an earlier process had done
    std::string restarted;         ///< why what an earlier process had done was of no use; or empty
};

/// Reads records (a snapshot is restored into the work folder first), filters and writes them,
/// reads the result back, and only then puts it under its name. A killed export of the same request
/// and data goes on where its last checkpoint was, and gives the same bytes.
/// `repository` may be null for live data.
/// Fails: invalid (format, mapping, filter, fields), conflict (output exists; another export works
/// there: PD-0011), exhausted, corrupt (what was written reads back otherwise), internal (counts in
/// and out differ).
Result<ExportReport> export_records(repository::Repository* repository,
                                    ExportRequest const& request, std::stop_token stop);

/// The words of the unfinished export to that output. Fails: not_found; corrupt.
Result<std::vector<std::string>> words_of_unfinished(system::Path const& output);

/// SHA-256 of a file; of a folder, of the lines "<hex>  <path>\n" of its files, sorted by path, as
/// sha256sum prints them.
Result<OutputProof> digest_output(system::Path const& output, std::stop_token stop);
/// The same, and what the format's or the container's own reader finds. Fails: corrupt.
Result<OutputProof> prove_output(system::Path const& written, format::FormatKind const& kind,
                                 system::Path const& final_name, std::stop_token stop);

}  // namespace perdure::job
