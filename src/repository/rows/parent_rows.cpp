#include "repository/rows/parent_rows.h"

#include <algorithm>

#include "data/stream.h"

namespace perdure::repository {

namespace {

/// How far ahead a predecessor is looked for: so many blocks may have been deleted in a row.
constexpr std::size_t window_blocks_max = 1024;

std::strong_ordering order(ByteView a, ByteView b) {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

ParentBlocks::ParentBlocks(SourceSnapshot const* source, BlobReader& blobs, DomainPtr common,
                           std::stop_token stop)
    : blobs_(blobs), stop_(std::move(stop)) {
    if (source == nullptr || !source->rows) return;
    reader_.emplace(blobs, std::move(common), source->root);
    read_next();
}

void ParentBlocks::read_next() {
    pending_.reset();
    while (reader_) {
        auto entry = reader_->next(stop_);
        if (!entry || !*entry) {
            reader_.reset();
            return;
        }
        if ((*entry)->kind != RosterEntry::Kind::rows) continue;
        pending_ = **entry;
        return;
    }
}

void ParentBlocks::move_to(Handle const& handle) {
    if (handle_ == handle && (last_ || !window_.empty())) return;
    if (handle_ != handle) {
        handle_ = handle;
        window_.clear();
        front_start_.reset();
        last_.reset();
    }
    while (pending_ && pending_->handle < handle) read_next();
}

void ParentBlocks::fill() {
    while (pending_ && pending_->handle == handle_ && window_.size() < window_blocks_max) {
        window_.push_back(*pending_);
        read_next();
    }
}

std::optional<ParentBlocks::Block> ParentBlocks::found() const {
    return Block{last_->entry.id, last_->entry.base};
}

std::optional<ParentBlocks::RowKey> ParentBlocks::row_key(RosterEntry const& entry,
                                                          DomainPtr const& domain, bool last) {
    auto const block = blobs_.read(entry.id, domain, stop_);
    if (!block) return std::nullopt;
    RowBlockReader rows(block->view());
    std::optional<RowKey> key;
    while (true) {
        auto const row = rows.next();
        if (!row) return std::nullopt;
        if (!*row) return key;
        if (!key) key = RowKey{};
        key->table = (*row)->table;
        key->key.assign((*row)->key.begin(), (*row)->key.end());
        if (!last) return key;
    }
}

/// Moves last_ to the parent's last block that begins at or before `middle`. No later block can
/// have the tag of one that is passed: it begins behind `middle`. False when there is none.
bool ParentBlocks::walk_to(DomainPtr const& domain, RowKey const& middle) {
    while (!window_.empty()) {
        if (!front_start_) front_start_ = row_key(window_.front(), domain, false);
        if (front_start_ && middle < *front_start_) break;
        if (front_start_) last_ = Last{window_.front(), std::nullopt};
        window_.pop_front();
        front_start_.reset();
        fill();
    }
    return last_.has_value();
}

/// Rows behind the end of the parent's block are new: comparing each block of a table that grew
/// with the old table's last one would cost time and gain nothing.
bool ParentBlocks::last_reaches(DomainPtr const& domain, RowKey const& first) {
    if (!last_->end) last_->end = row_key(last_->entry, domain, true);
    return last_->end && first <= *last_->end;
}

std::optional<ParentBlocks::Block> ParentBlocks::find(DomainPtr const& domain,
                                                      Wanted const& wanted) {
    move_to(domain->handle());
    fill();
    auto const at = std::ranges::find(window_, wanted.tag, &RosterEntry::tag);
    if (at != window_.end()) {
        last_ = Last{*at, std::nullopt};
        window_.erase(window_.begin(), at + 1);
        front_start_.reset();
        return found();
    }
    if (!walk_to(domain, wanted.middle) || !last_reaches(domain, wanted.first)) return {};
    return found();
}

ParentMedia::ParentMedia(SourceSnapshot const* source, BlobReader& blobs, DomainPtr common,
                         std::stop_token stop)
    : blobs_(blobs), stop_(std::move(stop)) {
    if (source == nullptr || !source->rows) return;
    reader_.emplace(blobs, std::move(common), source->root);
}

/// Goes on to the next block with media of the domain, or stops in front of a later domain.
bool ParentMedia::load_block(DomainPtr const& domain) {
    while (true) {
        if (entry_ && entry_->handle > domain->handle()) return false;
        if (!entry_ || entry_->handle < domain->handle() || !entry_->holds_media || rows_) {
            if (!reader_) return false;
            auto entry = reader_->next(stop_);
            rows_.reset();
            entry_.reset();
            if (!entry || !*entry) {
                reader_.reset();
                return false;
            }
            entry_ = **entry;
            continue;
        }
        auto block = blobs_.read(entry_->id, domain, stop_);
        if (!block) {
            entry_->holds_media = false;  // absent to us
            continue;
        }
        block_ = std::move(*block);
        rows_.emplace(block_.view());
        handle_ = domain->handle();
        return true;
    }
}

bool ParentMedia::advance() {
    row_.reset();
    while (rows_) {
        auto row = rows_->next();
        if (!row || !*row) return false;
        if ((*row)->table != data::media_table) continue;
        row_ = **row;
        return true;
    }
    return false;
}

ByteView ParentMedia::find(DomainPtr const& domain, ByteView path) {
    while (true) {
        if (row_ && handle_ == domain->handle()) {
            auto const compared = order(row_->key, path);
            if (compared == 0) return row_->payload;
            if (compared > 0) return {};
        }
        if (rows_ && handle_ == domain->handle() && advance()) continue;
        row_.reset();
        if (!load_block(domain)) return {};
        (void)advance();
    }
}

}  // namespace perdure::repository
