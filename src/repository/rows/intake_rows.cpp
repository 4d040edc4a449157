#include "repository/rows/merge_rows.h"
#include "repository/rows/table_key.h"

namespace perdure::repository {

namespace {

constexpr std::size_t cached_subjects_max = 131'072;
constexpr std::uint64_t rows_a_report = 4096;

}  // namespace

RowIntake::RowIntake(data::RowReader& reader, std::string source, WriteContext& context,
                     ContentWriter& contents)
    : reader_(reader), source_(std::move(source)), context_(context), contents_(contents) {}

Result<std::optional<Handle>> RowIntake::handle_of(ByteView subject) {
    if (subject.empty()) return std::optional(context_.domains.common()->handle());
    auto const cached = cache_.find(as_text(subject));
    if (cached != cache_.end()) return cached->second;
    auto const domain = context_.domains.of_subject(source_, subject);
    if (!domain && domain.error().fault() != Fault::denied) return domain.error();
    if (cache_.size() >= cached_subjects_max) cache_.clear();
    auto const handle = domain ? std::optional((*domain)->handle()) : std::nullopt;
    return cache_.emplace(to_string(subject), handle).first->second;
}

void RowIntake::note(data::RowView const& row, std::string reason) {
    bool const media = row.table == data::media_table;
    auto const& tables = reader_.schema().tables;
    std::string path = media
                           ? to_string(row.key)
                           : (row.table < tables.size() ? tables[row.table].name : "?") + " row " +
                                 to_hex(row.key.first(std::min<std::size_t>(row.key.size(), 64)));
    problems.add({std::move(path), std::move(reason)});
}

Result<void> RowIntake::take(data::RowView const& row, RowSort& sort) {
    ++rows;
    bytes += row.key.size() + row.payload.size();
    constexpr std::string_view erased = "its person was erased while the backup ran";
    PD_TRY(std::optional<Handle> const handle, handle_of(row.subject));
    if (!handle) {
        note(row, std::string(erased));
        return {};
    }
    // Refused before anything of it is stored.
    if (row.key.size() + 64 > RowSort::key_bytes_max) {
        note(row, "its key exceeds 1 MiB");
        return {};
    }
    auto const table = table_key(row.table);
    bool const outlined =
        row.table != data::media_table && row.payload.size() > row_payload_inline_max;
    if (!outlined) {
        std::byte const flag{0};
        return sort.add({handle->view(), table, row.key}, {{&flag, 1}, row.payload});
    }
    auto const domain = domain_at(context_.domains, *handle);
    if (!domain && domain.error().fault() == Fault::denied) {
        note(row, std::string(erased));
        return {};
    }
    PD_CHECK(domain);
    PD_TRY(BlobList const list,
           contents_.store_bytes(row.payload, {.domain = *domain, .flat = true}));
    Encoder encoded;
    encode_list(encoded, list);
    std::byte const flag{1};
    return sort.add({handle->view(), table, row.key}, {{&flag, 1}, encoded.view()});
}

Result<void> RowIntake::run(RowSort& sort, std::stop_token stop) {
    while (true) {
        PD_TRY(std::optional<data::RowView> const row, reader_.next(stop));
        if (!row) return {};
        PD_CHECK(take(*row, sort));
        if (rows % rows_a_report != 0) continue;
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        if (context_.progress.report) context_.progress.report(rows, bytes, source_);
    }
}

}  // namespace perdure::repository
