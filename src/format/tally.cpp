#include "format/tally.h"

#include <fmt/format.h>

namespace perdure::format {

namespace {

constexpr std::size_t omissions_kept = 1000;
constexpr std::size_t text_bytes_max = 1 << 20, id_bytes_max = 1000;

/// Keys may be as long as any text; a thousand of them are kept.
std::string name_of(data::Record const& record) {
    std::string_view id = record.id;
    if (id.size() <= id_bytes_max) return fmt::format("{} {}", record.type, id);
    id = id.substr(0, id_bytes_max);
    while (!id.empty() && (static_cast<unsigned char>(id.back()) & 0xc0) == 0x80) {
        id.remove_suffix(1);
    }
    if (!id.empty()) id.remove_suffix(1);
    return fmt::format("{} {}…", record.type, id);
}

}  // namespace

void Tally::count(std::string_view type) {
    if (!of_type_ || type != type_) {
        type_ = type;
        of_type_ = &summary_.per_type[type_];
    }
    ++*of_type_;
    ++summary_.records;
}

void Tally::declare(std::string_view type) {
    summary_.per_type.try_emplace(std::string(type), 0);
}

bool Tally::seen(std::string_view type) const {
    return summary_.per_type.contains(std::string(type));
}

void Tally::omit(data::Record const& record, std::string_view column, std::string_view what) {
    ++summary_.omissions_total;
    if (summary_.omissions.size() == omissions_kept) return;
    summary_.omissions.push_back({name_of(record), column.empty()
                                                       ? std::string(what)
                                                       : fmt::format("{}: {}", column, what)});
}

void Tally::encode(Encoder& out) const {
    for (auto const number : {summary_.records, summary_.media, summary_.bytes, summary_.files,
                              summary_.omissions_total}) {
        out.varint(number);
    }
    out.varint(summary_.per_type.size());
    for (auto const& [type, records] : summary_.per_type) {
        out.text(type);
        out.varint(records);
    }
    out.varint(summary_.omissions.size());
    for (auto const& omission : summary_.omissions) {
        out.text(omission.record);
        out.text(omission.what);
    }
}

Result<void> Tally::decode(Decoder& in) {
    summary_ = {};
    of_type_ = nullptr;
    for (auto* number : {&summary_.records, &summary_.media, &summary_.bytes, &summary_.files,
                         &summary_.omissions_total}) {
        PD_TRY(*number, in.varint());
    }
    PD_TRY(auto const types, in.varint());
    for (std::uint64_t i = 0; i < types; ++i) {
        PD_TRY(auto type, in.text(text_bytes_max));
        PD_TRY(summary_.per_type[type], in.varint());
    }
    PD_TRY(auto const omissions, in.varint());
    for (std::uint64_t i = 0; i < omissions; ++i) {
        Omission omission;
        PD_TRY(omission.record, in.text(text_bytes_max));
        PD_TRY(omission.what, in.text(text_bytes_max));
        summary_.omissions.push_back(std::move(omission));
    }
    return {};
}

}  // namespace perdure::format
