#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "origin/origin.h"
#include "system/file.h"

namespace perdure::service {

/// A TOML basic string.
std::string toml_text(std::string_view text);
/// A key: bare where it may be.
std::string toml_key(std::string_view key);

/// A remark beside a proposed line: path of the setting → words.
using Remarks = std::map<std::string, std::string>;

/// The sections of a source, as a person would write them. Paths below `folder` become relative.
/// `remarks` (keys like "subjects.table", "records.memory.title") become comments.
std::string source_sections(origin::SourceOptions const& source, system::Path const& folder,
                            Remarks const& remarks = {});
std::string destination_section(std::string const& name, std::string const& path);

struct StarterConfig {
    std::string destination_path = "backups";
    std::string key_file = "perdure.key";
    std::string sources;  ///< sections, or empty for a commented example
};
/// A commented perdure.toml.
std::string starter_config(StarterConfig const& options);

/// Adds sections at the end of the file, after checking that the result has no fault.
/// Fails: conflict (the section is there already), invalid (the result would have faults).
Result<void> append_sections(system::Path const& file, std::string const& section,
                             std::string const& text);
/// Adds a destination's name to the array of a repository.
Result<void> add_repository_destination(system::Path const& file, std::string const& repository,
                                        std::string const& destination);
/// Both in one step: the destination's section, and its name in the repository's array.
Result<void> add_destination(system::Path const& file, std::string const& repository,
                             std::string const& destination, std::string const& section);

}  // namespace perdure::service
