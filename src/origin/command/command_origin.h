#pragma once

#include "origin/origin.h"

namespace perdure::origin {

/// The standard output of a program as one file. The program runs when the content is opened; a
/// status other than 0 is an error of the read that meets the end (unavailable, with the tail of
/// what it wrote to its standard error), so that a failing dump can never become a short or empty
/// backup. digest() is unsupported: running the program again gives other bytes.
Result<std::unique_ptr<Origin>> open_command(SourceOptions const& options);

}  // namespace perdure::origin
