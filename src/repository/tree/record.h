#pragma once

#include <string_view>

#include "data/entry.h"
#include "repository/stream/record_stream.h"

namespace perdure::repository {

/// A folder's record: entry, and for a folder or a file with content of its own a BlobList.
struct TreeRecord {
    data::Entry entry;
    BlobList list;
};

/// Whether a record of this entry carries a BlobList.
bool has_list(data::Entry const& entry);

/// Fails: corrupt.
Result<TreeRecord> decode_record(ByteView record, bool is_root = false);

/// The same, looked at without decoding: what the merge-walk over millions of unchanged entries
/// needs. Views into the record.
struct RecordView {
    ByteView whole, entry, list;
    std::string_view name;
    data::EntryKind kind = data::EntryKind::file;
};
/// Fails: corrupt (only the parts looked at are checked).
Result<RecordView> view_record(ByteView record);

/// One folder of a stored tree, read in the order of its names.
class FolderCursor {
public:
    FolderCursor(BlobReader& blobs, DomainPtr domain, BlobList const& list)
        : records_(blobs, std::move(domain), list) {}
    /// The next record; empty at the end. Views live until the next call.
    /// Fails: corrupt, also for names out of order.
    Result<std::optional<RecordView>> next(std::stop_token stop);
    RecordReader& records() { return records_; }

private:
    RecordReader records_;
    std::string previous_;
    bool first_ = true;
};

/// Reads the record of a tree's root folder.
Result<TreeRecord> read_root(SourceSnapshot const& source, BlobReader& blobs,
                             DomainPtr const& domain, std::stop_token stop);

}  // namespace perdure::repository
