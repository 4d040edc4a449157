#pragma once

#include "origin/origin.h"
#include "origin/sqlite/routing.h"

namespace perdure::origin {

/// What of a database enters a backup, and whose it is; decided once, before the first row.
///
/// Where subjects are mapped or columns are masked, the index tables of full-text tables are left
/// out (they hold everybody's words side by side) and rebuilt on restore: `rebuilt` names them, and
/// schema.settings carries "rebuild NAME" = module for the target. Without a mapping every
/// shadow table travels verbatim. R-Trees are read through their module (spatial.h) where subjects
/// are mapped.
struct Selection {
    Routing routing;
    std::vector<bool> left_out;        ///< by position of the table
    std::vector<std::string> columns;  ///< by position: select list of the stored values
    std::vector<std::string> from;     ///< by position: what "t" is; each row once, in key order
    std::vector<data::Problem> problems;
};

/// Leads the rows of every table to their person: along foreign keys, the mapping's owners, what
/// its records attach, and what virtual tables repeat. Nobody's, all, where no subjects are mapped.
Result<Routing> route_people(Connection& connection, Layout const& layout,
                             data::Mapping const& mapping);

/// Changes layout.schema.settings as described, and adds R-Trees to the layout's tables.
/// Fails: invalid (a mapping or mask that names what does not exist, or masks a key).
Result<Selection> select_rows(Connection& connection, Layout& layout, SourceOptions const& source);

}  // namespace perdure::origin
