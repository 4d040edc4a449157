#pragma once

#include <memory>
#include <string>

#include "format/container/container.h"
#include "format/container/names.h"

namespace perdure::format {

/// What containers share: names given once, one entry open at a time, spools of the base. The open
/// entry is written to through write_entry() and finish_entry().
class EntryTree : public OutputTree {
public:
    EntryTree(OutputTree& base, std::string name, ContainerOptions options)
        : base_(base), name_(std::move(name)), options_(options) {}

    Result<std::unique_ptr<Output>> create(std::string const& name, FileOptions options) override;
    Result<std::unique_ptr<Spool>> spool(std::string const& name) override;
    Result<std::unique_ptr<Output>> reopen(std::string const& name) override;

    virtual Result<void> write_entry(ByteView bytes) = 0;
    virtual Result<void> finish_entry() = 0;

protected:
    Result<void> begin_names(bool resumed);
    /// Name and options are checked, no entry is open.
    virtual Result<void> begin_entry(std::string const& name, FileOptions const& options) = 0;
    /// Appends to the container's own file.
    Result<void> put(ByteView bytes) {
        offset_ += bytes.size();
        return out_->write(bytes);
    }

    OutputTree& base_;
    std::string name_;
    ContainerOptions options_;
    std::unique_ptr<Output> out_;
    std::uint64_t offset_ = 0;  ///< bytes of the container so far
    std::string open_name_;     ///< empty: no entry is open
    bool waits_ = false;        ///< was open at the checkpoint, not reopened yet

private:
    std::unique_ptr<GivenNames> names_;
};

}  // namespace perdure::format
