#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace perdure::service {

struct Place {
    int line = 0, column = 0;  ///< 1-based; 0: not from a file
};

/// A fault or warning in a configuration file, in the words that a person reads.
struct ConfigFault {
    Place place;
    std::string message;
    std::string fix;  ///< may be empty
};

struct Member;

/// A parsed TOML value with the place where it stands, free of any TOML library.
struct Node {
    enum class Kind { table, array, text, integer, real, boolean, time };
    Kind kind = Kind::table;
    Place place;
    std::string text;  ///< text, and the spelling of a time
    std::int64_t integer = 0;
    double real = 0;
    bool boolean = false;
    std::vector<Member> members;  ///< of a table, in file order
    std::vector<Node> items;      ///< of an array

    Node const* find(std::string const& key) const;
};

struct Member {
    std::string key;
    Place place;  ///< of the key
    Node value;
};

/// Parses TOML 1.0. A syntax error does not end it: the line is put aside and parsing goes on, so
/// that one run names every fault (at most 20).
Node parse_toml(std::string const& text, std::vector<ConfigFault>& faults);

}  // namespace perdure::service
