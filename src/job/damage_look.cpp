#include "job/damage_look.h"

#include "job/source_options.h"
#include "origin/damage.h"

namespace perdure::job {

namespace {

class ReadBeside final : public data::RowReader {
public:
    ReadBeside(std::unique_ptr<data::RowReader> reader,
               std::function<void(data::LogicalDigest const&)> at_end,
               std::function<void()> before_closing)
        : reader_(std::move(reader)),
          at_end_(std::move(at_end)),
          before_closing_(std::move(before_closing)) {}
    // The last connection to a database takes the side files away that the first one made, and
    // only the first one knows that it did.
    ~ReadBeside() override { before_closing_(); }
    ReadBeside(ReadBeside const&) = delete;
    ReadBeside& operator=(ReadBeside const&) = delete;

    data::DatabaseSchema const& schema() const override { return reader_->schema(); }
    Result<std::optional<data::RowView>> next(std::stop_token stop) override {
        return reader_->next(std::move(stop));
    }
    std::shared_ptr<data::Content> open_media(ByteView key) override {
        return reader_->open_media(key);
    }
    Result<data::LogicalDigest> digest() override {
        auto digest = reader_->digest();
        if (digest && at_end_) std::exchange(at_end_, nullptr)(*digest);
        return digest;
    }
    std::vector<data::Problem> take_problems() override { return reader_->take_problems(); }

private:
    std::unique_ptr<data::RowReader> reader_;
    std::function<void(data::LogicalDigest const&)> at_end_;
    std::function<void()> before_closing_;
};

}  // namespace

DamageLook::DamageLook(SourceReading const& reading, std::stop_token stop)
    : reading_(reading), stop_(std::move(stop)) {}

std::unique_ptr<data::RowReader> DamageLook::beside(std::unique_ptr<data::RowReader> reader) {
    return std::make_unique<ReadBeside>(
        std::move(reader), [this](data::LogicalDigest const& digest) { begin(digest); },
        [this] { wait(); });
}

void DamageLook::begin(data::LogicalDigest const& digest) {
    auto const* const parent = reading_.parent;
    sound_ = parent != nullptr && damage_then(*parent).empty() && parent->digest == digest;
    if (sound_) return;
    task_ = std::make_unique<TaskGroup>(stop_);
    task_->spawn([this](std::stop_token stop) -> Result<void> {
        seen_ = look(std::move(stop));
        return {};
    });
}

Result<std::vector<data::Problem>> DamageLook::look(std::stop_token stop) const {
    return origin::look_for_damage(reading_.source, origin::DamageCheck::structure,
                                   std::move(stop));
}

void DamageLook::wait() {
    if (task_) static_cast<void>(task_->wait());  // a refused thread leaves nothing seen
    task_.reset();
}

Result<void> DamageLook::note(repository::SourceSnapshot& written) {
    if (sound_) return {};
    wait();
    if (!seen_ || !*seen_) seen_ = look(stop_);
    auto const& found = *seen_;
    auto const note = [&](std::string reason) {
        auto const name = reading_.source.path.filename().string();
        written.problems.push_back({name, std::move(reason)});
        ++written.problems_total;
    };
    if (!found && found.error().fault() == Fault::cancelled) return found.error();
    if (!found) {
        note("could not be looked at for damage: " + found.error().message());
    } else if (!found->empty()) {
        remember_damage(written, found->front().reason);
        for (auto const& problem : *found)
            note("is damaged, and kept as far as it can be read: " + problem.reason);
    }
    return {};
}

}  // namespace perdure::job
