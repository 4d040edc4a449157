#pragma once

#include <map>
#include <mutex>
#include <set>

#include "data/stream.h"

namespace perdure::repository::testing {

/// A tree in memory: path → entry and content. "" is the root. Tests only.
struct TreeModel {
    struct Node {
        data::Entry entry;
        Bytes content;
        bool operator==(Node const&) const = default;
    };
    std::map<std::string, Node> nodes;
    std::set<std::string> unreadable;      ///< opening these fails
    std::map<std::string, int> restless;   ///< these change under so many readings
    std::map<std::string, Node> replaced;  ///< what stands there when these are opened
    std::int64_t now = 1'000'000;
    std::uint64_t next_inode = 1;
    int opens = 0;

    TreeModel() { add_folder(""); }
    static std::string name_of(std::string const& path) {
        auto const slash = path.rfind('/');
        return slash == std::string::npos ? path : path.substr(slash + 1);
    }
    Node& add(std::string const& path, data::EntryKind kind) {
        Node& node = nodes[path];
        node = {};
        node.entry.name = name_of(path);
        node.entry.kind = kind;
        node.entry.mode = 0640;
        node.entry.inode = next_inode++;
        node.entry.device = 7;
        node.entry.modified = node.entry.changed = {now, 5};
        return node;
    }
    Node& add_folder(std::string const& path) { return add(path, data::EntryKind::folder); }
    Node& add_file(std::string const& path, ByteView content) {
        Node& node = add(path, data::EntryKind::file);
        node.content = to_bytes(content);
        node.entry.size = content.size();
        return node;
    }
    void write(std::string const& path, ByteView content) {
        Node& node = nodes.at(path);
        node.content = to_bytes(content);
        node.entry.size = content.size();
        node.entry.modified = node.entry.changed = {now, 5};
    }
    void remove(std::string const& path) {
        std::erase_if(nodes, [&](auto const& item) {
            return item.first == path || item.first.starts_with(path + "/");
        });
    }
};

/// Reads a model the way an origin reads a disk.
class FakeTreeReader final : public data::TreeReader {
public:
    explicit FakeTreeReader(TreeModel& model) : model_(model) { list(""); }
    Result<std::optional<data::TreeItem>> next(std::stop_token) override {
        if (at_ == items_.size()) return std::optional<data::TreeItem>();
        return std::optional<data::TreeItem>(items_[at_++]);
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    class Source final : public data::ByteSource {
    public:
        Source(TreeModel& model, std::string path) : model_(model), path_(std::move(path)) {
            bytes_ = now().content;
        }
        Result<std::size_t> read(ByteSpan into) override {
            std::size_t const count = std::min(into.size(), bytes_.size() - at_);
            if (count > 0) std::memcpy(into.data(), bytes_.data() + at_, count);
            at_ += count;
            return count;
        }
        Result<data::Entry> entry_after_reading() override {
            static std::mutex mutex;
            std::lock_guard lock(mutex);
            auto const restless = model_.restless.find(path_);
            if (restless != model_.restless.end() && restless->second-- > 0) {
                model_.write(path_, as_bytes("changed " + std::to_string(restless->second)));
                model_.nodes.at(path_).entry.changed.nanoseconds =
                    static_cast<std::uint32_t>(100 + restless->second);
            }
            return now().entry;
        }

    private:
        TreeModel::Node const& now() const {
            auto const other = model_.replaced.find(path_);
            return other != model_.replaced.end() ? other->second : model_.nodes.at(path_);
        }
        TreeModel& model_;
        std::string path_;
        Bytes bytes_;
        std::size_t at_ = 0;
    };
    class Opener final : public data::Content {
    public:
        Opener(TreeModel& model, std::string path) : model_(model), path_(std::move(path)) {}
        Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
            static std::mutex mutex;
            std::lock_guard lock(mutex);
            ++model_.opens;
            if (model_.unreadable.contains(path_)) return fail(Fault::denied, "not allowed");
            return std::unique_ptr<data::ByteSource>(std::make_unique<Source>(model_, path_));
        }

    private:
        TreeModel& model_;
        std::string path_;
    };

    void list(std::string const& folder) {
        using Step = data::TreeItem::Step;
        items_.push_back({Step::enter, model_.nodes.at(folder).entry, nullptr});
        std::map<std::string, std::string> children;  // name → path, in memcmp order
        for (auto const& [path, node] : model_.nodes) {
            if (path.empty()) continue;
            auto const slash = path.rfind('/');
            std::string const parent = slash == std::string::npos ? "" : path.substr(0, slash);
            if (parent == folder) children[node.entry.name] = path;
        }
        for (auto const& [name, path] : children) {
            data::Entry const& entry = model_.nodes.at(path).entry;
            if (entry.kind == data::EntryKind::folder) {
                list(path);
                continue;
            }
            std::shared_ptr<data::Content> content;
            bool const further = !entry.same_as.empty() && model_.nodes.at(path).content.empty();
            if (entry.kind == data::EntryKind::file && !further) {
                content = std::make_shared<Opener>(model_, path);
            }
            items_.push_back({Step::leaf, entry, content});
        }
        data::Entry leave;
        leave.name = model_.nodes.at(folder).entry.name;
        items_.push_back({Step::leave, leave, nullptr});
    }

    TreeModel& model_;
    std::vector<data::TreeItem> items_;
    std::size_t at_ = 0;
};

/// Collects a restored tree and aborts on a call out of the contract's order.
class FakeTreeTarget final : public data::TreeTarget {
public:
    std::map<std::string, TreeModel::Node> nodes;
    std::set<std::string> finished;
    bool others_begun = false;

    Result<void> make_folder(std::string const& path, data::Entry const& entry) override {
        std::lock_guard lock(mutex_);
        PD_ASSERT(path.empty() || nodes.contains(parent_of(path)));
        nodes[path].entry = entry;
        return {};
    }
    Result<void> write_file(std::string const& path, data::Entry const& entry,
                            data::ByteSource& content) override {
        Bytes all;
        Bytes part(10'000);
        while (true) {
            PD_TRY(std::size_t const count, content.read(part));
            if (count == 0) break;
            append(all, ByteView(part).first(count));
        }
        std::lock_guard lock(mutex_);
        PD_ASSERT(nodes.contains(parent_of(path)) && finished.empty());
        nodes[path] = {entry, std::move(all)};
        return {};
    }
    Result<void> make_other(std::string const& path, data::Entry const& entry) override {
        PD_ASSERT(nodes.contains(parent_of(path)) && finished.empty());
        if (!entry.same_as.empty()) PD_ASSERT(nodes.contains(entry.same_as));
        nodes[path].entry = entry;
        return {};
    }
    Result<void> finish_folder(std::string const& path, data::Entry const&) override {
        for (auto const& [other, node] : nodes) {
            bool const below =
                other.size() > path.size() && !path.empty() && other.starts_with(path + "/");
            if (below && node.entry.kind == data::EntryKind::folder) {
                PD_ASSERT(finished.contains(other));
            }
        }
        finished.insert(path);
        return {};
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    static std::string parent_of(std::string const& path) {
        auto const slash = path.rfind('/');
        return slash == std::string::npos ? "" : path.substr(0, slash);
    }
    std::mutex mutex_;
};

}  // namespace perdure::repository::testing
