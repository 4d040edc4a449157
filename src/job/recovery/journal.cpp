#include "job/recovery/journal.h"

#include "crypto/seal.h"
#include "system/random.h"

namespace perdure::job {

namespace {

constexpr std::string_view magic = "PDJ1";
constexpr std::size_t salt_bytes = 32;
constexpr std::size_t frame_bytes = 256 << 10;
constexpr std::size_t frame_bytes_max = std::size_t{1} << 31;

Error damaged(system::Path const& path) {
    return fail(Fault::corrupt, path.string() + " is damaged or cut short")
        .with_code(14)
        .with_fix("the state from before is in the run's safety snapshot");
}

}  // namespace

Result<std::unique_ptr<JournalWriter>> JournalWriter::create(system::Path const& path,
                                                             repository::DomainPtr domain) {
    PD_TRY(auto file, system::File::create(path, 0600));
    std::unique_ptr<JournalWriter> writer(
        new JournalWriter(std::move(file), path.parent_path(), std::move(domain)));
    writer->salt_.resize(salt_bytes);
    system::real_random().fill(writer->salt_);
    PD_CHECK(writer->file_.write(as_bytes(magic)));
    PD_CHECK(writer->file_.write(writer->salt_));
    return writer;
}

Result<void> JournalWriter::add(ByteView entry) {
    frame_.bytes(entry);
    ++entries_;
    return frame_.size() < frame_bytes ? Result<void>{} : flush();
}

Result<void> JournalWriter::flush() {
    Bytes sealed;
    crypto::seal_once(domain_->frame_key(salt_, slot_++), as_bytes(magic), frame_.view(), sealed);
    frame_.clear();
    Encoder length;
    length.u32(static_cast<std::uint32_t>(sealed.size()));
    PD_CHECK(file_.write(length.view()));
    return file_.write(sealed);
}

Result<void> JournalWriter::finish() {
    if (frame_.size() > 0) PD_CHECK(flush());
    PD_CHECK(flush());  // empty: the end
    PD_CHECK(file_.sync());
    PD_CHECK(file_.close());
    return system::sync_folder(folder_);
}

Result<void> read_journal(system::Path const& path, repository::DomainPtr const& domain,
                          std::function<Result<void>(ByteView)> const& each) {
    PD_TRY(auto file, system::File::open_to_read(path));
    PD_TRY(auto const size, file.size_bytes());
    Bytes head(magic.size() + salt_bytes);
    PD_TRY(auto const got, file.read_at(head, 0));
    if (got != head.size() || as_text(ByteView(head).first(magic.size())) != magic) {
        return damaged(path);
    }
    auto const salt = ByteView(head).subspan(magic.size());
    std::uint64_t at = head.size();
    for (std::uint32_t slot = 0;; ++slot) {
        Bytes length(4);
        PD_TRY(auto const read, file.read_at(length, at));
        if (read != length.size()) return damaged(path);
        Decoder in(length);
        PD_TRY(auto const count, in.u32());
        at += 4;
        if (count > size - at || count > frame_bytes_max) return damaged(path);
        Bytes sealed(count);
        PD_TRY(auto const filled, file.read_at(sealed, at));
        if (filled != count) return damaged(path);
        at += count;
        auto const opened =
            crypto::open_sealed(domain->frame_key(salt, slot), as_bytes(magic), sealed);
        if (!opened) return damaged(path);
        if (opened->empty()) return {};
        Decoder frame(*opened);
        while (!frame.done()) {
            PD_TRY(auto const entry, frame.bytes(frame_bytes_max));
            PD_CHECK(each(entry));
        }
    }
}

}  // namespace perdure::job
