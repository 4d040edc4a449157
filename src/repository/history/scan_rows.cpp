// Snapshots share most blobs. So the question "who holds this" is answered from the outside in:
// which snapshots list a roster blob, then which roster blobs list a row block; then every distinct
// block is read once, with the answer at hand.
#include "repository/history/scan_rows.h"

#include <unordered_map>
#include <unordered_set>

#include "repository/diff/exclusive.h"

namespace perdure::repository {

namespace {

/// What gives the rows of some snapshots their meaning. Snapshots whose tables are equal share one.
struct Shape {
    Bytes tables;  ///< encoded, to compare
    data::DatabaseSchema schema;
    std::string encoding;
    std::vector<bool> snapshots;
};

class RowScan {
public:
    RowScan(std::vector<SourceSnapshot const*> const& snapshots, RowScanOptions const& options,
            PresenceSets& sets, ReadContext& context, std::stop_token stop)
        : snapshots_(snapshots),
          options_(options),
          sets_(sets),
          context_(context),
          stop_(std::move(stop)),
          common_(context.domains.common()),
          workers_(context.threads) {}

    Result<RowScanReport> run() {
        for (std::size_t i = 0; i < snapshots_.size(); ++i) {
            if (snapshots_[i] == nullptr || !snapshots_[i]->rows) continue;
            PD_CHECK(add_shape(i));
            PD_CHECK(add_rosters(i));
        }
        for (auto const& [id, set] : rosters_) PD_CHECK(add_blocks(id, set));
        rosters_.clear();
        auto at = blocks_.begin();
        auto const next = [&]() -> Result<std::optional<RosterEntry>> {
            for (; at != blocks_.end(); ++at) {
                if (is_erased(at->second.handle)) {
                    ++report_.erased_blocks;
                    continue;
                }
                RosterEntry entry;
                entry.handle = at->second.handle;
                entry.id = at->first;
                ++at;
                return std::optional<RosterEntry>(entry);
            }
            return std::optional<RosterEntry>();
        };
        ReadBlocksOptions const reading{
            .order = BlockOrder::packs,
            .each = [&](RosterEntry const& entry, DomainPtr const& domain, BlobView const& block) {
                ++report_.blocks_read;
                return visit(blocks_.at(entry.id).in, domain, block.view());
            }};
        PD_CHECK(read_blocks(next, reading, context_, workers_, stop_));
        report_.erased_subjects = erased_.size();
        return report_;
    }

private:
    struct Block {
        Handle handle;
        PresenceSets::Id in;
    };

    Result<void> add_shape(std::size_t snapshot) {
        SourceSnapshot const& source = *snapshots_[snapshot];
        Bytes list_key;
        for (BlobId const& id : source.schema.ids) append(list_key, id.view());
        auto const known = by_list_.find(list_key);
        std::size_t index = known == by_list_.end() ? shapes_.size() : known->second;
        if (known == by_list_.end()) {
            Shape shape;
            PD_TRY(shape.schema, read_schema(source, context_, stop_));
            if (auto const encoding = shape.schema.settings.find("encoding");
                encoding != shape.schema.settings.end()) {
                shape.encoding = encoding->second;
            }
            data::DatabaseSchema bare;
            bare.engine = shape.schema.engine;
            bare.settings["encoding"] = shape.encoding;
            bare.tables = shape.schema.tables;
            shape.tables = bare.encode();
            shape.snapshots.resize(snapshots_.size());
            for (index = 0; index < shapes_.size(); ++index) {
                if (shapes_[index].tables == shape.tables) break;
            }
            if (index == shapes_.size()) shapes_.push_back(std::move(shape));
            by_list_[list_key] = index;
        }
        shapes_[index].snapshots[snapshot] = true;
        return {};
    }

    Result<void> add_rosters(std::size_t snapshot) {
        auto const own = sets_.only(snapshot);
        ListReader ids(context_.blobs, common_, snapshots_[snapshot]->root);
        while (true) {
            PD_TRY(std::optional<BlobId> const id, ids.next(stop_));
            if (!id) return {};
            auto const [at, fresh] = rosters_.try_emplace(*id, own);
            if (!fresh) at->second = sets_.unite(at->second, own);
        }
    }

    Result<void> add_blocks(BlobId const& roster, PresenceSets::Id set) {
        PD_TRY(BlobView const blob, context_.blobs.read(roster, common_, stop_));
        std::optional<RosterEntry> last;
        return split_records(blob.view(), [&](ByteView record, bool) -> Result<void> {
            PD_TRY(last, decode_roster_entry(record, last ? &*last : nullptr));
            if (last->kind != RosterEntry::Kind::rows) return {};
            report_.blocks_named += sets_.count(set);
            auto const [at, fresh] = blocks_.try_emplace(last->id, Block{last->handle, set});
            if (!fresh) at->second.in = sets_.unite(at->second.in, set);
            return {};
        });
    }

    bool is_erased(Handle const& handle) {
        if (handle == common_->handle()) return false;
        if (erased_.contains(handle)) return true;
        auto const domain = context_.domains.find(handle);
        if (domain || domain.error().fault() != Fault::denied) return false;
        erased_.insert(handle);
        return true;
    }

    Result<void> visit(PresenceSets::Id in, DomainPtr const& domain, ByteView block) {
        if (options_.may_matter && !options_.may_matter(block)) return {};
        for (std::size_t shape = 0; shape < shapes_.size(); ++shape) {
            auto const part = part_of(in, shape);
            if (part) PD_CHECK(visit_as(shapes_[shape], *part, domain, block));
        }
        return {};
    }

    /// The snapshots of the set in which this shape holds.
    std::optional<PresenceSets::Id> part_of(PresenceSets::Id in, std::size_t shape) {
        if (shapes_.size() == 1) return in;
        auto const key = std::pair(in, shape);
        auto const known = parts_.find(key);
        if (known != parts_.end()) return known->second;
        std::vector<bool> members = sets_.members(in);
        bool any = false;
        for (std::size_t i = 0; i < members.size(); ++i) {
            members[i] = members[i] && shapes_[shape].snapshots[i];
            any = any || members[i];
        }
        std::optional<PresenceSets::Id> part;
        if (any) part = sets_.of(members);
        parts_[key] = part;
        return part;
    }

    Result<void> visit_as(Shape const& shape, PresenceSets::Id in, DomainPtr const& domain,
                          ByteView block) {
        RowBlockReader rows(block);
        while (true) {
            PD_TRY(std::optional<StoredRow> const row, rows.next());
            if (!row) return {};
            data::TableSchema const* table = nullptr;
            if (row->table != data::media_table) {
                if (row->table >= shape.schema.tables.size()) {
                    return fail(Fault::corrupt, "a row of a table that its schema does not have");
                }
                table = &shape.schema.tables[row->table];
            }
            PD_CHECK(options_.each({table, shape.encoding, *row, domain, in}));
        }
    }

    std::vector<SourceSnapshot const*> const& snapshots_;
    RowScanOptions const& options_;
    PresenceSets& sets_;
    ReadContext& context_;
    std::stop_token stop_;
    DomainPtr common_;
    Workers workers_;
    std::vector<Shape> shapes_;
    std::map<Bytes, std::size_t> by_list_;
    std::unordered_map<BlobId, PresenceSets::Id, OpaqueHash> rosters_;
    std::unordered_map<BlobId, Block, OpaqueHash> blocks_;
    std::unordered_set<Handle, OpaqueHash> erased_;
    std::map<std::pair<PresenceSets::Id, std::size_t>, std::optional<PresenceSets::Id>> parts_;
    RowScanReport report_;
};

}  // namespace

Result<RowScanReport> scan_rows(std::vector<SourceSnapshot const*> const& snapshots,
                                RowScanOptions const& options, PresenceSets& sets,
                                ReadContext& context, std::stop_token stop) {
    return RowScan(snapshots, options, sets, context, std::move(stop)).run();
}

Result<Bytes> payload_of(RowSighting const& sighting, BlobReader& blobs, std::stop_token stop) {
    if (!sighting.row.outlined) return to_bytes(sighting.row.payload);
    return read_outlined(sighting.row.payload, sighting.domain, blobs, std::move(stop));
}

}  // namespace perdure::repository
