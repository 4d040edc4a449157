#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/codec.h"
#include "data/record.h"

namespace perdure::format {

/// Counts by name, of at most 10,000 names; the rest is counted together.
struct NameCounts {
    std::map<std::string, std::uint64_t, std::less<>> counts;
    std::uint64_t others = 0;

    void add(std::string_view name);
    void save(Encoder& out) const;
    Result<void> restore(Decoder& in);
};

/// What metadata/statistics.json tells, counted as records pass. Memory: bounded.
struct ArchiveStatistics {
    struct OfType {
        std::uint64_t records = 0, bytes = 0, embeddings = 0, media = 0;
        std::optional<Timestamp> first_created, last_created;
    };
    std::map<std::string, OfType, std::less<>> types;
    NameCounts projects, categories, collections, tags;

    void add(data::Record const& record, std::uint64_t json_bytes);
    void save(Encoder& out) const;
    Result<void> restore(Decoder& in);
    /// Members of one JSON object, without its braces.
    std::string json() const;
};

}  // namespace perdure::format
