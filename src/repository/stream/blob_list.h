#pragma once

#include "base/codec.h"
#include "repository/snapshot.h"

namespace perdure::repository {

/// varint length ‖ u8 depth ‖ varint count ‖ ids. docs/FORMAT.md §blob-list.
void encode_list(Encoder& out, BlobList const& list);
/// Fails: corrupt.
Result<BlobList> decode_list(Decoder& in);

/// Collects the ids of a byte string and folds them, when they are many, into list blobs of the
/// same domain. Lists are cut where an id's own value says so, so that a change in the middle of a
/// long string rewrites one list a level. Memory: a few KiB a level.
class ListWriter {
public:
    ListWriter(BlobWriter& blobs, DomainPtr domain) : blobs_(&blobs), domain_(std::move(domain)) {}
    Result<void> add(BlobId const& id, std::uint64_t length_bytes);
    /// The list; the writer is spent.
    Result<BlobList> finish();

private:
    Result<void> add_at(std::size_t level, BlobId const& id);
    Result<void> fold(std::size_t level);

    BlobWriter* blobs_;
    DomainPtr domain_;
    std::uint64_t length_bytes_ = 0;
    std::vector<std::vector<BlobId>> levels_;
};

/// Gives the content ids of a list in order, reading list blobs as they come.
class ListReader {
public:
    ListReader(BlobReader& blobs, DomainPtr domain, BlobList const& list);
    /// Called with the id of every blob of ids before it is read.
    std::function<Result<void>(BlobId const&)> on_list;
    /// Empty at the end. Fails: corrupt; what BlobReader::read fails with.
    Result<std::optional<BlobId>> next(std::stop_token stop);

private:
    struct Level {
        std::vector<BlobId> ids;
        std::size_t next = 0;
    };
    BlobReader* blobs_;
    DomainPtr domain_;
    std::uint8_t depth_;
    std::vector<Level> levels_;
};

/// Whether the index knows every blob of the list, lists included: only then may a new snapshot
/// take it over from an old one. Fails: cancelled only.
Result<bool> all_known(BlobReader& blobs, DomainPtr const& domain, BlobList const& list,
                       std::stop_token stop);

}  // namespace perdure::repository
