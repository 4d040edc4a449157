#include "repository/pack/pack_upload.h"

#include "base/task_group.h"
#include "content/parity.h"
#include "store/kept.h"

namespace perdure::repository {
namespace {
constexpr std::size_t flush_entries = 256 << 10;
constexpr unsigned threads = 2;
}  // namespace

void FirstError::keep(Error error) {
    std::lock_guard const lock(mutex_);
    if (!error_) error_ = std::move(error);
    failed_ = true;
}

Result<void> FirstError::check() const {
    if (!failed_) return {};
    std::lock_guard const lock(mutex_);
    return *error_;
}

PackUpload::PackUpload(BlobWriterOptions const& options, PendingBlobs& pending, FirstError& error)
    : options_(options),
      pending_(pending),
      error_(error),
      outer_(options.stop, [this] { stop_.request_stop(); }) {
    start_threads(threads_, threads, [this](std::stop_token) { work(); });
}

PackUpload::~PackUpload() {
    stop_.request_stop();
    queue_.close();
}

void PackUpload::take(FilledPack pack, PackWriter& origin) {
    PD_ASSERT(queue_.send(std::make_shared<Filled>(std::move(pack), &origin)));
}

void PackUpload::work() {
    // After an error packs are still received, so that their buffers return and nobody waits.
    while (auto filled = queue_.receive()) {
        if (error_.check()) {
            if (auto done = upload((*filled)->pack); !done) error_.keep(done.error());
        }
        (*filled)->origin->recycle(std::move((*filled)->pack.body));
    }
}

Result<void> PackUpload::upload(FilledPack& pack) {
    if (stop_.stop_requested()) return fail(Fault::cancelled, "the session was stopped");
    PackSource const& source = options_.index->source();
    append_directory(*pack.seal, *source.common, pack.directory, pack.body);
    PackName const name{pack.seal->kind(), options_.session, crypto::sha256(pack.body)};
    pack.directory.body_bytes = pack.body.size();
    if (options_.parity) append(pack.body, content::make_parity(pack.body));
    PD_CHECK(source.store.put(name.text(), pack.body, store::PutMode::replace, stop_.get_token()));
    PD_CHECK(store::check_kept(source.store, name.text(), pack.body.size(), stop_.get_token()));
    bytes_stored += pack.body.size();
    ++packs;
    return list(name, pack.directory);
}

Result<void> PackUpload::list(PackName const& name, PackDirectory const& directory) {
    IndexTables full;
    {
        std::lock_guard const lock(tables_mutex_);
        tables_.add(name, directory);
        if (tables_.entries.size() < flush_entries) return {};
        full = std::exchange(tables_, {});
    }
    return flush(std::move(full));
}

Result<void> PackUpload::flush(IndexTables tables) {
    std::vector<IndexEntry> const entries = tables.entries;
    PD_CHECK(options_.index->add(std::move(tables), stop_.get_token()));
    pending_.forget(entries);
    return {};
}

Result<void> PackUpload::finish() {
    queue_.close();
    threads_.clear();
    PD_CHECK(error_.check());
    if (tables_.packs.empty()) return {};
    auto const flushed = flush(std::exchange(tables_, {}));
    if (!flushed) error_.keep(flushed.error());
    return flushed;
}

}  // namespace perdure::repository
