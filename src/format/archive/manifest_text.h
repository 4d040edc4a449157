#pragma once

#include "format/archive/layout.h"
#include "format/archive/statistics.h"
#include "format/format.h"

namespace perdure::format {

struct MediaTotals {
    std::uint64_t count = 0, bytes = 0;
};

struct ManifestType {
    data::RecordType const* type = nullptr;
    TypePlace const* place = nullptr;
    std::uint64_t count = 0;
};

struct ManifestFacts {
    std::vector<std::pair<std::string, std::uint64_t>> counts;  ///< "memory_count" and the like
    NameCounts const& projects;
    std::map<std::string, std::string> const& hashes;
    std::vector<ManifestType> types;
    MediaTotals media;
};

/// manifest.json.
std::string manifest_text(ExportInfo const& info, ManifestFacts const& facts);
/// config/export_config.json: what was asked for. Values of options that could be secrets are
/// redacted, whatever the caller did.
std::string configuration_text(ExportInfo const& info, std::string_view public_key);

/// metadata/statistics.json.
std::string statistics_text(ArchiveStatistics const& statistics, MediaTotals const& media,
                            FormatSummary const& summary);

void save_summary(Encoder& out, FormatSummary const& summary);
Result<FormatSummary> restore_summary(Decoder& in);

}  // namespace perdure::format
