#pragma once

#include "base/result.h"

namespace perdure::service {

/// What scripts rely on (docs/CLI.md), and what the run log remembers.
namespace exit_code {
inline constexpr int ok = 0, failure = 1, usage = 2, partial = 3, no_repository = 10, locked = 11,
                     wrong_key = 12, unreachable = 13, integrity = 14, conflict = 15,
                     legal_hold = 16, confirmation = 17, reauthentication = 18, overdue = 20,
                     interrupted = 130, terminated = 143;
}

/// The PD-number of an error: its own, or the general one of its fault.
int code_of(Error const& error);
/// The one place where errors become exit codes. A PD-number up to 20 is its exit code.
int exit_code_of(Error const& error);
/// What to do about errors of that number and kind that name no fix of their own; may be empty.
std::string_view usual_fix(int code, Fault fault);

}  // namespace perdure::service
