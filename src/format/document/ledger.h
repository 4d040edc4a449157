#pragma once

#include "base/codec.h"
#include "format/format.h"

namespace perdure::format {

/// The summary of an export in the making: counts, and what could not be held.
class Ledger {
public:
    void omit(data::Record const& record, std::string what);
    void count(data::Record const& record);
    void add_file(std::uint64_t bytes) {
        ++summary_.files;
        summary_.bytes += bytes;
    }
    void add_media() { ++summary_.media; }
    FormatSummary const& summary() const { return summary_; }
    FormatSummary take() { return std::move(summary_); }

    void save(Encoder& out) const;  ///< for a checkpoint
    Result<void> load(Decoder& in);

private:
    FormatSummary summary_;
};

/// Creates a file, writes it, finishes it, counts it.
Result<void> put_file(OutputTree& tree, Ledger& ledger, std::string const& name,
                      std::string_view text, FileOptions options);

}  // namespace perdure::format
