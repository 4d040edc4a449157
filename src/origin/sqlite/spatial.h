#pragma once

#include <optional>

#include "origin/sqlite/layout.h"

// R-Trees (sqlite.org/rtree.html) keep coordinates in the nodes of their shadow tables, where those
// of all people lie side by side. Where subjects are mapped, their rows travel through the module
// instead: as rows of the virtual table, each with the person it is about, inserted again on
// restore. Without a mapping the shadow tables travel verbatim.

namespace perdure::origin {

bool is_spatial(VirtualTable const& table);

/// The setting that tells the target: "spatial NAME" = bytes of a node.
std::string spatial_setting(std::string const& table);

/// Adds the virtual table to layout.schema.tables and layout.tables, and its setting; its position.
/// Empty: it cannot be read here (the module says why in `refusal`).
Result<std::optional<std::size_t>> add_spatial_table(Connection& connection, Layout& layout,
                                                     VirtualTable const& table);

/// "main.X_rowid r CROSS JOIN main.X t ON …": rows in the order of their keys, without a sorter
/// that would spill them.
std::string spatial_rows(std::string const& table);

/// What rtreecheck() says; empty: nothing is wrong.
Result<std::string> check_spatial(Connection& connection, std::string const& table);

}  // namespace perdure::origin
