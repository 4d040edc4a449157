#pragma once

#include <optional>

#include "content/chunk.h"
#include "data/stream.h"
#include "repository/stream/blob_list.h"
#include "repository/stream/workers.h"

namespace perdure::repository {

/// How a whole content, or one chunk of it, is framed.
BlobClass content_class(std::size_t bytes);

/// How the bytes of one content are stored.
struct ContentOptions {
    DomainPtr domain;
    std::uint64_t size_hint = 0;         ///< logical bytes, as far as known
    bool media = false;                  ///< larger chunks; nobody edits the middle of a film
    bool flat = false;                   ///< keep all ids inline: the roster must name them
    Progress const* progress = nullptr;  ///< told of bytes as they are read; may be null
};

/// What became of a content: its list, or why its owner could not read it.
struct StoredContent {
    BlobList list;
    std::optional<Error> unreadable;
};

/// Turns byte streams into blobs: below the smallest chunk one blob, else content-defined chunks
/// that other threads hash, compress and seal while this one reads on. Memory: two chunks of the
/// largest size a caller, and threads + 1 chunks in flight. Threads: store from many at once.
class ContentWriter {
public:
    ContentWriter(BlobWriter& blobs, crypto::Secret32 const& chunk_key, Workers& workers);
    /// Fails: as BlobWriter::put, or cancelled; what the source fails with goes to `unreadable`.
    Result<StoredContent> store(data::ByteSource& source, ContentOptions const& options,
                                std::stop_token stop);
    /// The same for bytes in memory.
    Result<BlobList> store_bytes(ByteView bytes, ContentOptions const& options);

private:
    class Run;
    BlobWriter& blobs_;
    Workers& workers_;
    content::Chunker data_, media_;
};

/// Fills `into` as far as the source goes; fewer bytes mean the end.
Result<std::size_t> read_fully(data::ByteSource& source, ByteSpan into);

}  // namespace perdure::repository
