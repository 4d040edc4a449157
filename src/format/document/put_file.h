#pragma once

#include <string>
#include <string_view>

#include "format/output.h"
#include "format/tally.h"

namespace perdure::format {

inline void count_file(Tally& tally, std::uint64_t bytes) {
    ++tally.summary().files;
    tally.summary().bytes += bytes;
}

/// Creates a file, writes it, finishes it, counts it.
inline Result<void> put_file(OutputTree& tree, Tally& tally, std::string const& name,
                             std::string_view text, FileOptions options) {
    options.size_bytes = text.size();
    PD_TRY(auto const out, tree.create(name, options));
    PD_CHECK(out->write(text));
    PD_CHECK(out->finish());
    count_file(tally, text.size());
    return {};
}

}  // namespace perdure::format
