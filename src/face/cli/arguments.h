#pragma once

#include <map>
#include <string>
#include <vector>

#include "face/cli/command.h"

namespace perdure::face {

/// argv, understood.
struct Arguments {
    CommandRow const* command = nullptr;
    std::map<std::string, std::vector<std::string>> options;  ///< "--tag" → words ("" of a flag)
    std::vector<std::string> positional;
    bool help = false;
    std::vector<std::string> topic;  ///< words of the command that help is asked for

    bool has(std::string const& name) const { return options.contains(name); }
    /// The last word given for an option, or `otherwise`.
    std::string value(std::string const& name, std::string const& otherwise = {}) const;
    std::vector<std::string> values(std::string const& name) const;
    std::uint64_t number(std::string const& name, std::uint64_t otherwise) const;
    /// Of an option where 0 means all.
    std::size_t most(std::string const& name, std::size_t otherwise) const;
};

/// "there is no command …", with what was probably meant. `words` is not empty.
Error unknown_command(std::vector<std::string> const& words);
/// Of `backup` and `lst`: "list"; empty where nothing is near.
std::string nearest_subcommand(std::string const& group, std::string const& word);

/// Understands argv (without the program's name): words of a command, options anywhere, "--" ends
/// options, "--name=value" and "-n value".
/// Fails: invalid (PD-0002): unknown command or option with the nearest known one, a missing or
/// superfluous word.
Result<Arguments> parse_arguments(std::vector<std::string> const& argv);

}  // namespace perdure::face
