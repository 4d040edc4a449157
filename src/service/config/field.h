#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace perdure::service {

enum class FieldType {
    text,     ///< a string
    path,     ///< a path; relative ones start at the configuration file's folder
    integer,  ///< ≥ 0
    real,     ///< ≥ 0
    boolean,
    duration,   ///< "90s", "26h", "1h30m", "7d", "2w"
    size,       ///< "64MiB", "10GB", or a number of bytes
    choice,     ///< one of `words`
    list,       ///< an array of strings
    command,    ///< an array of strings (argv, no shell)
    key,        ///< where key material comes from: { file | env | credential | command | prompt }
    map,        ///< a table of strings
    invariant,  ///< SQL that must return no rows, or argv that must exit 0
    embedding,  ///< a column, or { column, model, dtype }
    rate,       ///< MB/s: a number, or { default = 50, "08:00-18:00" = 5 }
    cron,       ///< five fields
    window,     ///< "01:00-06:00"
    backoff,    ///< "1m..1h"
};

/// One configurable thing. The rows of `fields()` feed the parser, the JSON Schema, the help and
/// the reference: nothing about a field is written anywhere else.
struct Field {
    std::string_view path;  ///< "source.*.media"; * stands for a name that the user chooses
    FieldType type;
    std::string_view fallback;  ///< as it would be written; empty: none
    std::string_view doc;
    std::string_view example;     ///< as it would be written
    std::string_view words = {};  ///< of a choice, separated by '|'
    bool required = false;        ///< wherever its section is present
    bool secret = false;          ///< never shown
};

std::span<Field const> fields();
Field const* find_field(std::string_view pattern);
/// Whether some field lies below the pattern ("source.*.subjects").
bool is_section(std::string_view pattern);
std::string_view type_name(FieldType type);
/// Why a field that is known, checked and kept is not acted on, and what to do instead.
struct Unacted {
    std::string_view why, instead;
};
/// Empty: it is acted on.
std::optional<Unacted> acts_later(Field const& field);

/// The fields as a JSON Schema (draft 2020-12).
std::string json_schema();
/// The fields as Markdown, for docs/CONFIG.md.
std::string config_reference();

}  // namespace perdure::service
