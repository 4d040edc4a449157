#pragma once

#include "origin/origin.h"
#include "repository/snapshot.h"

namespace perdure::job {

/// What a snapshot has to remember of a source beside its content: names of files, and what decides
/// which rows count (mapping, mask): a copy is only comparable when it is read by the same rules.
std::map<std::string, std::string> remembered_options(origin::SourceOptions const& source);

/// What the snapshot tells of a source's shape, as options that a target can be opened with.
origin::SourceOptions source_options(repository::SourceSnapshot const& source);

/// What a snapshot of a tree left out by rule: exclude, one_file_system and exclude_caches as they
/// were then, the rest empty. Nothing: it does not remember (of rows; made before 2026-11-26).
std::optional<origin::SourceOptions> rules_then(repository::SourceSnapshot const& source);

/// How many files and folders a database's media folder held. Nothing: it has none, or the snapshot
/// does not remember (made before 2026-11-26).
void remember_media_items(repository::SourceSnapshot& source, std::uint64_t count);
std::optional<std::uint64_t> media_items_then(repository::SourceSnapshot const& source);

/// What SQLite called damaged in a database when it was backed up; empty: nothing, or nobody asked.
void remember_damage(repository::SourceSnapshot& source, std::string const& what);
std::string damage_then(repository::SourceSnapshot const& source);

}  // namespace perdure::job
