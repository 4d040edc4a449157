#include "format/document/ledger.h"

#include <fmt/format.h>

#include "format/document/page_text.h"

namespace perdure::format {

namespace {

constexpr std::size_t omissions_kept = 1000;
constexpr std::size_t text_bytes_max = 4096;

}  // namespace

void Ledger::omit(data::Record const& record, std::string what) {
    ++summary_.omissions_total;
    if (summary_.omissions.size() == omissions_kept) return;
    summary_.omissions.push_back(
        {shortened(page_text(fmt::format("{} {}", record.type, record.id)), 200),
         shortened(page_text(what), 500)});
}

void Ledger::count(data::Record const& record) {
    ++summary_.records;
    ++summary_.per_type[std::string(record.type)];
}

void Ledger::save(Encoder& out) const {
    out.varint(summary_.records);
    out.varint(summary_.media);
    out.varint(summary_.bytes);
    out.varint(summary_.files);
    out.varint(summary_.per_type.size());
    for (auto const& [type, count] : summary_.per_type) {
        out.text(type);
        out.varint(count);
    }
    out.varint(summary_.omissions_total);
    out.varint(summary_.omissions.size());
    for (auto const& omission : summary_.omissions) {
        out.text(omission.record);
        out.text(omission.what);
    }
}

Result<void> Ledger::load(Decoder& in) {
    PD_TRY(summary_.records, in.varint());
    PD_TRY(summary_.media, in.varint());
    PD_TRY(summary_.bytes, in.varint());
    PD_TRY(summary_.files, in.varint());
    PD_TRY(auto const types, in.varint());
    for (std::uint64_t i = 0; i < types; ++i) {
        PD_TRY(auto const type, in.text(text_bytes_max));
        PD_TRY(summary_.per_type[type], in.varint());
    }
    PD_TRY(summary_.omissions_total, in.varint());
    PD_TRY(auto const omissions, in.varint());
    for (std::uint64_t i = 0; i < omissions; ++i) {
        PD_TRY(auto const record, in.text(text_bytes_max));
        PD_TRY(auto const what, in.text(text_bytes_max));
        summary_.omissions.push_back({record, what});
    }
    return {};
}

Result<void> put_file(OutputTree& tree, Ledger& ledger, std::string const& name,
                      std::string_view text, FileOptions options) {
    options.size_bytes = text.size();
    PD_TRY(auto const out, tree.create(name, options));
    PD_CHECK(out->write(text));
    PD_CHECK(out->finish());
    ledger.add_file(text.size());
    return {};
}

}  // namespace perdure::format
