#pragma once

#include "repository/stream/blob_list.h"

namespace perdure::repository {

/// How large the blobs of a record stream become.
struct CutSizes {
    std::size_t min_bytes, usual_bytes, max_bytes;
};
inline constexpr CutSizes folder_cuts{8 << 10, 32 << 10, 256 << 10};
inline constexpr CutSizes roster_cuts{2 << 10, 8 << 10, 64 << 10};

/// A fast 64-bit hash that decides about cuts only; `seed` comes from cut_seed().
std::uint64_t cut_hash(ByteView bytes, std::uint64_t seed);
/// From the repository's chunk key, so that sizes tell an outsider nothing about names.
std::uint64_t cut_seed(crypto::Secret32 const& chunk_key);
/// Whether a blob that holds `before_bytes` ends in front of a record of `record_bytes` with
/// `hash`.
bool cuts_before(CutSizes const& sizes, std::size_t before_bytes, std::size_t record_bytes,
                 std::uint64_t hash);

/// Writes sorted records as metadata blobs whose borders depend on the records' names alone, so
/// that a change in one record leaves all other blobs as they were. docs/FORMAT.md §record-stream.
class RecordWriter {
public:
    RecordWriter(BlobWriter& blobs, DomainPtr domain, CutSizes sizes);
    /// Whether add() will begin a new blob with this record (its bytes may then depend on it).
    bool would_cut(std::size_t record_bytes, std::uint64_t hash) const;
    /// Adds the record head ‖ tail.
    Result<void> add(std::uint64_t hash, ByteView head, ByteView tail = {});
    /// The stream; the writer is spent.
    Result<BlobList> finish();

private:
    Result<void> flush();

    BlobWriter* blobs_;
    DomainPtr domain_;
    CutSizes sizes_;
    Encoder pending_;
    ListWriter list_;
};

/// Reads a record stream from front to back. Memory: one blob.
class RecordReader {
public:
    RecordReader(BlobReader& blobs, DomainPtr domain, BlobList const& list);
    /// The next record; empty at the end. The view lives until the next call.
    /// Fails: corrupt; what BlobReader::read fails with.
    Result<std::optional<ByteView>> next(std::stop_token stop);
    /// True when the record just given was the first to begin in its blob.
    bool began_blob() const { return began_blob_; }
    /// Called with the id of every blob of the stream, those of lists too, before it is read.
    void watch(std::function<Result<void>(BlobId const&)> each);

private:
    Result<bool> load(std::stop_token stop);
    Result<ByteView> gather(std::size_t count, std::stop_token stop);

    BlobReader* blobs_;
    DomainPtr domain_;
    ListReader ids_;
    std::uint64_t left_bytes_;
    BlobView blob_;
    ByteView rest_;
    bool fresh_ = false, began_blob_ = false;
    Bytes joined_;
    std::function<Result<void>(BlobId const&)> watch_;
};

}  // namespace perdure::repository
