#pragma once

#include <span>
#include <string_view>

#include "base/result.h"

namespace perdure::face {

class Invocation;

struct OptionRow {
    enum class Kind {
        flag,    ///< given or not
        value,   ///< takes one word; the last one counts
        values,  ///< takes one word each time it is given
        number,  ///< takes a whole number
    };
    std::string_view name;  ///< "--tag"
    Kind kind = Kind::flag;
    std::string_view value = {};  ///< what the word is, "T"; for completion: FILE, DIR, a|b|c
    std::string_view help;
    char letter = 0;                ///< "-t"
    std::string_view heading = {};  ///< over this option and those that follow, in a long list
};

/// A command is a row: parser, help, completion and docs/CLI.md read nothing else.
struct CommandRow {
    std::string_view words;      ///< "backup list"
    std::string_view arguments;  ///< "[SOURCE…]", "SNAPSHOT [PATH…]"; … means any number
    std::string_view summary;    ///< one line
    std::span<OptionRow const> options;
    /// The exit code of a command that ran; an Error otherwise.
    Result<int> (*run)(Invocation&) = nullptr;
    std::string_view example = {};  ///< one a line
};

std::span<CommandRow const> commands();
/// Options that every command takes.
std::span<OptionRow const> global_options();

}  // namespace perdure::face
