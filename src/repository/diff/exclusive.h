#pragma once

#include "repository/stream/blob_list.h"

namespace perdure::repository {

/// The content blobs that only one of two lists names, each in the order of its list. Equal blobs
/// hold equal bytes, so what they hold need not be read to know that it did not change.
struct ExclusiveIds {
    std::vector<BlobId> before, after;
};
/// Both lists in the same domain. Reads list blobs only. Memory: 32 B an id of either list.
/// Fails: corrupt; what BlobReader::read fails with.
Result<ExclusiveIds> exclusive_ids(BlobReader& blobs, DomainPtr const& domain,
                                   BlobList const& before, BlobList const& after,
                                   std::stop_token stop);

/// Calls `each` for every record of one blob of a record stream; `first` tells that it begins the
/// blob. Fails: corrupt, also when the blob does not begin and end at a record's border (one larger
/// than a blob is cut anywhere): then the whole stream must be read.
Result<void> split_records(ByteView blob,
                           std::function<Result<void>(ByteView record, bool first)> const& each);

}  // namespace perdure::repository
