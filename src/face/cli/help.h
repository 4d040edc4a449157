#pragma once

#include <string>
#include <vector>

#include "face/cli/command.h"
#include "face/cli/terminal.h"

namespace perdure::face {

/// What `perdure help WORDS` prints: everything, a group ("backup") or one command, in lines of at
/// most so many columns (0: as long as they are).
/// Fails: invalid (PD-0002), when there is no such command.
Result<std::string> help_text(std::vector<std::string> const& topic, Style const& style,
                              unsigned columns = 0);
/// docs/CLI.md.
std::string cli_reference();
/// A completion script. Fails: invalid, for another shell than bash, zsh and fish.
Result<std::string> completion_script(std::string const& shell);

}  // namespace perdure::face
