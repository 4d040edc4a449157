#include "job/proof/output_hash.h"

namespace perdure::job {

namespace {

class HashedSource final : public data::ByteSource {
public:
    HashedSource(std::unique_ptr<data::ByteSource> source, OutputHash& hash)
        : source_(std::move(source)), hash_(hash) {
        hash_.begin();
    }
    Result<std::size_t> read(ByteSpan into) override {
        PD_TRY(std::size_t const got, source_->read(into));
        hash_.add(into.first(got));
        return got;
    }
    Result<data::Entry> entry_after_reading() override { return source_->entry_after_reading(); }

private:
    std::unique_ptr<data::ByteSource> source_;
    OutputHash& hash_;
};

class HashedContent final : public data::Content {
public:
    HashedContent(std::shared_ptr<data::Content> content, OutputHash& hash)
        : content_(std::move(content)), hash_(hash) {}
    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token stop) override {
        PD_TRY(auto source, content_->open(std::move(stop)));
        return std::make_unique<HashedSource>(std::move(source), hash_);
    }

private:
    std::shared_ptr<data::Content> content_;
    OutputHash& hash_;
};

class HashedTree final : public data::TreeReader {
public:
    HashedTree(std::unique_ptr<data::TreeReader> reader, OutputHash& hash)
        : reader_(std::move(reader)), hash_(hash) {}
    Result<std::optional<data::TreeItem>> next(std::stop_token stop) override {
        PD_TRY(auto item, reader_->next(std::move(stop)));
        if (item && item->content)
            item->content = std::make_shared<HashedContent>(std::move(item->content), hash_);
        return item;
    }
    std::vector<data::Problem> take_problems() override { return reader_->take_problems(); }

private:
    std::unique_ptr<data::TreeReader> reader_;
    OutputHash& hash_;
};

}  // namespace

std::unique_ptr<data::TreeReader> hashed(std::unique_ptr<data::TreeReader> reader,
                                         OutputHash& hash) {
    return std::make_unique<HashedTree>(std::move(reader), hash);
}

}  // namespace perdure::job
