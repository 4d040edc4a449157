#include "repository/rows/read_blocks.h"

#include <algorithm>

namespace perdure::repository {

namespace {

constexpr std::size_t window_entries_max = 65'536;  // sorted by place: about 10 MiB
constexpr std::size_t batch_blocks_max = 16;
constexpr std::uint64_t outlined_bytes_max = std::uint64_t{1} << 31;

struct BlockBatch {
    struct Block {
        RosterEntry entry;
        DomainPtr domain;
        std::optional<Result<BlobView>> blob;
    };
    std::vector<Block> blocks;
};

class BlockFeed {
public:
    BlockFeed(ReadBlocksOptions const& options, ReadContext& context, Workers& workers,
              std::stop_token stop)
        : options_(options),
          context_(context),
          workers_(workers),
          stop_(std::move(stop)),
          in_flight_max_(workers.threads() + 2u),
          pipeline_(in_flight_max_ + 1) {}
    ~BlockFeed() {
        pipeline_.abort();
        pipeline_.wait_idle();
    }

    Result<void> run(NextBlock const& next) {
        while (true) {
            PD_TRY(std::optional<RosterEntry> const entry, next());
            if (!entry) break;
            if (entry->kind == RosterEntry::Kind::rows) PD_CHECK(take(*entry));
        }
        PD_CHECK(send_window());
        pipeline_.close();
        while (auto batch = pipeline_.next()) PD_CHECK(deliver(*batch));
        return {};
    }

private:
    Result<void> take(RosterEntry const& entry) {
        if (!handle_ || *handle_ != entry.handle) {
            handle_ = entry.handle;
            domain_ = nullptr;
            bool const common = entry.handle == context_.domains.common()->handle();
            auto domain = common ? Result<DomainPtr>(context_.domains.common())
                                 : context_.domains.find(entry.handle);
            if (domain) {
                domain_ = *domain;
            } else if (domain.error().fault() == Fault::denied) {
                ++context_.erased_subjects;
            } else {
                return Error(domain.error()).within("the domain " + to_hex(entry.handle));
            }
        }
        if (!domain_) {
            ++context_.erased_blocks;
            return {};
        }
        window_.push_back({entry, domain_, std::nullopt});
        std::size_t const full =
            options_.order == BlockOrder::packs ? window_entries_max : batch_blocks_max;
        return window_.size() >= full ? send_window() : Result<void>();
    }

    void sort_by_place() {
        struct Placed {
            std::string pack;
            std::uint32_t slot;
            std::size_t at;
        };
        std::vector<Placed> places;
        places.reserve(window_.size());
        for (std::size_t i = 0; i < window_.size(); ++i) {
            auto place = context_.blobs.place(window_[i].entry.id);
            places.push_back(
                {place ? std::move(place->pack_name) : "", place ? place->slot : 0, i});
        }
        std::ranges::sort(places, {}, [](Placed const& placed) {
            return std::tie(placed.pack, placed.slot, placed.at);
        });
        std::vector<BlockBatch::Block> sorted;
        sorted.reserve(window_.size());
        for (Placed const& placed : places) sorted.push_back(std::move(window_[placed.at]));
        window_ = std::move(sorted);
    }

    Result<void> send_window() {
        if (options_.order == BlockOrder::packs) sort_by_place();
        for (std::size_t begin = 0; begin < window_.size(); begin += batch_blocks_max) {
            auto batch = std::make_unique<BlockBatch>();
            std::size_t const end = std::min(begin + batch_blocks_max, window_.size());
            for (std::size_t i = begin; i < end; ++i) {
                batch->blocks.push_back(std::move(window_[i]));
            }
            PD_CHECK(send(std::move(batch)));
        }
        window_.clear();
        return {};
    }

    Result<void> send(std::unique_ptr<BlockBatch> batch) {
        // This thread also takes the results, so it makes room before it would have to wait.
        if (in_flight_ == in_flight_max_) {
            auto const done = pipeline_.next();
            --in_flight_;
            PD_CHECK(deliver(*done));
        }
        ++in_flight_;
        PD_ASSERT(pipeline_.push(std::move(batch), workers_, [this](BlockBatch& work) {
            for (BlockBatch::Block& block : work.blocks) {
                if (stop_.stop_requested() || pipeline_.aborted()) {
                    block.blob.emplace(fail(Fault::cancelled, "stopped"));
                } else {
                    block.blob.emplace(context_.blobs.read(block.entry.id, block.domain, stop_));
                }
            }
        }));
        return {};
    }

    Result<void> deliver(BlockBatch const& batch) {
        for (BlockBatch::Block const& block : batch.blocks) {
            if (*block.blob) {
                PD_CHECK(options_.each(block.entry, block.domain, **block.blob));
                continue;
            }
            Error const& error = block.blob->error();
            if (error.fault() == Fault::cancelled) return error;
            if (error.fault() == Fault::denied) {  // erased while this restore runs
                ++context_.erased_blocks;
                continue;
            }
            context_.problems.push_back(
                {"rows in block " + to_hex(block.entry.id), error.message()});
        }
        return {};
    }

    ReadBlocksOptions const& options_;
    ReadContext& context_;
    Workers& workers_;
    std::stop_token stop_;
    std::size_t in_flight_max_, in_flight_ = 0;
    std::optional<Handle> handle_;
    DomainPtr domain_;
    std::vector<BlockBatch::Block> window_;
    Pipeline<BlockBatch> pipeline_;
};

}  // namespace

Result<void> read_blocks(SourceSnapshot const& source, ReadBlocksOptions const& options,
                         ReadContext& context, Workers& workers, std::stop_token stop) {
    RosterReader roster(context.blobs, context.domains.common(), source.root);
    return read_blocks([&] { return roster.next(stop); }, options, context, workers, stop);
}

Result<void> read_blocks(NextBlock const& next, ReadBlocksOptions const& options,
                         ReadContext& context, Workers& workers, std::stop_token stop) {
    return BlockFeed(options, context, workers, stop).run(next);
}

Result<Bytes> read_outlined(ByteView encoded_list, DomainPtr const& domain, BlobReader& blobs,
                            std::stop_token stop) {
    Decoder in(encoded_list);
    PD_TRY(BlobList const list, decode_list(in));
    PD_CHECK(in.expect_end());
    if (list.length_bytes > outlined_bytes_max) {
        return fail(Fault::corrupt, "a value of an impossible size");
    }
    Bytes bytes;
    ListReader ids(blobs, domain, list);
    while (true) {
        PD_TRY(std::optional<BlobId> const id, ids.next(stop));
        if (!id) break;
        PD_TRY(BlobView const blob, blobs.read(*id, domain, stop));
        append(bytes, blob.view());
        if (bytes.size() > list.length_bytes) break;
    }
    if (bytes.size() != list.length_bytes) {
        return fail(Fault::corrupt, "a value contradicts its length");
    }
    return bytes;
}

Result<data::DatabaseSchema> read_schema(SourceSnapshot const& source, ReadContext& context,
                                         std::stop_token stop) {
    RecordReader records(context.blobs, context.domains.common(), source.schema);
    PD_TRY(std::optional<ByteView> const record, records.next(stop));
    if (!record) return fail(Fault::corrupt, "a database without a schema");
    return data::DatabaseSchema::decode(*record);
}

}  // namespace perdure::repository
