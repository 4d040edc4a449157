#pragma once

#include "origin/origin.h"

namespace perdure::origin {

enum class DamageCheck {
    structure,  ///< every page, but not whether indexes and tables tell the same (quick_check)
    contents,   ///< that too: takes several times as long (integrity_check)
};

/// What is wrong with a database's file, as far as SQLite can tell; empty for what is no database.
/// Its rows may be readable all the same. Left out is what only follows from the rows
/// (is_of_the_rows) and what cannot be judged without the application's own collations and
/// functions. Fails: as Origin::check.
Result<std::vector<data::Problem>> look_for_damage(SourceOptions const& source, DamageCheck how,
                                                   std::stop_token stop);

/// Damage of the application's own database: neither its file nor the way out lies in a repository.
/// Adds both to a corrupt error without a fix; others stay as they are.
Error with_advice(Error error, SourceOptions const& source);

}  // namespace perdure::origin
