#include "job/report/item_hashes.h"

#include <map>

#include "data/bytes/placement.h"
#include "repository/rows/read_blocks.h"
#include "repository/rows/row_sort.h"
#include "repository/stream/content_source.h"
#include "repository/stream/content_writer.h"
#include "repository/tree/tree_walk.h"

namespace perdure::job {

namespace {

using repository::SourceSnapshot;
using Kind = ItemHash::Kind;

std::array<std::byte, 4> big_endian(std::uint32_t value) {
    return {std::byte{static_cast<std::uint8_t>(value >> 24)},
            std::byte{static_cast<std::uint8_t>(value >> 16)},
            std::byte{static_cast<std::uint8_t>(value >> 8)},
            std::byte{static_cast<std::uint8_t>(value)}};
}

/// The SHA-256 of a file as every program reads it: of a sparse one only the extents are stored,
/// joined; between them lie zeros.
class PlacedHash {
public:
    PlacedHash(data::Entry const& entry, std::stop_token stop)
        : stop_(std::move(stop)), placement_(entry) {}

    Result<void> add(ByteView stored) {
        PD_TRY(ByteView const rest,
               placement_.feed(stored, [&](std::uint64_t offset, ByteView bytes) -> Result<void> {
                   PD_CHECK(zeros_until(offset));
                   take(bytes);
                   return {};
               }));
        if (rest.empty()) return {};
        return fail(Fault::corrupt, "more content than its extents hold");
    }

    Result<std::string> finish() {
        PD_CHECK(zeros_until(placement_.size()));
        return to_hex(hash_.finish());
    }

private:
    void take(ByteView bytes) {
        hash_.update(bytes);
        at_ += bytes.size();
    }
    Result<void> zeros_until(std::uint64_t end) {
        if (end < at_) return fail(Fault::corrupt, "extents that overlap or leave the file");
        static Bytes const zeros(1 << 20);
        while (at_ < end) {
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
            auto const count =
                static_cast<std::size_t>(std::min<std::uint64_t>(end - at_, zeros.size()));
            take(ByteView(zeros).first(count));
        }
        return {};
    }

    std::stop_token stop_;
    data::Placement placement_;
    crypto::Sha256 hash_;
    std::uint64_t at_ = 0;  ///< in the file
};

class SourceHashes {
public:
    SourceHashes(repository::Repository& repository, SourceSnapshot const& source,
                 std::function<Result<void>(ItemHash const&)> const& each, ItemHashesReport& report,
                 std::stop_token stop)
        : context_(repository.read_context()),
          source_(source),
          each_(each),
          report_(report),
          stop_(std::move(stop)),
          workers_(context_.threads) {}

    Result<void> run() {
        PD_CHECK(source_.rows ? rows() : tree());
        for (auto& problem : context_.problems) {
            report_.problems.push_back({source_.name + ": " + problem.path, problem.reason});
        }
        report_.erased_subjects += context_.erased_subjects;
        return {};
    }

private:
    Result<void> tell(ItemHash item) {
        item.source = source_.name;
        ++report_.items;
        report_.bytes += item.bytes;
        return each_(item);
    }

    /// Empty when it cannot be read, which is named.
    Result<std::string> hash_content(std::string const& path, data::Entry const& entry,
                                     repository::BlobList const& list,
                                     repository::DomainPtr const& domain) {
        repository::ContentSource content(context_.blobs, domain, list, entry, workers_, stop_);
        PlacedHash hash(entry, stop_);
        auto const all = [&]() -> Result<std::string> {
            Bytes buffer(1 << 20);
            while (true) {
                PD_TRY(std::size_t const count, repository::read_fully(content, buffer));
                if (count == 0) return hash.finish();
                PD_CHECK(hash.add(ByteView(buffer).first(count)));
            }
        };
        auto read = all();
        if (read || read.error().fault() == Fault::cancelled) return read;
        context_.problems.push_back({path, read.error().message()});
        return std::string();
    }

    Result<void> tree() {
        auto const common = context_.domains.common();
        std::map<std::string, std::string> first_names;  // of files with several: path → SHA-256
        auto const take = [&](std::string const& path,
                              repository::TreeRecord& record) -> Result<void> {
            auto const& entry = record.entry;
            ItemHash item{.path = path.empty() ? "." : path, .bytes = entry.size};
            item.mode = entry.mode;
            item.uid = entry.uid;
            item.gid = entry.gid;
            item.kind = entry.kind == data::EntryKind::file      ? Kind::file
                        : entry.kind == data::EntryKind::folder  ? Kind::folder
                        : entry.kind == data::EntryKind::symlink ? Kind::link
                                                                 : Kind::special;
            if (item.kind == Kind::folder) item.bytes = 0;
            if (item.kind == Kind::link) {
                item.sha256 = to_hex(crypto::sha256(as_bytes(entry.link_target)));
            }
            if (item.kind == Kind::file && repository::has_list(entry)) {
                PD_TRY(item.sha256, hash_content(path, entry, record.list, common));
                if (entry.links > 1) first_names[path] = item.sha256;
            }
            if (item.kind == Kind::file && !entry.same_as.empty()) {
                auto const first = first_names.find(entry.same_as);
                if (first != first_names.end()) item.sha256 = first->second;
            }
            return tell(std::move(item));
        };
        repository::TreeVisitor visitor;
        visitor.enter = [&](std::string const& path,
                            repository::TreeRecord& record) -> Result<bool> {
            PD_CHECK(take(path, record));
            return true;
        };
        visitor.leaf = take;
        return repository::walk_tree(source_, context_.blobs, common, visitor, stop_);
    }

    Result<void> rows() {
        PD_TRY(auto const schema, repository::read_schema(source_, context_, stop_));
        repository::RowSort sort({.spill_folder = context_.spill_folder});
        repository::ReadBlocksOptions options;
        options.order = repository::BlockOrder::packs;
        options.each = [&](repository::RosterEntry const&, repository::DomainPtr const& domain,
                           repository::BlobView const& block) -> Result<void> {
            repository::RowBlockReader reader(block.view());
            while (true) {
                PD_TRY(auto const row, reader.next());
                if (!row) return {};
                if (row->table == data::media_table) {
                    if (row->key.empty()) continue;  // the media folder itself
                    PD_CHECK(media(*row, domain));
                    continue;
                }
                Bytes large;
                ByteView payload = row->payload;
                if (row->outlined) {
                    PD_TRY(large,
                           repository::read_outlined(payload, domain, context_.blobs, stop_));
                    payload = large;
                }
                PD_CHECK(sort.add({big_endian(row->table), row->key}, {payload}));
            }
        };
        PD_CHECK(repository::read_blocks(source_, options, context_, workers_, stop_));
        PD_CHECK(sort.finish());
        return tables(schema, sort);
    }

    Result<void> tables(data::DatabaseSchema const& schema, repository::RowSort& sort) {
        std::vector<crypto::Sha256> hashes(schema.tables.size());
        std::vector<ItemHash> items(schema.tables.size());
        while (true) {
            PD_TRY(auto const row, sort.next());
            if (!row) break;
            std::uint32_t table = 0;
            for (std::size_t i = 0; i < 4; ++i) {
                table = (table << 8) | static_cast<std::uint32_t>(row->key[i]);
            }
            if (table >= items.size()) return fail(Fault::corrupt, "a row of an unknown table");
            ByteView const key = row->key.subspan(4);
            for (ByteView const part : {key, row->payload}) {
                hashes[table].update(big_endian(static_cast<std::uint32_t>(part.size())));
                hashes[table].update(part);
            }
            ++items[table].rows;
            items[table].bytes += row->payload.size();
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
            items[i].kind = Kind::table;
            items[i].path = schema.tables[i].name;
            items[i].sha256 = to_hex(hashes[i].finish());
            PD_CHECK(tell(std::move(items[i])));
        }
        return {};
    }

    Result<void> media(repository::StoredRow const& row, repository::DomainPtr const& domain) {
        Decoder in(row.payload);
        PD_TRY(data::Entry const entry, data::decode_entry(in, true));
        PD_TRY(repository::BlobList const list, repository::decode_list(in));
        ItemHash item{.kind = Kind::media, .path = to_string(row.key), .bytes = list.length_bytes};
        item.mode = entry.mode;
        item.uid = entry.uid;
        item.gid = entry.gid;
        PD_TRY(item.sha256, hash_content(item.path, entry, list, domain));
        return tell(std::move(item));
    }

    repository::ReadContext context_;
    SourceSnapshot const& source_;
    std::function<Result<void>(ItemHash const&)> const& each_;
    ItemHashesReport& report_;
    std::stop_token stop_;
    repository::Workers workers_;
};

}  // namespace

std::string_view item_kind_name(ItemHash::Kind kind) {
    constexpr std::string_view names[] = {"file", "folder", "link", "special", "table", "media"};
    return names[static_cast<std::size_t>(kind)];
}

Result<ItemHashesReport> hash_items(repository::Repository& repository,
                                    repository::Snapshot const& snapshot,
                                    std::function<Result<void>(ItemHash const&)> const& each,
                                    std::stop_token stop) {
    ItemHashesReport report;
    for (auto const& source : snapshot.sources) {
        PD_CHECK(SourceHashes(repository, source, each, report, stop).run());
    }
    return report;
}

}  // namespace perdure::job
