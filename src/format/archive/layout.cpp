#include "format/archive/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "format/text.h"

namespace perdure::format {

namespace {

std::string folded(std::string_view text) {
    std::string result = ascii_lower(text);
    for (auto& c : result)
        if (c == '-' || c == ' ') c = '_';
    return result;
}

/// ASCII letters, digits, '.', '-' and '_' as they are, every other byte as _xx: no name needs to
/// be escaped in a checksum list, and none changes by Unicode normalisation.
std::string table_file_name(std::string_view type) {
    std::string name;
    for (auto const c : safe_file_name(type)) {
        bool const plain = is_ascii_alphanumeric(c) || c == '.' || c == '-' || c == '_';
        if (plain) {
            name += c;
        } else {
            name += fmt::format("_{:02x}", static_cast<unsigned char>(c));
        }
    }
    name.resize(std::min<std::size_t>(name.size(), 100));
    return name;
}

std::string index_name(std::string_view records) {
    return std::string(records.substr(0, records.rfind('.'))) + ".idx";
}

TypePlace fixed(std::string type, std::string_view records, std::string_view vectors,
                std::string_view count) {
    return {std::move(type), std::string(records), index_name(records), std::string(vectors),
            std::string(count)};
}

}  // namespace

std::vector<TypePlace> place_types(std::vector<data::RecordType> const& types) {
    std::vector<TypePlace> places;
    std::set<std::string> taken;
    for (auto const& type : types) {
        auto const name = folded(type.type);
        if (name == "memory" || name == "memories") {
            places.push_back(fixed(type.type, archive_name::memories, archive_name::memory_vectors,
                                   "memory_count"));
        } else if (name == "semantic_unit" || name == "semantic_units" || name == "code_unit" ||
                   name == "code_units") {
            places.push_back(fixed(type.type, archive_name::units, archive_name::unit_vectors,
                                   "code_unit_count"));
        } else if (name == "project" || name == "projects" || name == "code_project" ||
                   name == "code_projects") {
            places.push_back(fixed(type.type, archive_name::projects, "", "project_count"));
        } else {
            auto const base = table_file_name(type.type);
            auto file = base;
            for (unsigned i = 2; !taken.insert(folded(file)).second; ++i) {
                file = fmt::format("{}~{}", base, i);
            }
            places.push_back(
                fixed(type.type, "tables/" + file + ".json", "", type.type + "_count"));
        }
    }
    return places;
}

std::string media_name(std::string_view sha256_hex) {
    return fmt::format("media/{}/{}", sha256_hex.substr(0, 2), sha256_hex);
}

}  // namespace perdure::format
