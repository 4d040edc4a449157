#pragma once

#include <unordered_map>

#include "repository/rows/row_batch.h"
#include "repository/rows/row_sort.h"
#include "repository/stream/problems.h"

namespace perdure::repository {

using RowPipeline = Pipeline<RowBatch>;

/// The domain of a handle; the common one is at hand and is not looked up. Fails: as Domains::find.
inline Result<DomainPtr> domain_at(Domains const& domains, Handle const& handle) {
    DomainPtr common = domains.common();
    return handle == common->handle() ? Result<DomainPtr>(std::move(common)) : domains.find(handle);
}

/// Reads a database's rows and sorts them by (domain, table, key).
/// Threads: one; large values go to blobs on the workers meanwhile.
class RowIntake {
public:
    RowIntake(data::RowReader& reader, std::string source, WriteContext& context,
              ContentWriter& contents);
    /// Reads to the end. Fails: as the reader, the blob writer and the spill disk.
    Result<void> run(RowSort& sort, std::stop_token stop);

    std::uint64_t rows = 0, bytes = 0;
    Problems problems;

private:
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    /// Of the person's domain; none: the person was erased while this ran.
    Result<std::optional<Handle>> handle_of(ByteView subject);
    Result<void> take(data::RowView const& row, RowSort& sort);
    void note(data::RowView const& row, std::string reason);

    data::RowReader& reader_;
    std::string source_;
    WriteContext& context_;
    ContentWriter& contents_;
    /// Handles, not domains: a hundred bytes a person instead of a thousand.
    std::unordered_map<std::string, std::optional<Handle>, TextHash, std::equal_to<>> cache_;
};

/// Cuts sorted rows into blocks and hands them on in batches.
class RowMerge {
public:
    using Sink = std::function<bool(std::unique_ptr<RowBatch>)>;
    RowMerge(data::RowReader& reader, SourceSnapshot const* parent, WriteContext& context,
             Sink sink, std::stop_token stop);
    /// Fails: invalid (two rows with one key); as the spill disk.
    Result<void> run(RowSort& sort);

    std::uint64_t subjects = 0, media_unchanged = 0, media_bytes = 0;

private:
    struct Key {
        Handle handle;
        std::uint32_t table = 0;
        ByteView key, in_domain;  ///< key; table ‖ key
    };
    static Key parse(ByteView composite);
    /// False: the domain is gone, its rows are left out.
    Result<bool> move_to(Handle const& handle);
    bool repeats(Key const& key) const;
    Result<void> take(Key const& key, ByteView payload);
    Result<void> take_media(Key const& key, ByteView payload);
    void append_row(Key const& key, std::initializer_list<ByteView> payload, bool outlined);
    ParentBlocks::RowKey row_key(RowBlockJob::Row const& row) const;
    bool close_block();
    bool flush();

    data::RowReader& reader_;
    WriteContext& context_;
    DomainPtr common_;
    Sink sink_;
    std::stop_token stop_;
    std::uint64_t seed_;
    std::optional<Timestamp> parent_started_;
    ParentBlocks parent_blocks_;
    ParentMedia parent_media_;
    DomainPtr domain_;
    std::optional<Handle> handle_;
    bool first_block_ = true, stopped_ = false;
    RowBlockJob block_;
    std::optional<ParentBlocks::RowKey> last_;  ///< of the block before, in this domain
    std::unique_ptr<RowBatch> batch_ = std::make_unique<RowBatch>();
    Encoder scratch_;
};

}  // namespace perdure::repository
