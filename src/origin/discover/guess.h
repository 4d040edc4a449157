#pragma once

#include "origin/discover/facts.h"
#include "origin/discover/inventory.h"
#include "origin/sqlite/media.h"

namespace perdure::origin {

/// What is known of a database while its mapping is being guessed.
struct GuessInput {
    std::vector<TableFacts> tables;
    std::vector<MediaColumn> media;       ///< found by looking for the files
    std::optional<std::size_t> subjects;  ///< position of the table, set by guess_subjects
};

/// 0 … 1: how much a table's columns describe a person.
double person_likeness(TableFacts const& table);
/// Finds who the database is about, and the owners that foreign keys do not tell.
/// Adds the references that lead to them to `input`.
Result<void> guess_subjects(Connection& connection, GuessInput& input, FoundDatabase& found);
/// Finds the tables whose rows are records, and their fields.
void guess_records(GuessInput const& input, FoundDatabase& found);

}  // namespace perdure::origin
