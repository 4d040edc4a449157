#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace perdure::data {

/// What every verb that takes a part of a source understands:
///   app                      all of it
///   app/photos/2024          a file, or a folder with all below it (of a database: its media)
///   app/photos/**.jpg        a pattern: * and ? stay in one folder, ** crosses them; brackets are
///                            plain signs, for frameworks name files [id].tsx
///   app:memory               a record type of the mapping, or a table by its name
///   app:memory/17            one record by its key; a key of two columns is app:pair/3/17
///   app:"odd table"/17       a name that holds / : " or a space, in quotes (" doubled inside)
/// A backslash takes the next sign of a path literally, and \xHH is the byte of that number, as
/// names that no terminal shows are printed. Which records of a type: data/where.h's RecordFilter,
/// the same options for every verb.
struct Selector {
    enum class Kind { whole, path, type, record } kind = Kind::whole;
    std::string text;  ///< as it was written
    std::string source;
    std::string path;  ///< of path: below the source's folder, no leading or trailing '/'
    bool pattern = false;
    std::string type;  ///< of type, record: a record type or a table
    std::string id;    ///< of record

    bool operator==(Selector const&) const = default;
};

/// Fails: invalid (PD-0002), telling what was expected; also for "..", "." and empty components.
Result<Selector> parse_selector(std::string_view text);
Result<std::vector<Selector>> parse_selectors(std::vector<std::string> const& texts);

/// Whether a kind of selector takes `path`: itself, or a folder above it, or the pattern fits it or
/// a folder above it. `path` is relative to the source, '/'-joined, raw bytes.
bool selects_path(Selector const& selector, std::string_view path);
/// Whether something below the folder `path` may be selected, so that a walk must go on there.
bool may_select_below(Selector const& selector, std::string_view path);

/// A path so that a selector takes it and nothing else: its backslashes, * and ? get a backslash.
/// Bytes that no terminal shows are left to whoever prints it.
std::string spell_path(std::string_view path);
/// `text` of a selector as JSON can hold it: bytes of a path that are no UTF-8 become \xHH.
std::string text_in_utf8(Selector const& selector);

/// How a type or table is named: `app:memory`, quoted where needed.
std::string spell_type(std::string_view source, std::string_view type);
/// How a record is named in plans, reports and selectors: `app:memory/17`, quoted where needed.
std::string spell_record(std::string_view source, std::string_view type, std::string_view id);

/// What can be selected in one source.
struct Selectable {
    std::string source;
    bool rows = false;
    std::vector<std::string> types;  ///< record types, then tables
};

/// Fails: not_found (PD-0002), naming the selector and the nearest source, type or table;
/// unsupported, for records of a source that has none.
Result<void> check_selectors(std::vector<Selector> const& selectors,
                             std::vector<Selectable> const& known);

}  // namespace perdure::data
