#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/record.h"
#include "format/output.h"

namespace perdure::format {

/// What an export is, for headers, title pages and manifests.
struct ExportInfo {
    std::string title;  ///< "app"
    std::string source, location;
    std::string snapshot;       ///< id, or empty: live data
    Timestamp as_of, exported;  ///< state of the data; when the export ran
    std::vector<data::RecordType> types;
    std::vector<std::string> filter;             ///< in words, one a condition
    std::map<std::string, std::string> options;  ///< of the format: theme, paper, dialect…
    std::string program;                         ///< "perdure 0.1.0"
};

/// Something that a format could not hold as it is; reported, never silent (exit 3).
struct Omission {
    std::string record;  ///< "memory 17"
    std::string what;    ///< "embedding: csv holds no vectors"
};

struct FormatSummary {
    std::uint64_t records = 0, media = 0, bytes = 0, files = 0;
    std::map<std::string, std::uint64_t> per_type;
    std::vector<Omission> omissions;  ///< at most 1,000 are kept
    std::uint64_t omissions_total = 0;
};

/// Opens the original bytes of a record's media file.
using OpenMedia = std::function<std::shared_ptr<data::Content>(std::string const& path)>;

/// Writes records, one after the other, in bounded memory whatever their number.
class RecordWriter {
public:
    virtual ~RecordWriter() = default;
    virtual Result<void> begin(ExportInfo const& info) = 0;
    /// Types come one after the other, in the order of ExportInfo::types.
    virtual Result<void> add(data::Record const& record, OpenMedia const& media,
                             std::stop_token stop) = 0;
    virtual Result<FormatSummary> finish(std::stop_token stop) = 0;
};

struct FormatKind {
    std::string_view name, media_type, extension, description;
    bool single_file;  ///< else a folder of files, or a container of them
    bool lossless;     ///< imports back equal
    std::unique_ptr<RecordWriter> (*open)(OutputTree& tree);
};
std::span<FormatKind const> format_kinds();
/// Fails: invalid, naming the known ones.
Result<FormatKind const*> find_format(std::string_view name);

}  // namespace perdure::format
