#pragma once

#include <map>

#include "face/cli/arguments.h"
#include "job/export_records.h"

namespace perdure::face {

/// Options of the format: those that many formats have by flags of their own, the rest by name.
/// Fails: invalid (PD-0002).
Result<std::map<std::string, std::string>> format_options(Arguments const& arguments);
/// How media leave. Fails: invalid (PD-0002).
Result<job::MediaRequest> media_of(Arguments const& arguments);
/// To whom it is encrypted, into what it is cut. Fails: invalid (PD-0002); not_found.
Result<job::Parcel> parcel_of(Arguments const& arguments);
/// The options whose value is the name of a file, to be found again from another folder.
bool names_a_file(std::string const& option, std::string const& value);

}  // namespace perdure::face
