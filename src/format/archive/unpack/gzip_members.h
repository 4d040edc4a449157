#pragma once

#include <optional>

#include "data/stream.h"
#include "format/container/inflate.h"

namespace perdure::format {

/// Unpacks gzip members one by one and goes on behind broken ones, with zeros in their place, as
/// many as the member held: what stands behind keeps its distance. Bytes that are no gzip at all
/// pass through as they are. Memory: 80 MiB at most.
class GzipMembers {
public:
    explicit GzipMembers(data::ByteSource& source);

    struct Piece {
        ByteView bytes;  ///< until the next call; empty: the end
        bool hole = false;
    };
    /// Fails: as the source; exhausted (a member of more than 64 MiB is broken).
    Result<Piece> next();
    std::uint64_t broken() const { return broken_; }

private:
    Result<void> want(std::size_t count);
    ByteView ready() const { return ByteView(packed_).subspan(at_); }
    void drop(std::size_t count);
    /// Whether a whole member unpacks from `from` on; it lies in `plain` then.
    Result<std::optional<std::size_t>> unpack(std::size_t from, Bytes& plain);
    Result<Piece> plain_piece();
    Result<Piece> hole();

    data::ByteSource* source_;
    Inflater inflater_;
    Bytes packed_, plain_, zeros_;
    std::size_t at_ = 0;
    std::size_t usual_ = 0;  ///< what members of this file hold
    std::uint64_t broken_ = 0;
    bool ended_ = false, started_ = false, plain_file_ = false;
};

}  // namespace perdure::format
