#pragma once

#include <string>
#include <string_view>

namespace perdure::origin {

/// What stands behind the WHERE of a CREATE INDEX: which rows a partial index holds. Else empty.
std::string condition_of(std::string_view sql);

}  // namespace perdure::origin
