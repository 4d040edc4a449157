// Blocks come by domain; a database wants its rows by (table, key). So they are read in the order
// of the packs, sorted again outside memory, and fed to the target in one pass. Media need no
// order: each is put back as soon as its row is met.
#include <utility>

#include "repository/rows/read_blocks.h"
#include "repository/rows/row_sort.h"
#include "repository/rows/table_key.h"
#include "repository/stream/content_source.h"

namespace perdure::repository {

namespace {

constexpr std::uint64_t rows_a_report = 16'384;

class RowRestore {
public:
    RowRestore(SourceSnapshot const& source, data::RowTarget& target, ReadContext& context,
               std::stop_token stop)
        : source_(source),
          target_(target),
          context_(context),
          stop_(std::move(stop)),
          sort_({.spill_folder = context.spill_folder}),
          workers_(context.threads) {}

    Result<void> run() {
        PD_TRY(data::DatabaseSchema const schema, read_schema(source_, context_, stop_));
        PD_CHECK(target_.begin(schema));
        ReadBlocksOptions const options{
            .order = BlockOrder::packs,
            .each = [this](RosterEntry const&, DomainPtr const& domain, BlobView const& block) {
                return take_block(domain, block.view());
            }};
        PD_CHECK(read_blocks(source_, options, context_, workers_, stop_));
        PD_CHECK(sort_.finish());
        PD_CHECK(feed());
        return target_.finish(stop_);
    }

private:
    /// Rows go through twice, read and put, and count half each time: else the bar of a large
    /// database stands still until all are read.
    void tell_half(std::uint64_t bytes) {
        if (context_.progress.reading) context_.progress.reading(bytes / 2, source_.name);
    }

    Result<void> take_block(DomainPtr const& domain, ByteView block) {
        tell_half(block.size());
        RowBlockReader rows(block);
        while (true) {
            PD_TRY(std::optional<StoredRow> const row, rows.next());
            if (!row) return {};
            if (row->table == data::media_table) {
                PD_CHECK(put_media(*row, domain));
                continue;
            }
            auto const table = table_key(row->table);
            std::byte const flag{static_cast<std::uint8_t>(row->outlined ? 1 : 0)};
            ByteView const handle = row->outlined ? domain->handle().view() : ByteView();
            PD_CHECK(sort_.add({table, row->key}, {{&flag, 1}, handle, row->payload}));
        }
    }

    Result<void> put_media(StoredRow const& row, DomainPtr const& domain) {
        Decoder in(row.payload);
        PD_TRY(data::Entry const entry, data::decode_entry(in, true));
        PD_TRY(BlobList const list, decode_list(in));
        PD_CHECK(in.expect_end());
        std::string const path = to_string(row.key);
        ContentSource content(context_.blobs, domain, list, entry, workers_, stop_);
        if (context_.progress.reading)
            content.on_bytes = [&](std::uint64_t n) { context_.progress.reading(n, path); };
        auto const put = target_.add_media(entry, path, content);
        auto const& failure = content.failure();
        if (put) {
            ++context_.items_restored;
            context_.bytes_restored += row.key.size() + entry.size;
            return {};
        }
        // What the target will never hold (its name, its size) it names itself, as in a tree.
        auto const& refused = put.error();
        if (!failure && refused.fault() == Fault::unsupported && refused.code() == 3) return {};
        if (!failure || failure->fault() == Fault::cancelled) return put;
        context_.problems.push_back({path, failure->message()});
        return {};
    }

    Result<void> feed() {
        std::uint64_t rows = 0, bytes = 0, told = 0;
        while (true) {
            PD_TRY(std::optional<RowSort::Row> const sorted, sort_.next());
            if (!sorted) break;
            data::RowView row;
            row.table = table_of(sorted->key);
            row.key = sorted->key.subspan(sizeof(TableKey));
            row.payload = sorted->payload.subspan(1);
            Bytes outlined;
            if (sorted->payload[0] == std::byte{1}) {
                auto loaded = load_outlined(row.payload);
                if (!loaded) {
                    PD_CHECK(note_lost(row, loaded.error()));
                    continue;
                }
                outlined = std::move(*loaded);
                row.payload = outlined;
            }
            PD_CHECK(target_.add(row));
            bytes += row.key.size() + row.payload.size();
            if (++rows % rows_a_report != 0) continue;
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
            if (context_.progress.report) context_.progress.report(rows, bytes, source_.name);
            tell_half(bytes - std::exchange(told, bytes));
        }
        context_.items_restored += rows;
        context_.bytes_restored += bytes;
        tell_half(bytes - told);
        return {};
    }

    Result<Bytes> load_outlined(ByteView payload) {
        PD_TRY(Handle const handle, Handle::from(payload.first(Handle::size)));
        bool const common = handle == context_.domains.common()->handle();
        PD_TRY(DomainPtr const domain, common ? Result<DomainPtr>(context_.domains.common())
                                              : context_.domains.find(handle));
        return read_outlined(payload.subspan(Handle::size), domain, context_.blobs, stop_);
    }

    Result<void> note_lost(data::RowView const& row, Error const& error) {
        if (error.fault() == Fault::cancelled) return error;
        context_.problems.push_back(
            {"table " + std::to_string(row.table) + " row " +
                 to_hex(row.key.first(std::min<std::size_t>(row.key.size(), 64))),
             error.message()});
        return {};
    }

    SourceSnapshot const& source_;
    data::RowTarget& target_;
    ReadContext& context_;
    std::stop_token stop_;
    RowSort sort_;
    Workers workers_;
};

}  // namespace

Result<void> restore_rows(SourceSnapshot const& source, data::RowTarget& target,
                          ReadContext& context, std::stop_token stop) {
    return RowRestore(source, target, context, stop).run();
}

Result<void> list_rows(SourceSnapshot const& source,
                       std::function<Result<void>(data::RowView const&)> each, ReadContext& context,
                       std::stop_token stop) {
    Workers workers(context.threads);
    Handle const common = context.domains.common()->handle();
    ReadBlocksOptions options;
    options.each = [&](RosterEntry const&, DomainPtr const& domain,
                       BlobView const& block) -> Result<void> {
        RowBlockReader rows(block.view());
        while (true) {
            PD_TRY(std::optional<StoredRow> const row, rows.next());
            if (!row) return {};
            Bytes outlined;
            ByteView payload = row->payload;
            if (row->outlined) {
                PD_TRY(outlined, read_outlined(payload, domain, context.blobs, stop));
                payload = outlined;
            }
            ByteView const subject =
                domain->handle() == common ? ByteView() : domain->handle().view();
            PD_CHECK(each({subject, row->table, row->key, payload}));
        }
    };
    return read_blocks(source, options, context, workers, stop);
}

}  // namespace perdure::repository
