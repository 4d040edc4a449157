// A row that differs lies, on each side that has it, in a block which the other side has not: equal
// blocks hold equal rows, and a key occurs once a side. So only exclusive blocks are decoded; their
// rows go through one external sort by (table, key), where both sides of a row meet, whatever
// person's domain each came from. Neighbours that did not change meet too, and cancel out.
#include "repository/diff/diff_rows.h"

#include <algorithm>
#include <unordered_set>

#include "repository/diff/exclusive.h"
#include "repository/diff/row_identity.h"
#include "repository/rows/row_sort.h"
#include "repository/rows/table_key.h"
#include "repository/stream/content_source.h"
#include "repository/stream/content_writer.h"

namespace perdure::repository {

namespace {

enum : std::uint8_t { side_after = 1, flag_outlined = 2 };
constexpr std::size_t head_bytes = 1 + Handle::size;

using Ids = std::unordered_set<BlobId, OpaqueHash>;

class RowsDiff {
public:
    RowsDiff(SourceSnapshot const* before, SourceSnapshot const* after,
             RowsDiffOptions const& options, ReadContext& context, std::stop_token stop)
        : before_(before),
          after_(after),
          options_(options),
          context_(context),
          stop_(std::move(stop)),
          common_(context.domains.common()),
          sort_({.spill_folder = context.spill_folder}),
          workers_(context.threads) {}

    Result<RowsDiffReport> run() {
        if (before_) {
            PD_TRY(report_.before, read_schema(*before_, context_, stop_));
        }
        if (after_) {
            PD_TRY(report_.after, read_schema(*after_, context_, stop_));
        }
        tables_ = join_tables(report_.before, report_.after);
        BlobList const none;
        PD_TRY(ExclusiveIds const rosters,
               exclusive_ids(context_.blobs, common_, before_ ? before_->root : none,
                             after_ ? after_->root : none, stop_));
        std::vector<RosterEntry> old, fresh;
        PD_CHECK(read_rosters(rosters.before, old));
        PD_CHECK(read_rosters(rosters.after, fresh));
        drop_common(old, fresh);
        PD_CHECK(take_blocks(old, 0));
        PD_CHECK(take_blocks(fresh, side_after));
        report_.erased_subjects = erased_.size();
        PD_CHECK(sort_.finish());
        PD_CHECK(join());
        return std::move(report_);
    }

private:
    struct Half {
        Handle handle;
        bool outlined = false;
        Bytes payload;
    };

    Result<void> read_rosters(std::vector<BlobId> const& ids, std::vector<RosterEntry>& out) {
        for (BlobId const& id : ids) {
            PD_TRY(BlobView const blob, context_.blobs.read(id, common_, stop_));
            std::optional<RosterEntry> last;
            PD_CHECK(split_records(blob.view(), [&](ByteView record, bool) -> Result<void> {
                PD_TRY(last, decode_roster_entry(record, last ? &*last : nullptr));
                if (last->kind == RosterEntry::Kind::rows) out.push_back(*last);
                return {};
            }));
        }
        return {};
    }

    static void drop_common(std::vector<RosterEntry>& a, std::vector<RosterEntry>& b) {
        Ids of_a, of_b;
        for (RosterEntry const& entry : a) of_a.insert(entry.id);
        for (RosterEntry const& entry : b) of_b.insert(entry.id);
        std::erase_if(a, [&](RosterEntry const& entry) { return of_b.contains(entry.id); });
        std::erase_if(b, [&](RosterEntry const& entry) { return of_a.contains(entry.id); });
    }

    Result<void> take_blocks(std::vector<RosterEntry> const& entries, std::uint8_t side) {
        std::size_t at = 0;
        // Nobody's fault and no failure: people who were erased are only counted.
        auto const next = [&]() -> Result<std::optional<RosterEntry>> {
            while (at < entries.size()) {
                RosterEntry const& entry = entries[at++];
                if (entry.handle == common_->handle() || !is_erased(entry.handle)) return entry;
                ++report_.erased_blocks;
            }
            return std::optional<RosterEntry>();
        };
        ReadBlocksOptions const options{
            .order = BlockOrder::packs,
            .each = [&](RosterEntry const&, DomainPtr const& domain, BlobView const& block) {
                ++report_.blocks_read;
                return take_block(domain->handle(), block.view(), side);
            }};
        std::size_t const problems = context_.problems.size();
        PD_CHECK(read_blocks(next, options, context_, workers_, stop_));
        if (context_.problems.size() == problems) return {};
        data::Problem const& problem = context_.problems[problems];
        return fail(Fault::corrupt, problem.path + ": " + problem.reason).with_code(14);
    }

    bool is_erased(Handle const& handle) {
        if (erased_.contains(handle)) return true;
        auto const domain = context_.domains.find(handle);
        if (domain || domain.error().fault() != Fault::denied) return false;
        erased_.insert(handle);
        return true;
    }

    Result<void> take_block(Handle const& handle, ByteView block, std::uint8_t side) {
        RowBlockReader rows(block);
        auto const& own = side == 0 ? report_.before : report_.after;
        while (true) {
            PD_TRY(std::optional<StoredRow> const row, rows.next());
            if (!row) return {};
            std::uint32_t table = data::media_table;
            Bytes identity;
            ByteView key = row->key;
            if (row->table != data::media_table) {
                if (row->table >= own.tables.size()) {
                    return fail(Fault::corrupt, "a row of a table that its schema does not have");
                }
                auto const& name = own.tables[row->table].name;
                if (options_.wanted && !options_.wanted(name)) continue;
                table = tables_.joined(row->table, side != 0);
                if (tables_.by_primary_key(table)) {
                    PD_TRY(identity, primary_key_of(own.tables[row->table], *row, handle));
                    key = identity;
                }
            } else if (!options_.each_media) {
                continue;
            }
            std::byte const flags{static_cast<std::uint8_t>(
                side | (row->outlined ? static_cast<std::uint8_t>(flag_outlined) : 0))};
            PD_CHECK(
                sort_.add({table_key(table), key}, {{&flags, 1}, handle.view(), row->payload}));
        }
    }

    Result<Bytes> primary_key_of(data::TableSchema const& table, StoredRow const& row,
                                 Handle const& handle) {
        if (!row.outlined) return encode_identity(table, row.key, row.payload);
        PD_TRY(Bytes const payload, load({handle, true, to_bytes(row.payload)}));
        return encode_identity(table, row.key, payload);
    }

    Result<DomainPtr> domain_of(Handle const& handle) {
        if (handle == common_->handle()) return common_;
        return context_.domains.find(handle);
    }

    Result<Bytes> load(Half const& half) {
        if (!half.outlined) return half.payload;
        PD_TRY(DomainPtr const domain, domain_of(half.handle));
        return read_outlined(half.payload, domain, context_.blobs, stop_);
    }

    Result<void> join() {
        Bytes key;
        std::optional<Half> halves[2];
        while (true) {
            PD_TRY(std::optional<RowSort::Row> const row, sort_.next());
            bool const same = row && same_bytes(row->key, key);
            if (!same && (halves[0] || halves[1])) {
                PD_CHECK(tell(key, halves[0], halves[1]));
                halves[0].reset();
                halves[1].reset();
            }
            if (!row) return {};
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
            if (!same) key.assign(row->key.begin(), row->key.end());
            auto const flags = static_cast<std::uint8_t>(row->payload[0]);
            PD_TRY(Handle const handle, Handle::from(row->payload.subspan(1, Handle::size)));
            halves[(flags & side_after) != 0 ? 1 : 0] = Half{
                handle, (flags & flag_outlined) != 0, to_bytes(row->payload.subspan(head_bytes))};
        }
    }

    Result<void> tell(ByteView key, std::optional<Half> const& before,
                      std::optional<Half> const& after) {
        std::uint32_t const table = table_of(key);
        bool const both = before && after;
        bool const owner = both && before->handle != after->handle;
        if (table == data::media_table) {
            // The folder itself changes with every file in it: those are told.
            if (key.size() == sizeof(TableKey)) return {};
            return tell_media(to_string(key.subspan(sizeof(TableKey))), before, after, owner);
        }
        RowDifference row;
        row.kind = both     ? RowDifference::Kind::changed
                   : before ? RowDifference::Kind::removed
                            : RowDifference::Kind::added;
        row.before_table = tables_.before(table);
        row.after_table = tables_.after(table);
        row.key = key.subspan(sizeof(TableKey));
        row.key_is_rowid = tables_.by_rowid(table);
        row.owner = owner;
        bool const shaped_alike = both && tables_.same_columns(table);
        bool const alike = both && shaped_alike && before->outlined == after->outlined &&
                           before->payload == after->payload;
        if (alike && !owner) return {};
        Bytes old, fresh;
        if (before) {
            PD_TRY(old, load(*before));
        }
        if (after) {
            PD_TRY(fresh, load(*after));
        }
        row.before = old;
        row.after = fresh;
        if (both && !owner) {
            if (shaped_alike && old == fresh) return {};
            // Whether a column that came or went makes a change is a question of its values.
            if (!shaped_alike) {
                PD_TRY(auto const fields, differing_fields(row));
                if (fields.empty()) return {};
            }
        }
        return options_.each ? options_.each(row) : Result<void>();
    }

    Result<void> read_media(Half const& half, std::optional<data::Entry>& entry, BlobList& list,
                            DomainPtr& domain) {
        Decoder in(half.payload);
        PD_TRY(entry, data::decode_entry(in, true));
        PD_TRY(list, decode_list(in));
        PD_TRY(domain, domain_of(half.handle));
        return {};
    }

    Result<void> tell_media(std::string path, std::optional<Half> const& before,
                            std::optional<Half> const& after, bool owner) {
        MediaDifference media;
        media.path = std::move(path);
        media.owner = owner;
        media.kind = before && after ? RowDifference::Kind::changed
                     : before        ? RowDifference::Kind::removed
                                     : RowDifference::Kind::added;
        if (before) {
            PD_CHECK(read_media(*before, media.before, media.before_list, media.before_domain));
        }
        if (after) {
            PD_CHECK(read_media(*after, media.after, media.after_list, media.after_domain));
        }
        if (before && after) {
            PD_TRY(media.content, content_differs(media));
            // What an application sees of its media is bytes and time; inodes are nobody's news.
            bool const same = !media.content && !owner &&
                              media.before->modified == media.after->modified &&
                              media.before->mode == media.after->mode;
            if (same) return {};
        }
        return options_.each_media(media);
    }

    Result<bool> content_differs(MediaDifference const& media) {
        BlobList const& a = media.before_list;
        BlobList const& b = media.after_list;
        if (a.length_bytes != b.length_bytes) return true;
        if (media.before_domain == media.after_domain) return a.ids != b.ids;
        // Ids of two domains tell nothing about each other: the bytes decide.
        ContentSource one(context_.blobs, media.before_domain, a, *media.before, workers_, stop_);
        ContentSource two(context_.blobs, media.after_domain, b, *media.after, workers_, stop_);
        Bytes left(256 << 10), right(256 << 10);
        while (true) {
            PD_TRY(std::size_t const n, read_fully(one, left));
            PD_TRY(std::size_t const m, read_fully(two, right));
            if (!same_bytes(ByteView(left).first(n), ByteView(right).first(m))) {
                return true;
            }
            if (n == 0) return false;
        }
    }

    SourceSnapshot const* before_;
    SourceSnapshot const* after_;
    RowsDiffOptions const& options_;
    ReadContext& context_;
    std::stop_token stop_;
    DomainPtr common_;
    RowSort sort_;
    Workers workers_;
    JoinedTables tables_;
    std::unordered_set<Handle, OpaqueHash> erased_;
    RowsDiffReport report_;
};

}  // namespace

Result<RowsDiffReport> diff_rows(SourceSnapshot const* before, SourceSnapshot const* after,
                                 RowsDiffOptions const& options, ReadContext& context,
                                 std::stop_token stop) {
    return RowsDiff(before, after, options, context, std::move(stop)).run();
}

}  // namespace perdure::repository
