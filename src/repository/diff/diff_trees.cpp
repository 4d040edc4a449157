// A folder is a record stream whose blobs are cut where names say so. Records in blobs that both
// sides share are equal on both sides, so a name that differs lies in an exclusive blob of each
// side that has it: reading only those and joining them by name finds every difference and no
// other. A record larger than a blob is cut anywhere; such folders are read whole.
#include "repository/diff/diff_trees.h"

#include "repository/diff/exclusive.h"

namespace perdure::repository {

namespace {

constexpr std::size_t depth_max = 16'384;

/// The records of one side of a folder that may differ, in the order of names. Holds one blob.
class Side {
public:
    Side(BlobReader& blobs, DomainPtr domain, std::vector<BlobId> ids)
        : blobs_(&blobs), domain_(std::move(domain)), ids_(std::move(ids)) {}
    /// Reads the stream from its beginning, relying on no border.
    Side(BlobReader& blobs, DomainPtr domain, BlobList const& list)
        : blobs_(&blobs), domain_(domain), whole_(FolderCursor(blobs, domain, list)) {}

    std::optional<TreeRecord> const& record() const { return record_; }
    Result<void> advance(std::stop_token stop) {
        record_.reset();
        if (whole_) {
            PD_TRY(std::optional<RecordView> const view, whole_->next(stop));
            if (view) {
                PD_TRY(record_, decode_record(view->whole));
            }
            return {};
        }
        while (at_ == records_.size()) {
            if (next_ == ids_.size()) return {};
            PD_CHECK(load(stop));
        }
        record_ = std::move(records_[at_++]);
        return {};
    }

private:
    Result<void> load(std::stop_token stop) {
        PD_TRY(BlobView const blob, blobs_->read(ids_[next_++], domain_, stop));
        records_.clear();
        at_ = 0;
        return split_records(blob.view(), [&](ByteView bytes, bool) -> Result<void> {
            PD_TRY(TreeRecord record, decode_record(bytes));
            bool const ascends = last_.empty() || last_ < record.entry.name;
            if (!ascends) return fail(Fault::corrupt, "names of a folder that are not sorted");
            last_ = record.entry.name;
            records_.push_back(std::move(record));
            return {};
        });
    }

    BlobReader* blobs_;
    DomainPtr domain_;
    std::vector<BlobId> ids_;
    std::optional<FolderCursor> whole_;
    std::vector<TreeRecord> records_;
    std::size_t at_ = 0, next_ = 0;
    std::string last_;
    std::optional<TreeRecord> record_;
};

bool same_list(BlobList const& a, BlobList const& b) {
    return a.length_bytes == b.length_bytes && a.depth == b.depth && a.ids == b.ids;
}

class TreeDiff {
public:
    TreeDiff(TreeDiffOptions const& options, BlobReader& blobs, DomainPtr domain,
             std::stop_token stop)
        : options_(options), blobs_(blobs), domain_(std::move(domain)), stop_(std::move(stop)) {}

    Result<void> run(TreeRecord const* before, TreeRecord const* after) {
        PD_CHECK(compare("", before, after));
        while (!levels_.empty()) {
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
            Level& level = levels_.back();
            auto const& a = level.before.record();
            auto const& b = level.after.record();
            if (!a && !b) {
                levels_.pop_back();
                continue;
            }
            bool const take_a = a && (!b || a->entry.name <= b->entry.name);
            bool const take_b = b && (!a || b->entry.name <= a->entry.name);
            std::optional<TreeRecord> const old = take_a ? a : std::nullopt;
            std::optional<TreeRecord> const fresh = take_b ? b : std::nullopt;
            std::string path = level.path;
            if (!path.empty()) path += '/';
            path += (old ? *old : *fresh).entry.name;
            if (take_a) PD_CHECK(level.before.advance(stop_));
            if (take_b) PD_CHECK(level.after.advance(stop_));
            PD_CHECK(compare(path, old ? &*old : nullptr, fresh ? &*fresh : nullptr));
        }
        return {};
    }

private:
    struct Level {
        std::string path;
        Side before, after;
    };

    Result<void> compare(std::string const& path, TreeRecord const* before,
                         TreeRecord const* after) {
        auto const is_folder = [](TreeRecord const* record) {
            return record != nullptr && record->entry.kind == data::EntryKind::folder;
        };
        bool const replaced = before && after && before->entry.kind != after->entry.kind;
        if (replaced) {
            PD_CHECK(compare(path, before, nullptr));
            return compare(path, nullptr, after);
        }
        PD_CHECK(tell(path, before, after));
        if (!is_folder(before) && !is_folder(after)) return {};
        if (before && after && same_list(before->list, after->list)) return {};
        return enter(path, is_folder(before) ? before->list : BlobList{},
                     is_folder(after) ? after->list : BlobList{});
    }

    Result<void> tell(std::string const& path, TreeRecord const* before, TreeRecord const* after) {
        using Kind = EntryDifference::Kind;
        if (!before || !after) {
            return options_.each({before ? Kind::removed : Kind::added, path, before, after});
        }
        bool const file = before->entry.kind == data::EntryKind::file && has_list(before->entry) &&
                          has_list(after->entry);
        // Stored is what lies between holes, joined: the same bytes elsewhere are other content.
        bool const content = file && (!same_list(before->list, after->list) ||
                                      before->entry.extents != after->entry.extents);
        bool const same =
            !content &&
            differing_properties(before->entry, after->entry, options_.identity).empty();
        if (same) return {};
        return options_.each({Kind::changed, path, before, after, content});
    }

    Result<void> enter(std::string const& path, BlobList const& before, BlobList const& after) {
        if (levels_.size() >= depth_max) return fail(Fault::corrupt, "a tree is too deep");
        PD_TRY(ExclusiveIds ids, exclusive_ids(blobs_, domain_, before, after, stop_));
        PD_TRY(bool const cut, has_cut_records(ids));
        Level level = cut ? Level{path, Side(blobs_, domain_, before), Side(blobs_, domain_, after)}
                          : Level{path, Side(blobs_, domain_, std::move(ids.before)),
                                  Side(blobs_, domain_, std::move(ids.after))};
        PD_CHECK(level.before.advance(stop_));
        PD_CHECK(level.after.advance(stop_));
        levels_.push_back(std::move(level));
        return {};
    }

    /// Whether a blob does not consist of whole records. The blobs are read again from the cache.
    Result<bool> has_cut_records(ExclusiveIds const& ids) {
        for (auto const* side : {&ids.before, &ids.after}) {
            for (BlobId const& id : *side) {
                PD_TRY(BlobView const blob, blobs_.read(id, domain_, stop_));
                bool const whole =
                    split_records(blob.view(), [](ByteView record, bool) -> Result<void> {
                        PD_CHECK(view_record(record));
                        return {};
                    }).has_value();
                bool const full = blob.length >= folder_cuts.max_bytes;
                if (!whole || full) return true;
            }
        }
        return false;
    }

    TreeDiffOptions const& options_;
    BlobReader& blobs_;
    DomainPtr domain_;
    std::stop_token stop_;
    std::vector<Level> levels_;
};

}  // namespace

std::vector<std::string> differing_properties(data::Entry const& a, data::Entry const& b,
                                              bool identity) {
    std::vector<std::string> out;
    auto const note = [&](bool differs, char const* name) {
        if (differs) out.emplace_back(name);
    };
    bool const link = a.kind == data::EntryKind::symlink;
    note(a.kind != b.kind || a.special != b.special, "kind");
    note(!link && a.mode != b.mode, "mode");
    note(a.uid != b.uid || a.gid != b.gid || a.user != b.user || a.group != b.group, "owner");
    note(a.modified != b.modified, "modified");
    note(a.kind == data::EntryKind::file && a.size != b.size, "size");
    note(a.link_target != b.link_target, "link target");
    note(a.xattrs != b.xattrs, "attributes");
    note(a.flags != b.flags, "flags");
    note(a.same_as != b.same_as, "hard link");
    if (identity) {
        note(a.device != b.device || a.inode != b.inode || a.changed != b.changed ||
                 a.links != b.links,
             "identity");
    }
    return out;
}

Result<void> diff_trees(SourceSnapshot const* before, SourceSnapshot const* after,
                        TreeDiffOptions const& options, BlobReader& blobs, DomainPtr const& domain,
                        std::stop_token stop) {
    std::optional<TreeRecord> old, fresh;
    if (before) {
        PD_TRY(old, read_root(*before, blobs, domain, stop));
    }
    if (after) {
        PD_TRY(fresh, read_root(*after, blobs, domain, stop));
    }
    if (!old && !fresh) return {};
    return TreeDiff(options, blobs, domain, std::move(stop))
        .run(old ? &*old : nullptr, fresh ? &*fresh : nullptr);
}

}  // namespace perdure::repository
