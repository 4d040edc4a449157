#include "format/archive/manifest_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "format/record/json_text.h"

namespace perdure::format {

namespace {

void text(std::string& out, std::string_view name, std::string_view value) {
    out += fmt::format(",\n \"{}\":", name);
    json_value(out, value);
}

void texts(std::string& out, std::vector<std::string> const& values) {
    out += '[';
    for (auto const& value : values) {
        if (&value != &values.front()) out += ',';
        json_value(out, std::string_view(value));
    }
    out += ']';
}

std::string option(ExportInfo const& info, char const* name, std::string_view otherwise) {
    auto const found = info.options.find(name);
    return found == info.options.end() ? std::string(otherwise) : found->second;
}

/// Seed 002 names the three files that it knows by their base names alone.
std::string_view checksum_key(std::string_view file) {
    for (auto const known : {archive_name::memories, archive_name::units, archive_name::projects}) {
        if (file == known) return known.substr(known.find('/') + 1);
    }
    return file;
}

void type_object(std::string& out, ManifestType const& entry) {
    auto const& type = *entry.type;
    out += "{\"type\":";
    json_value(out, std::string_view(type.type));
    out += ",\"table\":";
    json_value(out, std::string_view(type.table));
    out += ",\"file\":";
    json_value(out, std::string_view(entry.place->records));
    out += fmt::format(",\"count\":{},\"columns\":", entry.count);
    texts(out, type.columns);
    out += ",\"declared_types\":";
    texts(out, type.declared_types);
    out += ",\"key\":";
    texts(out, type.key_columns);
    out += ",\"roles\":{";
    bool first = true;
    for (auto const& [role, expression] : type.roles) {
        if (!first) out += ',';
        first = false;
        json_key(out, role);
        json_value(out, std::string_view(expression));
    }
    out += "}}";
}

bool names_a_secret(std::string_view name) {
    for (std::string_view const word : {"pass", "secret", "token", "key", "credential"}) {
        if (name.find(word) != name.npos) return true;
    }
    return false;
}

/// What a number beside a name was: memory_count of several types is their sum.
std::map<std::string, std::uint64_t> summed(ManifestFacts const& facts) {
    std::map<std::string, std::uint64_t> counts;
    for (auto const& [name, count] : facts.counts) counts[name] += count;
    return counts;
}

}  // namespace

std::string manifest_text(ExportInfo const& info, ManifestFacts const& facts) {
    auto out = fmt::format("{{\n \"version\":\"{}\",\n \"schema_version\":\"{}\"", archive_version,
                           archive_schema_version);
    text(out, "export_date", to_rfc3339(info.as_of));
    text(out, "export_type", info.filter.empty() ? "full" : "selective");
    auto const counts = summed(facts);
    for (auto const* name : {"memory_count", "code_unit_count"}) {
        out += fmt::format(",\n \"{}\":{}", name, counts.at(name));
    }
    for (auto const& [name, count] : counts) {
        if (name == "memory_count" || name == "code_unit_count") continue;
        out += ",\n ";
        json_string(out, is_utf8(name) ? name : "count_of_" + to_hex(as_bytes(name)));
        out += fmt::format(":{}", count);
    }
    out += fmt::format(",\n \"media\":{{\"files\":{},\"bytes\":{}}},\n \"projects\":",
                       facts.media.count, facts.media.bytes);
    std::vector<std::string> projects;
    for (auto const& [name, count] : facts.projects.counts) projects.push_back(name);
    texts(out, projects);
    if (facts.projects.others > 0) out += ",\n \"projects_complete\":false";
    out += ",\n \"checksums\":{";
    bool first = true;
    for (auto const& [file, hash] : facts.hashes) {
        out += first ? "\n  " : ",\n  ";
        first = false;
        json_string(out, checksum_key(file));
        out += fmt::format(":\"sha256:{}\"", hash);
    }
    out += '}';
    text(out, "compression", option(info, "compression", "none"));
    text(out, "encryption", option(info, "encryption", "none"));
    text(out, "program", info.program);
    text(out, "title", info.title);
    text(out, "source", info.source);
    if (!info.snapshot.empty()) text(out, "snapshot", info.snapshot);
    out += ",\n \"filter\":";
    texts(out, info.filter);
    out += ",\n \"types\":[";
    for (auto const& entry : facts.types) {
        out += &entry == &facts.types.front() ? "\n  " : ",\n  ";
        type_object(out, entry);
    }
    return out + "]\n}\n";
}

std::string configuration_text(ExportInfo const& info, std::string_view public_key) {
    std::string out = "{\n \"format\":\"archive\"";
    text(out, "program", info.program);
    text(out, "source", info.source);
    if (!public_key.empty()) text(out, "public_key", public_key);
    out += ",\n \"filter\":";
    texts(out, info.filter);
    out += ",\n \"options\":{";
    bool first = true;
    for (auto const& [name, value] : info.options) {
        if (name == "configuration") continue;
        out += first ? "\n  " : ",\n  ";
        first = false;
        json_key(out, name);
        json_value(out, std::string_view(names_a_secret(name) ? "(redacted)" : value));
    }
    out += '}';
    if (auto const found = info.options.find("configuration"); found != info.options.end()) {
        text(out, "configuration", found->second);
    }
    return out + "\n}\n";
}

std::string statistics_text(ArchiveStatistics const& statistics, MediaTotals const& media,
                            FormatSummary const& summary) {
    auto out = fmt::format("{{\n \"records\":{},\n \"media\":{{\"files\":{},\"bytes\":{}}},\n",
                           summary.records, media.count, media.bytes);
    out += statistics.json();
    out += fmt::format(",\n \"omissions_total\":{},\n \"omissions\":[", summary.omissions_total);
    for (auto const& omission : summary.omissions) {
        out += &omission == &summary.omissions.front() ? "\n  " : ",\n  ";
        out += "{\"record\":";
        json_value(out, std::string_view(omission.record));
        out += ",\"what\":";
        json_value(out, std::string_view(omission.what));
        out += '}';
    }
    return out + "]\n}\n";
}

void save_summary(Encoder& out, FormatSummary const& summary) {
    out.varint(summary.records);
    out.varint(summary.media);
    out.varint(summary.per_type.size());
    for (auto const& [type, count] : summary.per_type) {
        out.text(type);
        out.varint(count);
    }
    out.varint(summary.omissions_total);
    out.varint(summary.omissions.size());
    for (auto const& omission : summary.omissions) {
        out.text(omission.record);
        out.text(omission.what);
    }
}

Result<FormatSummary> restore_summary(Decoder& in) {
    constexpr std::size_t text_max = 1 << 20;
    FormatSummary summary;
    PD_TRY(summary.records, in.varint());
    PD_TRY(summary.media, in.varint());
    PD_TRY(auto const types, in.varint());
    for (std::uint64_t i = 0; i < types; ++i) {
        PD_TRY(auto type, in.text(text_max));
        PD_TRY(summary.per_type[type], in.varint());
    }
    PD_TRY(summary.omissions_total, in.varint());
    PD_TRY(auto const omissions, in.varint());
    for (std::uint64_t i = 0; i < omissions; ++i) {
        Omission omission;
        PD_TRY(omission.record, in.text(text_max));
        PD_TRY(omission.what, in.text(text_max));
        summary.omissions.push_back(std::move(omission));
    }
    return summary;
}

}  // namespace perdure::format
