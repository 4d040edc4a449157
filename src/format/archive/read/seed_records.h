#pragma once

#include "data/record.h"
#include "format/record/json_tree.h"

namespace perdure::format {

/// The record type that archives of schema 3 (the implementation of seed 002) hold.
data::RecordType seed_memory_type();

/// A record of schema 3 as schema 4 writes it. Pure. `vector` is where its embedding lies by its
/// position ("embeddings/12"), or empty. Members that schema 3 does not know go to _extra.
/// Fails: invalid (no object, no id).
Result<Json> migrate_3_to_4(Json const& record, std::string_view vector, std::string_view dtype);

}  // namespace perdure::format
