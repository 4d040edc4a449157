#include "repository/tree/parent_tree.h"

namespace perdure::repository {

ParentTree::ParentTree(SourceSnapshot const* source, BlobReader& blobs, DomainPtr domain,
                       std::stop_token stop)
    : blobs_(blobs), domain_(std::move(domain)), stop_(std::move(stop)) {
    if (source == nullptr || source->rows) return;
    auto root = read_root(*source, blobs_, domain_, stop_);
    if (root) root_ = std::move(root->list);
}

void ParentTree::advance(Level& level) {
    auto next = level.cursor->next(stop_);
    if (next) {
        level.record = *next;
    } else {
        level.record.reset();
    }
    if (!level.record) level.cursor.reset();
}

RecordView const* ParentTree::find(std::string_view name) {
    if (levels_.empty()) return nullptr;
    Level& level = levels_.back();
    while (level.cursor && level.record->name < name) advance(level);
    return level.cursor && level.record->name == name ? &*level.record : nullptr;
}

void ParentTree::enter(std::string_view name) {
    std::optional<BlobList> list;
    if (levels_.empty()) {
        list = root_;
    } else if (RecordView const* const record = find(name);
               record != nullptr && record->kind == data::EntryKind::folder) {
        Decoder in(record->list);
        if (auto decoded = decode_list(in)) list = std::move(*decoded);
    }
    Level level;
    if (list) {
        level.cursor.emplace(blobs_, domain_, *list);
        advance(level);
    }
    levels_.push_back(std::move(level));
}

void ParentTree::leave() {
    PD_ASSERT(!levels_.empty());
    levels_.pop_back();
}

}  // namespace perdure::repository
