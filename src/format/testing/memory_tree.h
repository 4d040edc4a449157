#pragma once

#include <algorithm>
#include <cstring>
#include <map>

#include "format/disk_tree.h"

namespace perdure::format::testing {

/// What a MemoryTree holds: copied at a checkpoint, given to another tree by a resume.
struct MemoryFiles {
    std::map<std::string, std::string> files, spools;
};

/// An OutputTree in memory, for tests: any number of files, a checkpoint is a copy.
class MemoryTree : public OutputTree {
public:
    MemoryTree() = default;
    /// As after a resume.
    explicit MemoryTree(MemoryFiles held) : held_(std::move(held)) {}

    Result<std::unique_ptr<Output>> create(std::string const& name, FileOptions) override {
        if (held_.files.contains(name)) return fail(Fault::conflict, name + " was given already");
        if (name.empty() || name.starts_with('/') || ("/" + name + "/").contains("/../")) {
            return fail(Fault::invalid, name + " could leave the output");
        }
        ++open_;
        return std::make_unique<MemoryOutput>(held_.files[name], open_);
    }
    Result<std::unique_ptr<Spool>> spool(std::string const& name) override {
        return std::make_unique<MemorySpool>(held_.spools[name]);
    }
    Result<Bytes> checkpoint() override { return Bytes(); }
    Result<std::unique_ptr<Output>> reopen(std::string const& name) override {
        if (!held_.files.contains(name)) return fail(Fault::not_found, name + " is not there");
        ++open_;
        return std::make_unique<MemoryOutput>(held_.files[name], open_);
    }
    Result<void> finish() override { return {}; }

    MemoryFiles const& held() const { return held_; }
    /// Files that were created and not finished.
    int open_files() const { return open_; }

private:
    class MemoryOutput : public PatchableOutput {
    public:
        MemoryOutput(std::string& bytes, int& open) : bytes_(bytes), open_(open) {}
        Result<void> patch(std::uint64_t offset_bytes, ByteView bytes) override {
            if (offset_bytes > bytes_.size() || bytes.size() > bytes_.size() - offset_bytes) {
                return fail(Fault::internal, "a patch past the end");
            }
            std::memcpy(bytes_.data() + offset_bytes, bytes.data(), bytes.size());
            return {};
        }
        Result<void> write(ByteView bytes) override {
            bytes_ += as_text(bytes);
            return {};
        }
        Result<void> finish() override {
            --open_;
            return {};
        }

    private:
        std::string& bytes_;
        int& open_;
    };
    class MemorySpool : public Spool {
    public:
        explicit MemorySpool(std::string& bytes) : bytes_(bytes) {}
        Result<void> append(ByteView bytes) override {
            bytes_ += as_text(bytes);
            return {};
        }
        std::uint64_t size_bytes() const override { return bytes_.size(); }
        Result<std::size_t> read_at(ByteSpan into, std::uint64_t offset_bytes) override {
            if (offset_bytes >= bytes_.size()) return std::size_t{0};
            auto const count = std::min<std::size_t>(into.size(), bytes_.size() - offset_bytes);
            std::memcpy(into.data(), bytes_.data() + offset_bytes, count);
            return count;
        }

    private:
        std::string& bytes_;
    };

    MemoryFiles held_;
    int open_ = 0;
};

}  // namespace perdure::format::testing
