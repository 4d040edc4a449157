#pragma once

#include <string>
#include <vector>

#include "face/cli/invocation.h"
#include "service/config/node.h"
#include "system/file.h"

namespace perdure::face {

/// Absolute and without a slash at the end, as outputs are compared and remembered.
system::Path absolute_output(std::string const& name);

/// The options that a table of names and values asks for, as words of a command line: media_max = 9
/// → "--media-max=9", a list → its option for each item, true → the flag. A relative output lies in
/// `folder`.
std::vector<std::string> option_words(service::Node const& table, system::Path const& folder);

/// The invocation's arguments with those of --profile where they are not given.
/// Fails: invalid (PD-0002), no such profile.
Result<Arguments> with_profile(Invocation const& in);

}  // namespace perdure::face
