#pragma once

#include "repository/tree/batch.h"
#include "repository/tree/parent_tree.h"

namespace perdure::repository {

/// Compares a tree with its parent and sorts entries into known ones, whose records are taken over,
/// and files to read. Runs on the caller's thread; costs some hundred nanoseconds an unchanged
/// entry.
class TreeScanner {
public:
    struct Counts {
        std::uint64_t items = 0, bytes_total = 0, files_unchanged = 0;
    };
    /// Hands each full batch on; false stops the scan.
    using Sink = std::function<bool(std::unique_ptr<TreeBatch>)>;

    TreeScanner(data::TreeReader& reader, SourceSnapshot const* parent, WriteContext& context,
                Sink sink, std::stop_token stop);
    /// Fails: internal (the reader gave no tree, or names out of order); cancelled; what the reader
    /// fails with. A sink that takes no more ends it without an error.
    Result<void> run();
    Counts const& counts() const { return counts_; }

private:
    Result<void> take(data::TreeItem& item);
    Result<void> check_order(data::TreeItem const& item);
    Result<void> take_leaf(data::TreeItem& item);
    /// The parent's list, when the file need not be read again.
    Result<bool> take_over(RecordView const& before, data::Entry const& now);
    void add_token(TreeBatch::Token::Kind kind, data::Entry const& entry, ByteView bytes,
                   ByteView tail = {});
    bool flush();

    data::TreeReader& reader_;
    WriteContext& context_;
    DomainPtr domain_;
    Sink sink_;
    std::stop_token stop_;
    ParentTree parent_;
    std::optional<Timestamp> parent_started_;
    std::vector<std::string> last_names_;
    bool root_seen_ = false;
    std::unique_ptr<TreeBatch> batch_;
    Encoder scratch_;
    Counts counts_;
};

}  // namespace perdure::repository
