#include "repository/rows/merge_rows.h"

#include <algorithm>

#include "repository/rows/table_key.h"
#include "repository/tree/racy.h"

namespace perdure::repository {

namespace {

constexpr std::size_t composite_head_bytes = Handle::size + sizeof(TableKey);
constexpr std::size_t batch_weight_max = 256u << 10;
constexpr std::size_t batch_blocks_max = 128;

}  // namespace

RowMerge::RowMerge(data::RowReader& reader, SourceSnapshot const* parent, WriteContext& context,
                   Sink sink, std::stop_token stop)
    : reader_(reader),
      context_(context),
      common_(context.domains.common()),
      sink_(std::move(sink)),
      stop_(stop),
      seed_(cut_seed(context.chunk_key)),
      parent_blocks_(parent, context.known, common_, stop),
      parent_media_(parent, context.known, common_, stop) {
    if (parent != nullptr) parent_started_ = parent->started;
}

RowMerge::Key RowMerge::parse(ByteView composite) {
    PD_ASSERT(composite.size() >= composite_head_bytes);
    Key key;
    std::memcpy(key.handle.bytes.data(), composite.data(), Handle::size);
    key.in_domain = composite.subspan(Handle::size);
    key.table = table_of(key.in_domain);
    key.key = composite.subspan(composite_head_bytes);
    return key;
}

Result<bool> RowMerge::move_to(Handle const& handle) {
    if (handle_ && *handle_ == handle) return domain_ != nullptr;
    if (!close_block()) return false;
    handle_ = handle;
    first_block_ = true;
    last_.reset();
    domain_ = nullptr;
    auto domain = domain_at(context_.domains, handle);
    if (!domain) {
        if (domain.error().fault() == Fault::denied) return false;
        return domain.error();
    }
    domain_ = *domain;
    if (handle != common_->handle()) ++subjects;
    return true;
}

void RowMerge::append_row(Key const& key, std::initializer_list<ByteView> payload, bool outlined) {
    RowBlockJob::Row row;
    row.table = key.table;
    row.key_offset = block_.arena.size();
    row.key_length = key.key.size();
    append(block_.arena, key.key);
    for (ByteView const part : payload) {
        append(block_.arena, part);
        row.payload_length += part.size();
    }
    row.outlined = outlined;
    block_.rows.push_back(row);
}

Result<void> RowMerge::take_media(Key const& key, ByteView payload) {
    Decoder in(payload);
    PD_TRY(data::Entry now, data::decode_entry(in, true));
    PD_CHECK(in.expect_end());
    media_bytes += now.size;
    if (now.kind != data::EntryKind::file || !now.same_as.empty()) {
        scratch_.clear();  // nothing to read, but every media row carries a list
        encode_list(scratch_, BlobList{});
        append_row(key, {payload, scratch_.view()}, false);
        return {};
    }
    ByteView const before = parent_media_.find(domain_, key.key);
    if (!before.empty()) {
        Decoder old(before);
        auto const entry = data::decode_entry(old, true);
        ByteView const rest = before.last(old.left());
        auto const list = decode_list(old);
        bool unchanged = entry && list && old.done() && data::looks_unchanged(*entry, now) &&
                         !is_racy(now, *parent_started_);
        if (unchanged) {
            PD_TRY(unchanged, all_known(context_.known, domain_, *list, stop_));
        }
        if (unchanged) {
            ++media_unchanged;
            append_row(key, {payload, rest}, false);
            return {};
        }
    }
    append_row(key, {}, false);
    block_.rows.back().media = block_.media.size();
    block_.media.push_back({std::move(now), reader_.open_media(key.key), {}, {}, 0});
    return {};
}

bool RowMerge::repeats(Key const& key) const {
    if (block_.rows.empty())
        return last_ && last_->table == key.table && same_bytes(last_->key, key.key);
    RowBlockJob::Row const& last = block_.rows.back();
    ByteView const last_key = ByteView(block_.arena).subspan(last.key_offset, last.key_length);
    return last.table == key.table && same_bytes(last_key, key.key);
}

Result<void> RowMerge::take(Key const& key, ByteView payload) {
    PD_ASSERT(!payload.empty());
    bool const outlined = payload[0] == std::byte{1};
    payload = payload.subspan(1);
    bool const media = key.table == data::media_table;
    if (repeats(key)) {
        std::string const table = media ? "of media" : reader_.schema().tables[key.table].name;
        return fail(Fault::invalid, "two rows with one key in table " + table);
    }
    std::size_t const weight = media ? media_row_weight : key.key.size() + payload.size() + 8;
    std::uint64_t const hash = cut_hash(key.in_domain, seed_);
    if (cuts_before(row_cuts, block_.weight, weight, hash) && !close_block()) return {};
    if (block_.rows.empty() && !first_block_) {
        block_.tag = boundary_tag(*domain_, key.table, key.key);
    }
    block_.weight += weight;
    if (media) return take_media(key, payload);
    append_row(key, {payload}, outlined);
    return {};
}

ParentBlocks::RowKey RowMerge::row_key(RowBlockJob::Row const& row) const {
    return {row.table, to_bytes(ByteView(block_.arena).subspan(row.key_offset, row.key_length))};
}

bool RowMerge::close_block() {
    if (block_.rows.empty()) return !stopped_;
    block_.domain = domain_;
    if (!parent_blocks_.empty()) {
        // The middle by bytes: rows lie in the arena in their order.
        auto const middle = std::ranges::partition_point(block_.rows, [&](auto const& row) {
            return row.key_offset + row.key_length + row.payload_length < block_.arena.size() / 2;
        });
        block_.parent = parent_blocks_.find(
            domain_, {block_.tag, row_key(block_.rows.front()), row_key(*middle)});
    }
    last_ = row_key(block_.rows.back());
    batch_->weight += block_.weight;
    batch_->blocks.push_back(std::exchange(block_, RowBlockJob{}));
    first_block_ = false;
    bool const full =
        batch_->weight >= batch_weight_max || batch_->blocks.size() >= batch_blocks_max;
    return full ? flush() : !stopped_;
}

bool RowMerge::flush() {
    if (batch_->blocks.empty()) return !stopped_;
    stopped_ = !sink_(std::exchange(batch_, std::make_unique<RowBatch>())) || stopped_;
    return !stopped_;
}

Result<void> RowMerge::run(RowSort& sort) {
    std::uint64_t rows = 0;
    while (!stopped_) {
        if (++rows % 1024 == 0 && stop_.stop_requested()) {
            return fail(Fault::cancelled, "stopped");
        }
        PD_TRY(std::optional<RowSort::Row> const row, sort.next());
        if (!row) break;
        Key const key = parse(row->key);
        PD_TRY(bool const here, move_to(key.handle));
        if (here) PD_CHECK(take(key, row->payload));
    }
    if (close_block()) (void)flush();
    return {};
}

}  // namespace perdure::repository
