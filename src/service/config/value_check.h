#pragma once

#include <optional>

#include "service/config/field.h"
#include "service/config/node.h"

namespace perdure::service {

/// What is wrong with a value for a field, if anything. A place of line 0 means: at the key.
std::optional<ConfigFault> check_value(Field const& field, Node const& value);

}  // namespace perdure::service
