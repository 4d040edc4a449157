#include "format/archive/read/manifest.h"

#include <fmt/format.h>

#include <charconv>

#include "format/archive/layout.h"
#include "format/archive/read/seed_records.h"
#include "format/archive/unpack/entry_name.h"
#include "format/record/read/record_types.h"

namespace perdure::format {

namespace {

constexpr unsigned version_major = 1, version_minor = 0;
constexpr unsigned schema_oldest = 3, schema_newest = 4, schema_minor = 0;

struct Version {
    unsigned major = 0, minor = 0;
};

/// Semantic versioning; what follows the minor number does not matter.
Result<Version> version_of(std::string_view text, std::string_view what) {
    Version version;
    auto const* const end = text.data() + text.size();
    auto const major = std::from_chars(text.data(), end, version.major);
    if (major.ec == std::errc() && major.ptr < end && *major.ptr == '.') {
        auto const minor = std::from_chars(major.ptr + 1, end, version.minor);
        if (minor.ec == std::errc()) return version;
    }
    return fail(Fault::invalid, fmt::format("the manifest's {} is no version: \"{}\"", what, text));
}

Result<std::string> text_member(Json const& json, std::string_view name) {
    auto const* const member = json.find(name);
    if (!member || !member->string()) {
        return fail(Fault::invalid, fmt::format("the manifest has no \"{}\"", name));
    }
    return *member->string();
}

Result<void> check_versions(ArchiveManifest& manifest) {
    PD_TRY(auto const version, version_of(manifest.version, "version"));
    PD_TRY(auto const schema, version_of(manifest.schema_version, "schema_version"));
    if (version.major > version_major || schema.major > schema_newest) {
        return fail(Fault::unsupported,
                    fmt::format("the archive has version {} and schema {}; this program knows up "
                                "to {}.x and {}.x",
                                manifest.version, manifest.schema_version, version_major,
                                schema_newest))
            .with_fix("read it with a newer perdure");
    }
    if (schema.major < schema_oldest) {
        return fail(Fault::unsupported,
                    fmt::format("schema {} is older than any that is known ({})",
                                manifest.schema_version, schema_oldest));
    }
    manifest.schema = schema.major;
    if ((version.major == version_major && version.minor > version_minor) ||
        (schema.major == schema_newest && schema.minor > schema_minor)) {
        manifest.warnings.push_back(
            fmt::format("written by a newer program (version {}, schema {}): what it added is kept "
                        "as it is",
                        manifest.version, manifest.schema_version));
    }
    return {};
}

Result<void> read_type(ArchiveManifest& manifest, Json const& json) {
    PD_TRY(auto type, record_type_of(json));
    PD_TRY(auto const file, text_member(json, "file"));
    PD_TRY(auto const checked, checked_name(file));
    auto const count = json.count("count");
    if (checked != file || !count) {
        return fail(Fault::invalid, fmt::format("the manifest's type \"{}\"", type.type));
    }
    type.rows = *count;
    for (auto const& other : manifest.types) {
        if (other.type == type.type) {
            return fail(Fault::invalid,
                        fmt::format("the manifest names the type \"{}\" twice", type.type));
        }
    }
    manifest.types.push_back(std::move(type));
    manifest.places.push_back({file, *count});
    return {};
}

}  // namespace

Result<ArchiveManifest> ArchiveManifest::parse(std::string_view text) {
    ArchiveManifest manifest;
    auto json = read_json(text);
    if (!json) return Error(std::move(json).error()).within("manifest.json");
    manifest.json = std::move(*json);
    if (!manifest.json.members()) return fail(Fault::invalid, "the manifest is no object");
    PD_TRY(manifest.version, text_member(manifest.json, "version"));
    PD_TRY(manifest.schema_version, text_member(manifest.json, "schema_version"));
    PD_CHECK(check_versions(manifest));
    auto const count = manifest.json.count("memory_count");
    if (!count) return fail(Fault::invalid, "the manifest has no \"memory_count\"");
    manifest.memory_count = *count;
    if (auto const* const sums = manifest.json.find("checksums"); sums && sums->members()) {
        for (auto const& [name, sum] : *sums->members()) {
            auto const* const value = sum.string();
            if (!value || !value->starts_with("sha256:")) {
                return fail(Fault::invalid, fmt::format("the manifest's checksum of {}", name));
            }
            manifest.checksums[name] = value->substr(7);
        }
    }
    if (manifest.schema == 3) {
        manifest.types.push_back(seed_memory_type());
        manifest.places.push_back({"memories.json", *count});
        return manifest;
    }
    auto const* const types = manifest.json.find("types");
    if (!types || !types->array()) return fail(Fault::invalid, "the manifest has no \"types\"");
    for (auto const& type : *types->array()) PD_CHECK(read_type(manifest, type));
    return manifest;
}

}  // namespace perdure::format
