#pragma once

#include <string>
#include <string_view>

#include "base/codec.h"
#include "format/format.h"

namespace perdure::format {

/// Counts what a writer wrote and what it could not hold; a part of its checkpoint.
class Tally {
public:
    Tally() = default;
    Tally(Tally const&) = delete;
    Tally& operator=(Tally const&) = delete;

    /// One record more of `type`; quick while the type stays the same.
    void count(std::string_view type);
    /// A type that shows in the summary even without a record.
    void declare(std::string_view type);
    bool seen(std::string_view type) const;
    /// `column` may be empty: the record as a whole.
    void omit(data::Record const& record, std::string_view column, std::string_view what);

    FormatSummary& summary() { return summary_; }
    FormatSummary take() { return std::move(summary_); }

    void encode(Encoder& out) const;
    /// In the place of what was counted so far. Fails: corrupt.
    Result<void> decode(Decoder& in);

private:
    FormatSummary summary_;
    std::string type_;
    std::uint64_t* of_type_ = nullptr;
};

}  // namespace perdure::format
