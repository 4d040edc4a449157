#include "data/bytes/wrapped_content.h"

namespace perdure::data {

namespace {

class WrappedContent final : public Content {
public:
    WrappedContent(std::shared_ptr<Content> content, WrapSource wrap)
        : content_(std::move(content)), wrap_(std::move(wrap)) {}

    Result<std::unique_ptr<ByteSource>> open(std::stop_token stop) override {
        PD_TRY(auto source, content_->open(stop));
        return wrap_(std::move(source), std::move(stop));
    }

private:
    std::shared_ptr<Content> content_;
    WrapSource wrap_;
};

class WrappedTree final : public TreeReader {
public:
    WrappedTree(std::unique_ptr<TreeReader> reader, WrapSource wrap)
        : reader_(std::move(reader)), wrap_(std::move(wrap)) {}

    Result<std::optional<TreeItem>> next(std::stop_token stop) override {
        PD_TRY(auto item, reader_->next(std::move(stop)));
        if (item && item->content) item->content = wrapped(std::move(item->content), wrap_);
        return item;
    }
    std::vector<Problem> take_problems() override { return reader_->take_problems(); }

private:
    std::unique_ptr<TreeReader> reader_;
    WrapSource wrap_;
};

}  // namespace

std::shared_ptr<Content> wrapped(std::shared_ptr<Content> content, WrapSource wrap) {
    return std::make_shared<WrappedContent>(std::move(content), std::move(wrap));
}

std::unique_ptr<TreeReader> wrapped(std::unique_ptr<TreeReader> reader, WrapSource wrap) {
    return std::make_unique<WrappedTree>(std::move(reader), std::move(wrap));
}

}  // namespace perdure::data
