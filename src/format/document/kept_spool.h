#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "format/output.h"

namespace perdure::format {

/// A spool written in large pieces. The spool itself is made when the first byte comes.
class KeptSpool {
public:
    KeptSpool(OutputTree& tree, std::string name) : tree_(tree), name_(std::move(name)) {}
    Result<void> append(std::string_view text);
    std::uint64_t size_bytes() const { return written_ + waiting_.size(); }
    /// Exactly `count` bytes. Fails: corrupt.
    Result<std::string> read(std::uint64_t offset, std::size_t count);
    /// All of it, in pieces.
    Result<void> replay(std::function<Result<void>(std::string_view)> const& take);
    /// A piece with its length in front, for frames().
    Result<void> append_frame(ByteView frame);
    Result<void> frames(std::function<Result<void>(ByteView)> const& take);
    Result<void> flush();
    /// After a resume: the spool already holds `size` bytes.
    Result<void> resume(std::uint64_t size);

private:
    OutputTree& tree_;
    std::string name_, waiting_;
    std::uint64_t written_ = 0;
    std::unique_ptr<Spool> spool_;
};

/// Pairs of keys and values, put in any order, handed out sorted by key, equal keys in the order
/// they came; bounded memory: sorted runs go to a spool and are merged.
class SortedSpool {
public:
    SortedSpool(OutputTree& tree, std::string name) : spool_(tree, std::move(name)) {}
    Result<void> add(std::string_view key, std::string_view value);
    Result<void> merge(
        std::function<Result<void>(std::string_view key, std::string_view value)> const& take);
    Result<void> save(Encoder& out);  ///< for a checkpoint
    Result<void> load(Decoder& in);

private:
    struct Entry {
        std::size_t key, value, end;  ///< offsets in arena_
    };
    struct Run {
        std::uint64_t first, last;
    };
    class Cursor;
    Result<void> flush();

    KeptSpool spool_;
    std::string arena_;
    std::vector<Entry> entries_;
    std::vector<Run> runs_;
};

}  // namespace perdure::format
