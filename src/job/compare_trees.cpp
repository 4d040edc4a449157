#include "job/compare_trees.h"

#include <algorithm>

namespace perdure::job {

namespace {

using data::TreeItem;
using Step = TreeItem::Step;

constexpr std::size_t block_bytes = 256 << 10;

/// A reader with one item of look-ahead that knows where it is.
class Cursor {
public:
    explicit Cursor(data::TreeReader& reader) : reader_(reader) {}

    Result<void> advance(std::stop_token stop) {
        PD_TRY(item_, reader_.next(stop));
        return {};
    }
    std::optional<TreeItem> const& item() const { return item_; }
    /// At the end of the folder (or of the tree): nothing more to compare at this depth.
    bool at_end() const { return !item_ || item_->step == Step::leave; }
    /// Passes over the current entry and, for a folder, all below it.
    Result<void> skip(std::stop_token stop) {
        std::size_t depth = 0;
        do {
            if (item_->step == Step::enter) ++depth;
            if (item_->step == Step::leave) --depth;
            PD_CHECK(advance(stop));
        } while (depth > 0 && item_);
        return {};
    }

private:
    data::TreeReader& reader_;
    std::optional<TreeItem> item_;
};

/// A file's bytes in their places: what is read of a sparse one is its extents, joined.
class PlacedBytes {
public:
    static Result<PlacedBytes> open(data::Content& content, std::stop_token stop) {
        PlacedBytes out;
        PD_TRY(out.source_, content.open(std::move(stop)));
        PD_TRY(out.entry_, out.source_->entry_after_reading());
        return out;
    }
    std::uint64_t size() const { return entry_.size; }
    std::uint64_t at() const { return at_; }
    bool in_hole() const { return hole_end() > at_; }
    /// How far the hole or the data goes that this stands in.
    std::uint64_t run_left() const {
        if (in_hole()) return hole_end() - at_;
        if (!entry_.sparse) return entry_.size - at_;
        data::Extent const& extent = entry_.extents[extent_];
        return extent.offset + extent.length - at_;
    }
    void skip(std::uint64_t bytes) { at_ += bytes; }
    /// At most run_left(). False when the file ends early.
    Result<bool> read(ByteSpan into) {
        if (in_hole()) {
            std::ranges::fill(into, std::byte{});
        } else {
            for (std::size_t done = 0; done < into.size();) {
                PD_TRY(std::size_t const count, source_->read(into.subspan(done)));
                if (count == 0) return false;
                done += count;
            }
        }
        at_ += into.size();
        bool const over = entry_.sparse && extent_ < entry_.extents.size() &&
                          at_ == entry_.extents[extent_].offset + entry_.extents[extent_].length;
        if (over) ++extent_;
        return true;
    }

private:
    std::uint64_t hole_end() const {
        if (!entry_.sparse) return at_;
        return extent_ < entry_.extents.size() ? entry_.extents[extent_].offset : entry_.size;
    }
    std::unique_ptr<data::ByteSource> source_;
    data::Entry entry_;
    std::uint64_t at_ = 0;
    std::size_t extent_ = 0;
};

/// A hole is as good as zeros: copies need not lie on the disk as their originals do.
Result<bool> same_bytes_in_places(data::Content& a, data::Content& b, std::stop_token stop) {
    PD_TRY(PlacedBytes left, PlacedBytes::open(a, stop));
    PD_TRY(PlacedBytes right, PlacedBytes::open(b, stop));
    if (left.size() != right.size()) return false;
    Bytes one(block_bytes), two(block_bytes);
    while (left.at() < left.size()) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        std::uint64_t const run = std::min(left.run_left(), right.run_left());
        if (run == 0) return false;  // extents that say nothing: not to be trusted
        if (left.in_hole() && right.in_hole()) {
            left.skip(run);
            right.skip(run);
            continue;
        }
        auto const count = static_cast<std::size_t>(std::min<std::uint64_t>(run, block_bytes));
        PD_TRY(bool const more, left.read(ByteSpan(one).first(count)));
        PD_TRY(bool const others, right.read(ByteSpan(two).first(count)));
        if (!more || !others || std::memcmp(one.data(), two.data(), count) != 0) return false;
    }
    return true;
}

Result<bool> same_content(TreeItem const& live, TreeItem const& copy, std::stop_token stop) {
    if (live.entry.sparse || copy.entry.sparse)
        return same_bytes_in_places(*live.content, *copy.content, std::move(stop));
    PD_TRY(auto left, live.content->open(stop));
    PD_TRY(auto right, copy.content->open(stop));
    Bytes one(block_bytes), two(block_bytes);
    while (true) {
        PD_TRY(auto const n, left->read(one));
        PD_TRY(auto const m, right->read(two));
        if (n != m || std::memcmp(one.data(), two.data(), n) != 0) return false;
        if (n == 0) return true;
    }
}

std::string metadata_difference(data::Entry const& a, data::Entry const& b, bool owners) {
    if (a.kind != b.kind) return "kind";
    if (a.kind != data::EntryKind::symlink && a.mode != b.mode) return "mode";
    if (owners && (a.uid != b.uid || a.gid != b.gid)) return "owner";
    if (a.kind != data::EntryKind::symlink && a.modified != b.modified) return "modification time";
    if (a.kind == data::EntryKind::file && a.size != b.size) return "size";
    if (a.link_target != b.link_target) return "link target";
    if (a.xattrs != b.xattrs) return "extended attributes";
    return {};
}

/// Both readers stand in the folder of path_, whose outer folders are counted by above_: a tree as
/// deep as somebody liked must not overflow the stack.
class Comparison {
public:
    Comparison(data::TreeReader& live, data::TreeReader& copy, TreeComparison how,
               std::stop_token stop)
        : live_(live), copy_(copy), how_(std::move(how)), stop_(std::move(stop)) {}

    Result<std::vector<TreeDifference>> run() {
        PD_CHECK(live_.advance(stop_));
        PD_CHECK(copy_.advance(stop_));
        if (live_.item() && copy_.item()) PD_CHECK(both(""));
        while (!above_.empty()) {
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
            PD_CHECK(step());
        }
        return std::move(found_);
    }

private:
    void note(std::string path, std::string what, Timestamp changed, bool unreadable = false) {
        TreeDifference difference{std::move(path), std::move(what), changed, unreadable};
        if (how_.excuses && how_.excuses(difference)) return;
        if (found_.size() < how_.max) found_.push_back(std::move(difference));
    }

    /// The current live entry, which the copy lacks.
    void note_missing(std::string path) {
        auto const& item = *live_.item();
        bool const closed = item.content && !item.content->open(stop_);
        note(std::move(path), "missing", item.entry.changed, closed);
    }

    /// Compares the two current entries, which have the same name, and goes into them where both
    /// are folders.
    Result<void> both(std::string path) {
        auto const& live = *live_.item();
        auto const& copy = *copy_.item();
        auto difference = metadata_difference(live.entry, copy.entry, how_.owners);
        bool const told = !live.entry.same_as.empty() && live.entry.same_as == copy.entry.same_as;
        if (difference.empty() && !told && live.content && copy.content) {
            auto const same = same_content(live, copy, stop_);
            // What went meanwhile, or may not be read by us, says nothing about all the others.
            auto const fault = same ? Fault::internal : same.error().fault();
            if (fault == Fault::denied || fault == Fault::not_found) {
                note(path, "cannot be read", live.entry.changed, true);
            } else if (!same) {
                return same.error();
            } else if (!*same) {
                difference = "content";
            }
        }
        if (!difference.empty()) note(path, difference, live.entry.changed);
        if (live.step != Step::enter || copy.step != Step::enter) {
            PD_CHECK(live_.skip(stop_));
            return copy_.skip(stop_);
        }
        above_.push_back(path_.size());
        path_ = std::move(path);
        PD_CHECK(live_.advance(stop_));
        return copy_.advance(stop_);
    }

    std::string below(std::string const& name) const {
        return path_.empty() ? name : path_ + "/" + name;
    }

    /// The next name in the folder of path_, on either side or both; or out of it.
    Result<void> step() {
        if (live_.at_end() && copy_.at_end()) {
            path_.resize(above_.back());
            above_.pop_back();
            PD_CHECK(live_.advance(stop_));
            return copy_.advance(stop_);
        }
        auto const* a = live_.at_end() ? nullptr : &live_.item()->entry;
        auto const* b = copy_.at_end() ? nullptr : &copy_.item()->entry;
        if (!b || (a && a->name < b->name)) {
            note_missing(below(a->name));
            return live_.skip(stop_);
        }
        if (!a || b->name < a->name) {
            note(below(b->name), "added", {});
            return copy_.skip(stop_);
        }
        return both(below(a->name));
    }

    Cursor live_, copy_;
    TreeComparison how_;
    std::stop_token stop_;
    std::string path_;                ///< of the folder that both stand in
    std::vector<std::size_t> above_;  ///< lengths of the paths of the folders around it
    std::vector<TreeDifference> found_;
};

}  // namespace

Result<std::vector<TreeDifference>> compare_trees(data::TreeReader& live, data::TreeReader& copy,
                                                  TreeComparison how, std::stop_token stop) {
    return Comparison(live, copy, std::move(how), std::move(stop)).run();
}

}  // namespace perdure::job
