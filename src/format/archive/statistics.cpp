#include "format/archive/statistics.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "format/record/json_text.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr std::size_t names_max = 10'000, name_bytes_max = 4096;

void write_counts(std::string& out, std::string_view what, NameCounts const& names) {
    out += fmt::format(",\n \"{}\":{{", what);
    bool first = true;
    for (auto const& [name, count] : names.counts) {
        if (!first) out += ',';
        first = false;
        json_string(out, name);
        out += fmt::format(":{}", count);
    }
    out += '}';
    if (names.others > 0) out += fmt::format(",\n \"other_{}\":{}", what, names.others);
}

void save_time(Encoder& out, std::optional<Timestamp> const& time) {
    out.u8(time ? 1 : 0);
    out.i64(time ? time->seconds : 0);
    out.u32(time ? time->nanoseconds : 0);
}

Result<std::optional<Timestamp>> restore_time(Decoder& in) {
    PD_TRY(auto const there, in.u8());
    PD_TRY(auto const seconds, in.i64());
    PD_TRY(auto const nanoseconds, in.u32());
    return there ? std::optional(Timestamp{seconds, nanoseconds}) : std::nullopt;
}

/// A name as save() wrote it: what is no text came from a damaged file.
Result<std::string> name_in(Decoder& in, std::size_t bytes_max) {
    PD_TRY(auto name, in.text(bytes_max));
    if (!is_utf8(name)) return fail(Fault::corrupt, "a counted name is no text");
    return name;
}

}  // namespace

void NameCounts::add(std::string_view name) {
    if (name.empty()) return;
    if (auto const found = counts.find(name); found != counts.end()) {
        ++found->second;
    } else if (counts.size() < names_max && name.size() <= name_bytes_max && is_utf8(name)) {
        counts.emplace(name, 1);
    } else {
        ++others;
    }
}

void NameCounts::save(Encoder& out) const {
    out.varint(others);
    out.varint(counts.size());
    for (auto const& [name, count] : counts) {
        out.text(name);
        out.varint(count);
    }
}

Result<void> NameCounts::restore(Decoder& in) {
    PD_TRY(others, in.varint());
    PD_TRY(auto const size, in.varint());
    for (std::uint64_t i = 0; i < size; ++i) {
        PD_TRY(auto name, name_in(in, name_bytes_max));
        PD_TRY(auto const count, in.varint());
        counts.emplace(std::move(name), count);
    }
    return {};
}

void ArchiveStatistics::add(data::Record const& record, std::uint64_t json_bytes) {
    auto found = types.find(record.type);
    if (found == types.end()) found = types.emplace(record.type, OfType{}).first;
    auto& type = found->second;
    ++type.records;
    type.bytes += json_bytes;
    if (record.embedding) ++type.embeddings;
    type.media += record.media.size();
    if (record.created) {
        if (!type.first_created || *record.created < *type.first_created) {
            type.first_created = record.created;
        }
        if (!type.last_created || *record.created > *type.last_created) {
            type.last_created = record.created;
        }
    }
    projects.add(record.project);
    categories.add(record.category);
    collections.add(record.collection);
    for (auto const& tag : record.tags) tags.add(tag);
}

void ArchiveStatistics::save(Encoder& out) const {
    out.varint(types.size());
    for (auto const& [name, type] : types) {
        out.text(name);
        for (auto const count : {type.records, type.bytes, type.embeddings, type.media}) {
            out.varint(count);
        }
        save_time(out, type.first_created);
        save_time(out, type.last_created);
    }
    for (auto const* names : {&projects, &categories, &collections, &tags}) names->save(out);
}

Result<void> ArchiveStatistics::restore(Decoder& in) {
    PD_TRY(auto const size, in.varint());
    for (std::uint64_t i = 0; i < size; ++i) {
        PD_TRY(auto name, name_in(in, 1 << 16));
        OfType type;
        for (auto* count : {&type.records, &type.bytes, &type.embeddings, &type.media}) {
            PD_TRY(*count, in.varint());
        }
        PD_TRY(type.first_created, restore_time(in));
        PD_TRY(type.last_created, restore_time(in));
        types.emplace(std::move(name), type);
    }
    for (auto* names : {&projects, &categories, &collections, &tags}) PD_CHECK(names->restore(in));
    return {};
}

std::string ArchiveStatistics::json() const {
    std::string out = " \"types\":{";
    bool first = true;
    for (auto const& [name, type] : types) {
        out += first ? "\n  " : ",\n  ";
        first = false;
        json_string(out, repair_utf8(name));
        out += fmt::format(":{{\"records\":{},\"bytes\":{},\"embeddings\":{},\"media\":{}",
                           type.records, type.bytes, type.embeddings, type.media);
        if (type.first_created) {
            out += fmt::format(",\"first_created\":\"{}\",\"last_created\":\"{}\"",
                               to_rfc3339(*type.first_created), to_rfc3339(*type.last_created));
        }
        out += '}';
    }
    out += '}';
    write_counts(out, "projects", projects);
    write_counts(out, "categories", categories);
    write_counts(out, "collections", collections);
    write_counts(out, "tags", tags);
    return out;
}

}  // namespace perdure::format
