#include "format/container/entry_tree.h"

#include <fmt/format.h>

namespace perdure::format {

namespace {

class EntryOutput : public Output {
public:
    explicit EntryOutput(EntryTree& tree) : tree_(tree) {}
    Result<void> write(ByteView bytes) override { return tree_.write_entry(bytes); }
    Result<void> finish() override { return tree_.finish_entry(); }

private:
    EntryTree& tree_;
};

}  // namespace

Result<void> EntryTree::begin_names(bool resumed) {
    PD_TRY(auto spool, base_.spool("container/names"));
    names_ = std::make_unique<GivenNames>(std::move(spool));
    return resumed ? names_->recall() : Result<void>();
}

Result<std::unique_ptr<Output>> EntryTree::create(std::string const& name, FileOptions options) {
    PD_CHECK(check_relative_name(name));
    if (!open_name_.empty()) {
        return fail(Fault::internal, fmt::format("\"{}\" is still open", open_name_));
    }
    PD_TRY(bool const fresh, names_->give(name));
    if (!fresh) return fail(Fault::conflict, fmt::format("\"{}\" was given already", name));
    if (options.modified == Timestamp{}) options.modified = options_.modified;
    PD_CHECK(begin_entry(name, options));
    open_name_ = name;
    return std::make_unique<EntryOutput>(*this);
}

Result<std::unique_ptr<Spool>> EntryTree::spool(std::string const& name) {
    return base_.spool(name);
}

Result<std::unique_ptr<Output>> EntryTree::reopen(std::string const& name) {
    if (!waits_ || name != open_name_) {
        return fail(Fault::corrupt, name + " was not open at the checkpoint");
    }
    waits_ = false;
    return std::make_unique<EntryOutput>(*this);
}

}  // namespace perdure::format
