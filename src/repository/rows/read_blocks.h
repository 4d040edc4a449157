#pragma once

#include "repository/rows/roster.h"
#include "repository/rows/row_block.h"
#include "repository/stream/workers.h"

namespace perdure::repository {

enum class BlockOrder {
    roster,  ///< by (domain, table, key)
    packs,   ///< as they lie in the store, within windows: any order of rows, sequential reading
};

struct ReadBlocksOptions {
    BlockOrder order = BlockOrder::roster;
    /// Called on the caller's thread for every readable block.
    std::function<Result<void>(RosterEntry const&, DomainPtr const&, BlobView const&)> each;
};

/// Reads all row blocks of a database, ahead and on several threads. Blocks of erased people are
/// counted in the context; unreadable ones are named in its problems.
/// Fails: corrupt (the roster itself, or a handle that no keyring knows); cancelled; what `each`
/// fails with.
Result<void> read_blocks(SourceSnapshot const& source, ReadBlocksOptions const& options,
                         ReadContext& context, Workers& workers, std::stop_token stop);

/// The same for chosen blocks; `next` gives them, empty at the end.
using NextBlock = std::function<Result<std::optional<RosterEntry>>()>;
Result<void> read_blocks(NextBlock const& next, ReadBlocksOptions const& options,
                         ReadContext& context, Workers& workers, std::stop_token stop);

/// The bytes of an outlined payload. Fails: as BlobReader::read.
Result<Bytes> read_outlined(ByteView encoded_list, DomainPtr const& domain, BlobReader& blobs,
                            std::stop_token stop);

Result<data::DatabaseSchema> read_schema(SourceSnapshot const& source, ReadContext& context,
                                         std::stop_token stop);

}  // namespace perdure::repository
