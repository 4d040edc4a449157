#pragma once

#include "job/history/history.h"

namespace perdure::job {

/// A record as it was, on its way into a file of its own.
struct RecordExtract {
    std::string source, type, table, id, snapshot;
    std::vector<std::pair<std::string, data::Value>> const& values;
};
/// Writes `folder/<type>-<id>.json`, the values as format/record/json_text.h spells them.
/// Fails: conflict (the name exists); exhausted; denied.
Result<system::Path> write_record(RecordExtract const& extract, system::Path const& folder);

/// Writes a stored file (entry ‖ list) under its own name into the folder: never outside, never
/// over something. Mode and time come back, owners do not. Fails: conflict; unsupported (no file).
Result<system::Path> write_media(std::string const& path, ByteView entry_and_list,
                                 repository::DomainPtr const& domain,
                                 repository::ReadContext& context, system::Path const& folder,
                                 std::stop_token stop);

/// Fails: invalid, when there is no such version or it is an absence.
Result<Version const*> version_to_restore(std::vector<Version> const& versions, std::size_t number);

}  // namespace perdure::job
