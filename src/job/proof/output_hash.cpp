#include "job/proof/output_hash.h"

#include "data/bytes/wrapped_content.h"

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

}  // namespace

std::unique_ptr<data::TreeReader> hashed(std::unique_ptr<data::TreeReader> reader,
                                         OutputHash& hash) {
    return data::wrapped(std::move(reader),
                         [&hash](std::unique_ptr<data::ByteSource> source, std::stop_token) {
                             return std::make_unique<HashedSource>(std::move(source), hash);
                         });
}

}  // namespace perdure::job
