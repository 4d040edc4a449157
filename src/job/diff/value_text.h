#pragma once

#include <string>

#include "data/value.h"

namespace perdure::job {

/// Text in a database's encoding ("UTF-8", "UTF-16le", "UTF-16be") as UTF-8; what is none of it
/// stays as its bytes.
std::string to_utf8(std::string_view text, std::string const& encoding);
/// The same for a value; others than text are left alone.
data::Value as_utf8(data::Value value, std::string const& encoding);

}  // namespace perdure::job
