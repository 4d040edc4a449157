#include "job/paced_reader.h"

#include "data/bytes/wrapped_content.h"

namespace perdure::job {

namespace {

class PacedSource final : public data::ByteSource {
public:
    PacedSource(std::unique_ptr<data::ByteSource> source, store::TokenBucket& pace,
                std::stop_token stop)
        : source_(std::move(source)), pace_(pace), stop_(std::move(stop)) {}

    Result<std::size_t> read(ByteSpan into) override {
        PD_TRY(std::size_t const got, source_->read(into));
        if (got > 0) PD_CHECK(pace_.take(got, stop_));
        return got;
    }
    Result<data::Entry> entry_after_reading() override { return source_->entry_after_reading(); }

private:
    std::unique_ptr<data::ByteSource> source_;
    store::TokenBucket& pace_;
    std::stop_token stop_;
};

data::WrapSource at_pace(store::TokenBucket& pace) {
    return [&pace](std::unique_ptr<data::ByteSource> source, std::stop_token stop) {
        return std::make_unique<PacedSource>(std::move(source), pace, std::move(stop));
    };
}

class PacedRows final : public data::RowReader {
public:
    PacedRows(std::unique_ptr<data::RowReader> reader, store::TokenBucket& pace)
        : reader_(std::move(reader)), pace_(pace) {}

    data::DatabaseSchema const& schema() const override { return reader_->schema(); }
    Result<std::optional<data::RowView>> next(std::stop_token stop) override {
        // Paid in portions: a lock a row would cost more than the row.
        if (owed_bytes_ >= portion_bytes) {
            PD_CHECK(pace_.take(std::exchange(owed_bytes_, 0), stop));
        }
        PD_TRY(auto row, reader_->next(std::move(stop)));
        if (row) owed_bytes_ += row->key.size() + row->payload.size();
        return row;
    }
    std::shared_ptr<data::Content> open_media(ByteView key) override {
        return data::wrapped(reader_->open_media(key), at_pace(pace_));
    }
    Result<data::LogicalDigest> digest() override { return reader_->digest(); }
    std::vector<data::Problem> take_problems() override { return reader_->take_problems(); }

private:
    static constexpr std::uint64_t portion_bytes = 64u << 10;

    std::unique_ptr<data::RowReader> reader_;
    store::TokenBucket& pace_;
    std::uint64_t owed_bytes_ = 0;
};

}  // namespace

std::unique_ptr<data::TreeReader> paced(std::unique_ptr<data::TreeReader> reader,
                                        store::TokenBucket& pace) {
    return data::wrapped(std::move(reader), at_pace(pace));
}

std::unique_ptr<data::RowReader> paced(std::unique_ptr<data::RowReader> reader,
                                       store::TokenBucket& pace) {
    return std::make_unique<PacedRows>(std::move(reader), pace);
}

}  // namespace perdure::job
