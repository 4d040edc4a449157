#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "service/config/field.h"
#include "service/config/node.h"

namespace perdure::service {

/// One field as a file set it.
struct Setting {
    Field const* field = nullptr;
    Place place;  ///< of the key
    Node value;
};

/// A section that is present: "source.app".
struct Section {
    std::string path;
    std::string pattern;  ///< "source.*"
    std::string name;     ///< its last word: "app"
    Place place;
};

/// Everything a file says, checked row by row against fields(). Keys are full paths,
/// "source.app.path".
struct Settings {
    std::map<std::string, Setting> values;
    std::vector<Section> sections;  ///< in file order
    std::vector<ConfigFault> faults;
    std::vector<ConfigFault> warnings;
    /// Sections in which a key or value was refused: what they seem to lack may be just that.
    std::set<std::string> troubled;

    Setting const* find(std::string const& path) const;
    std::vector<Section> sections_like(std::string_view pattern) const;
    /// The values, or the field's fallback, or nothing.
    std::optional<std::string> text(std::string const& path) const;
    std::optional<std::uint64_t> integer(std::string const& path) const;
    std::optional<double> real(std::string const& path) const;
    bool boolean(std::string const& path) const;
    std::vector<std::string> list(std::string const& path) const;
    std::map<std::string, std::string> map(std::string const& path) const;

    void add_fault(Place place, std::string message, std::string fix = {});
};

/// Whether a section may be called so ([source.NAME]): letters, digits, '-', '_' and '.', at most
/// 64; it becomes a folder's name.
bool name_is_fit(std::string_view name);

/// The row of a concrete path ("source.app.path"), or null.
Field const* field_of(std::string const& path);

/// Checks a parsed file: unknown keys, wrong types, values out of range, missing fields. All faults
/// are collected, none ends the check.
Settings check_settings(Node const& root);

}  // namespace perdure::service
