#pragma once

#include <map>

#include "origin/origin.h"

namespace perdure::origin {

/// Whether what a row target tells is about something that only the application has (a collation, a
/// function): all rows are back, and what it sorts or computes cannot be judged without it.
bool is_application_only(data::Problem const& told);

/// Whether what Origin::check tells follows from rows and schema alone (references that point to
/// nothing, values that break a constraint): a copy whose digest is the source's has it only
/// because the source had it.
bool is_of_the_rows(data::Problem const& told);

/// Whether SQLite refuses to look after a foreign key since it names no key of its parent: the
/// application's own mistake, which SQLite tells in words alone (sqlite/words_test.cpp pins them).
bool is_key_mismatch(Error const& error);

/// Objects of a source's schema that a restored copy lacks because only the application can make
/// them, by their place in that schema.
using UnmadeObjects = std::map<std::size_t, data::DatabaseSchema::Object>;

/// The digest of a copy that counts them as if they were there, and so speaks of all the rest, to
/// be compared with `recorded`: where that is one of before 2026-11-26, the copy's is made like it.
/// Fails: as Origin::digest; unsupported, for what is no database.
Result<data::LogicalDigest> digest_like(data::LogicalDigest const& recorded,
                                        SourceOptions const& copy, UnmadeObjects const& unmade,
                                        std::stop_token stop);

/// Tables of a database whose rows only the application can sort: a digest says that they are the
/// same rows, and nothing of their order. Empty for what is no database. Fails: as Origin::digest.
Result<std::vector<std::string>> compared_without_order(SourceOptions const& copy,
                                                        std::stop_token stop);

}  // namespace perdure::origin
