#include "format/disk_file.h"

#include "system/durable.h"

namespace perdure::format {

namespace {

constexpr std::size_t buffer_bytes = 256 << 10, direct_bytes = 64 << 10;
constexpr std::uint64_t write_back_bytes = 8 << 20;

class FileOutput : public PatchableOutput {
public:
    FileOutput(std::shared_ptr<DiskFile> file, std::function<Result<void>()> finish)
        : file_(std::move(file)), finish_(std::move(finish)) {}

    Result<void> write(ByteView bytes) override { return file_->write(bytes); }
    Result<void> patch(std::uint64_t offset_bytes, ByteView bytes) override {
        return file_->patch(offset_bytes, bytes);
    }
    Result<void> finish() override { return finish_(); }

private:
    std::shared_ptr<DiskFile> file_;
    std::function<Result<void>()> finish_;
};

class FileSpool : public Spool {
public:
    explicit FileSpool(std::shared_ptr<DiskFile> file) : file_(std::move(file)) {}
    Result<void> append(ByteView bytes) override { return file_->write(bytes); }
    std::uint64_t size_bytes() const override { return file_->position().size_bytes; }
    Result<std::size_t> read_at(ByteSpan into, std::uint64_t offset_bytes) override {
        return file_->read_at(into, offset_bytes);
    }

private:
    std::shared_ptr<DiskFile> file_;
};

}  // namespace

DiskFile::DiskFile(system::File file, DiskPosition position)
    : file_(std::move(file)),
      flushed_bytes_(position.size_bytes),
      on_its_way_bytes_(position.size_bytes),
      modified_(position.modified) {}

Result<void> DiskFile::write(ByteView bytes) {
    if (bytes.size() >= direct_bytes) {  // a copy would gain nothing
        PD_CHECK(flush());
        PD_CHECK(file_.write(bytes));
        flushed_bytes_ += bytes.size();
        write_back();
        return {};
    }
    append(waiting_, bytes);
    return waiting_.size() < buffer_bytes ? Result<void>() : flush();
}

Result<void> DiskFile::patch(std::uint64_t offset_bytes, ByteView bytes) {
    PD_CHECK(flush());
    PD_ASSERT(offset_bytes + bytes.size() <= flushed_bytes_);
    return file_.write_at(bytes, offset_bytes);
}

Result<std::size_t> DiskFile::read_at(ByteSpan into, std::uint64_t offset_bytes) {
    PD_CHECK(flush());
    return file_.read_at(into, offset_bytes);
}

Result<void> DiskFile::flush() {
    if (waiting_.empty()) return {};
    PD_CHECK(file_.write(waiting_));
    flushed_bytes_ += waiting_.size();
    waiting_.clear();
    write_back();
    return {};
}

void DiskFile::write_back() {
    if (flushed_bytes_ - on_its_way_bytes_ < write_back_bytes) return;
    system::start_writing_back(file_, on_its_way_bytes_, flushed_bytes_ - on_its_way_bytes_);
    on_its_way_bytes_ = flushed_bytes_;
}

Result<void> DiskFile::sync() {
    PD_CHECK(flush());
    return file_.sync();
}

Result<void> DiskFile::settle() {
    PD_CHECK(flush());
    if (modified_ != Timestamp{}) {
        // A date that does not stick loses nothing.
        static_cast<void>(system::stamp(file_, modified_));
    }
    return {};
}

Result<void> DiskFile::close() {
    PD_CHECK(settle());
    return file_.close();
}

DiskPosition DiskFile::position() const {
    return {flushed_bytes_ + waiting_.size(), modified_};
}

std::unique_ptr<Output> output_on(std::shared_ptr<DiskFile> file,
                                  std::function<Result<void>()> finish) {
    return std::make_unique<FileOutput>(std::move(file), std::move(finish));
}

std::unique_ptr<Spool> spool_on(std::shared_ptr<DiskFile> file) {
    return std::make_unique<FileSpool>(std::move(file));
}

}  // namespace perdure::format
