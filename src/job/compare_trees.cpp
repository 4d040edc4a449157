#include "job/compare_trees.h"

namespace perdure::job {

namespace {

using data::TreeItem;
using Step = TreeItem::Step;

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

Result<bool> same_content(data::Content& a, data::Content& b, std::stop_token stop) {
    PD_TRY(auto left, a.open(stop));
    PD_TRY(auto right, b.open(stop));
    Bytes one(256 << 10), two(256 << 10);
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

class Comparison {
public:
    Comparison(data::TreeReader& live, data::TreeReader& copy, TreeComparison how,
               std::stop_token stop)
        : live_(live), copy_(copy), how_(how), stop_(std::move(stop)) {}

    Result<std::vector<TreeDifference>> run() {
        PD_CHECK(live_.advance(stop_));
        PD_CHECK(copy_.advance(stop_));
        if (live_.item() && copy_.item()) PD_CHECK(both(""));
        return std::move(found_);
    }

private:
    void note(std::string path, std::string what, Timestamp changed) {
        if (found_.size() < how_.max) found_.push_back({std::move(path), std::move(what), changed});
    }

    /// The current live entry, which the copy lacks.
    void note_missing(std::string path) {
        auto const& item = *live_.item();
        bool const closed = item.content && !item.content->open(stop_);
        note(std::move(path), "missing", item.entry.changed);
        if (closed && !found_.empty()) found_.back().unreadable = true;
    }

    /// Compares the two current entries, which have the same name, and all below them.
    Result<void> both(std::string const& path) {
        auto const live = *live_.item();
        auto const copy = *copy_.item();
        auto difference = metadata_difference(live.entry, copy.entry, how_.owners);
        bool const told = !live.entry.same_as.empty() && live.entry.same_as == copy.entry.same_as;
        if (difference.empty() && !told && live.content && copy.content) {
            PD_TRY(bool const same, same_content(*live.content, *copy.content, stop_));
            if (!same) difference = "content";
        }
        if (!difference.empty()) note(path, difference, live.entry.changed);
        if (live.step != Step::enter || copy.step != Step::enter) {
            PD_CHECK(live_.skip(stop_));
            return copy_.skip(stop_);
        }
        PD_CHECK(live_.advance(stop_));
        PD_CHECK(copy_.advance(stop_));
        PD_CHECK(children(path));
        PD_CHECK(live_.advance(stop_));
        return copy_.advance(stop_);
    }

    Result<void> children(std::string const& folder) {
        auto const below = [&](std::string const& name) {
            return folder.empty() ? name : folder + "/" + name;
        };
        while (!live_.at_end() || !copy_.at_end()) {
            if (stop_.stop_requested()) return fail(Fault::cancelled, "stopped");
            auto const* a = live_.at_end() ? nullptr : &live_.item()->entry;
            auto const* b = copy_.at_end() ? nullptr : &copy_.item()->entry;
            if (!b || (a && a->name < b->name)) {
                note_missing(below(a->name));
                PD_CHECK(live_.skip(stop_));
            } else if (!a || b->name < a->name) {
                note(below(b->name), "added", {});
                PD_CHECK(copy_.skip(stop_));
            } else {
                PD_CHECK(both(below(a->name)));
            }
        }
        return {};
    }

    Cursor live_, copy_;
    TreeComparison how_;
    std::stop_token stop_;
    std::vector<TreeDifference> found_;
};

}  // namespace

Result<std::vector<TreeDifference>> compare_trees(data::TreeReader& live, data::TreeReader& copy,
                                                  TreeComparison how, std::stop_token stop) {
    return Comparison(live, copy, how, std::move(stop)).run();
}

}  // namespace perdure::job
