#include "job/watched_reader.h"

namespace perdure::job {

namespace {

class WatchedTree final : public data::TreeReader {
public:
    WatchedTree(std::unique_ptr<data::TreeReader> reader, std::optional<Error>& failure)
        : reader_(std::move(reader)), failure_(failure) {}

    Result<std::optional<data::TreeItem>> next(std::stop_token stop) override {
        return watched(reader_->next(std::move(stop)), failure_);
    }
    std::vector<data::Problem> take_problems() override { return reader_->take_problems(); }

private:
    std::unique_ptr<data::TreeReader> reader_;
    std::optional<Error>& failure_;
};

class WatchedRows final : public data::RowReader {
public:
    WatchedRows(std::unique_ptr<data::RowReader> reader, std::optional<Error>& failure,
                std::uint64_t& media)
        : reader_(std::move(reader)), failure_(failure), media_(media) {}

    data::DatabaseSchema const& schema() const override { return reader_->schema(); }
    Result<std::optional<data::RowView>> next(std::stop_token stop) override {
        auto row = watched(reader_->next(std::move(stop)), failure_);
        // The folder itself has no name below itself.
        if (row && *row && (*row)->table == data::media_table && !(*row)->key.empty()) ++media_;
        return row;
    }
    std::shared_ptr<data::Content> open_media(ByteView key) override {
        return reader_->open_media(key);
    }
    Result<data::LogicalDigest> digest() override { return watched(reader_->digest(), failure_); }
    std::vector<data::Problem> take_problems() override { return reader_->take_problems(); }

private:
    std::unique_ptr<data::RowReader> reader_;
    std::optional<Error>& failure_;
    std::uint64_t& media_;
};

}  // namespace

std::unique_ptr<data::TreeReader> watched(std::unique_ptr<data::TreeReader> reader,
                                          std::optional<Error>& failure) {
    return std::make_unique<WatchedTree>(std::move(reader), failure);
}

std::unique_ptr<data::RowReader> watched(std::unique_ptr<data::RowReader> reader,
                                         std::optional<Error>& failure, std::uint64_t& media) {
    return std::make_unique<WatchedRows>(std::move(reader), failure, media);
}

}  // namespace perdure::job
