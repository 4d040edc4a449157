#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "format/format.h"

namespace perdure::format::testing {

/// What a suite that every format inherits is instantiated with, and how its cases are called.
inline std::vector<std::string> all_formats() {
    std::vector<std::string> names;
    for (auto const& kind : format_kinds()) names.emplace_back(kind.name);
    return names;
}

inline std::string test_name(::testing::TestParamInfo<std::string> const& info) {
    std::string name;
    for (char const c : info.param) name += std::isalnum(c) ? c : '_';
    return name;
}

}  // namespace perdure::format::testing
