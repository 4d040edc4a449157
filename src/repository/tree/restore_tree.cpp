// Invariants:
//  1. A folder exists before anything is put into it, and gets its final mode and times only after
//     everything below it, hard links from elsewhere included, is in place.
//  2. A hard link is made after the file that it names; when that file was not chosen, the first
//     chosen link becomes the file and the further ones link to it.
//  3. A file whose blobs cannot be read is named in ReadContext::problems; the others come back.
//  4. What the target will never hold (its name, its kind, one more link) the target names among
//     its own problems and refuses with code 3; a folder is refused with all that is below it, and
//     what was refused counts as not chosen for invariant 2.
//  5. Memory does not grow with the tree: the metadata is walked up to three times (it lies in the
//     cache) instead of being kept.
#include <map>
#include <set>

#include "repository/stream/content_source.h"
#include "repository/tree/tree_walk.h"

namespace perdure::repository {

namespace {

constexpr std::size_t batch_files_max = 64;
constexpr std::uint64_t batch_bytes_max = 4u << 20;
constexpr std::size_t batches_in_flight_max = 16;

struct RestoreBatch {
    struct File {
        std::string path;
        TreeRecord record;
    };
    std::vector<File> files;
    std::uint64_t bytes = 0;
    std::uint64_t files_back = 0, bytes_back = 0;
    std::optional<Error> error;
};

class Restore {
public:
    Restore(SourceSnapshot const& source, std::vector<std::string> const& select,
            data::TreeTarget& target, ReadContext& context, std::stop_token stop)
        : source_(source),
          selection_(select),
          target_(target),
          context_(context),
          domain_(context.domains.common()),
          stop_(std::move(stop)),
          pipeline_(batches_in_flight_max),
          workers_(context.threads) {}

    Result<void> check_selection(std::vector<std::string> const& select) {
        if (selection_.everything()) return {};
        for (std::string path : select) {
            while (path.ends_with('/')) path.pop_back();
            while (path.starts_with("./")) path.erase(0, 2);
            PD_TRY(TreeRecord const found,
                   find_in_tree(source_, path, context_.blobs, domain_, stop_));
            (void)found;
        }
        return {};
    }

    Result<void> write_contents() {
        TreeVisitor visitor;
        visitor.enter = [&](std::string const& path, TreeRecord& record) -> Result<bool> {
            if (!selection_.leads_to(path)) return false;
            auto const made = target_.make_folder(path, record.entry);
            if (!made && is_refused(path, made.error())) {
                std::lock_guard lock(problems_mutex_);  // files are written beside
                refused_.insert(path);
                return false;
            }
            PD_CHECK(made);
            ++context_.items_restored;
            return true;
        };
        visitor.leaf = [&](std::string const& path, TreeRecord& record) -> Result<void> {
            if (!selection_.holds(path)) return {};
            if (!has_list(record.entry)) {
                has_others_ = true;
                return {};
            }
            return add_file(path, record);
        };
        auto walked = walk_tree(source_, context_.blobs, domain_, visitor, stop_);
        if (walked) walked = flush();
        pipeline_.close();
        if (!walked) {
            pipeline_.abort();
            return walked;
        }
        while (auto batch = pipeline_.next()) PD_CHECK(settle(*batch));
        return {};
    }

    Result<void> make_others() {
        if (!has_others_) return {};
        TreeVisitor visitor;
        visitor.enter = [&](std::string const& path, TreeRecord&) -> Result<bool> {
            return selection_.leads_to(path) && !refused_.contains(path);
        };
        visitor.leaf = [&](std::string const& path, TreeRecord& record) -> Result<void> {
            if (!selection_.holds(path) || has_list(record.entry)) return {};
            return make_other(path, record.entry);
        };
        return walk_tree(source_, context_.blobs, domain_, visitor, stop_);
    }

    Result<void> finish_folders() {
        TreeVisitor visitor;
        visitor.enter = [&](std::string const& path, TreeRecord&) -> Result<bool> {
            return selection_.leads_to(path) && !refused_.contains(path);
        };
        visitor.leave = [&](std::string const& path, data::Entry const& entry) {
            return target_.finish_folder(path, entry);
        };
        return walk_tree(source_, context_.blobs, domain_, visitor, stop_);
    }

private:
    Result<void> add_file(std::string const& path, TreeRecord& record) {
        bool const large = record.entry.size >= batch_bytes_max;
        if (large) PD_CHECK(flush());
        batch_->bytes += record.entry.size;
        batch_->files.push_back({path, std::move(record)});
        bool const full =
            large || batch_->files.size() >= batch_files_max || batch_->bytes >= batch_bytes_max;
        return full ? flush() : Result<void>();
    }

    Result<void> flush() {
        if (batch_->files.empty()) return {};
        // This thread also takes the results, so it makes room before it would have to wait.
        while (in_flight_ >= batches_in_flight_max) {
            PD_CHECK(settle(*pipeline_.next()));
        }
        auto full = std::exchange(batch_, std::make_unique<RestoreBatch>());
        ++in_flight_;
        PD_ASSERT(pipeline_.push(std::move(full), workers_,
                                 [this](RestoreBatch& batch) { write_files(batch); }));
        return {};
    }

    Result<void> settle(RestoreBatch const& batch) {
        --in_flight_;
        if (batch.error) {
            pipeline_.abort();
            return *batch.error;
        }
        items_ += batch.files.size();
        bytes_ += batch.bytes;
        context_.items_restored += batch.files_back;
        context_.bytes_restored += batch.bytes_back;
        if (context_.progress.report) {
            context_.progress.report(items_, bytes_, batch.files.back().path);
        }
        return {};
    }

    void write_files(RestoreBatch& batch) {
        for (RestoreBatch::File& file : batch.files) {
            if (stop_.stop_requested() || pipeline_.aborted()) {
                batch.error = fail(Fault::cancelled, "stopped");
                return;
            }
            auto const written = write_file(file.path, file.record);
            if (!written) {
                batch.error = Error(written.error()).within(file.path);
                return;
            }
            if (!*written) continue;
            ++batch.files_back;
            batch.bytes_back += file.record.entry.size;
        }
    }

    /// Versions up to 0.1 took over a content with other extents than those that it was read by.
    static bool contradicts_itself(TreeRecord const& record) {
        if (!record.entry.sparse) return false;
        std::uint64_t bytes = 0;
        for (data::Extent const& extent : record.entry.extents) bytes += extent.length;
        return bytes != record.list.length_bytes;
    }

    /// False: its content cannot be read; it is named among the problems.
    Result<bool> write_file(std::string const& path, TreeRecord& record) {
        if (contradicts_itself(record)) {
            std::lock_guard lock(problems_mutex_);
            context_.problems.push_back(
                {path,
                 "where its content lies between its holes was kept wrongly; an older "
                 "snapshot may hold it"});
            lost_.insert(path);
            return false;
        }
        ContentSource content(context_.blobs, domain_, record.list, record.entry, workers_, stop_);
        if (context_.progress.reading)
            content.on_bytes = [&](std::uint64_t n) { context_.progress.reading(n, path); };
        auto const written = target_.write_file(path, record.entry, content);
        auto const& failure = content.failure();
        if (written) return true;
        if (!failure && is_refused(path, written.error())) {
            std::lock_guard lock(problems_mutex_);
            refused_.insert(path);
            return false;
        }
        if (!failure || failure->fault() == Fault::cancelled) return written.error();
        // One damaged file must not keep the others from coming back; it is named instead.
        std::lock_guard lock(problems_mutex_);
        context_.problems.push_back({path, failure->message()});
        lost_.insert(path);
        return false;
    }

    /// The root itself has no name that could be refused.
    static bool is_refused(std::string const& path, Error const& error) {
        return error.fault() == Fault::unsupported && error.code() == 3 && !path.empty();
    }

    /// Whether the file or a folder above it was refused.
    bool was_refused(std::string path) const {
        for (;;) {
            if (refused_.contains(path)) return true;
            auto const slash = path.rfind('/');
            if (slash == path.npos) return false;
            path.resize(slash);
        }
    }

    /// A link to a file that did not come back cannot be made either.
    Result<void> link_or_name(std::string const& path, data::Entry const& entry) {
        if (lost_.contains(entry.same_as)) {
            context_.problems.push_back({path, "is a hard link to the damaged " + entry.same_as});
            return {};
        }
        auto const made = target_.make_other(path, entry);
        if (!made && is_refused(path, made.error())) {
            refused_.insert(path);
            return {};
        }
        PD_CHECK(made);
        ++context_.items_restored;
        return {};
    }

    Result<void> make_other(std::string const& path, data::Entry& entry) {
        if (entry.same_as.empty() ||
            (selection_.holds(entry.same_as) && !was_refused(entry.same_as))) {
            return link_or_name(path, entry);
        }
        auto const [at, first] = stand_ins_.try_emplace(entry.same_as, path);
        if (!first) {
            entry.same_as = at->second;
            return link_or_name(path, entry);
        }
        PD_TRY(TreeRecord record,
               find_in_tree(source_, entry.same_as, context_.blobs, domain_, stop_));
        if (!has_list(record.entry)) {  // a device or symlink with several names
            std::string const name = entry.name;
            entry = record.entry;
            entry.name = name;
            entry.same_as.clear();
            return link_or_name(path, entry);
        }
        record.entry.name = entry.name;
        PD_TRY(bool const back, write_file(path, record));
        if (!back) {
            if (!lost_.contains(path)) stand_ins_.erase(at);  // refused: the next name stands in
            return {};
        }
        ++context_.items_restored;
        context_.bytes_restored += record.entry.size;
        return {};
    }

    SourceSnapshot const& source_;
    Selection selection_;
    data::TreeTarget& target_;
    ReadContext& context_;
    DomainPtr domain_;
    std::stop_token stop_;
    std::unique_ptr<RestoreBatch> batch_ = std::make_unique<RestoreBatch>();
    bool has_others_ = false;
    std::mutex problems_mutex_;
    std::set<std::string> lost_;     ///< files whose content did not come back
    std::set<std::string> refused_;  ///< files, folders and others that the target will not hold
    std::size_t in_flight_ = 0;
    std::uint64_t items_ = 0, bytes_ = 0;
    std::map<std::string, std::string> stand_ins_;  ///< unchosen file → chosen link in its stead
    Pipeline<RestoreBatch> pipeline_;
    Workers workers_;  ///< last: joined first
};

}  // namespace

Result<void> restore_tree(SourceSnapshot const& source, std::vector<std::string> const& select,
                          data::TreeTarget& target, ReadContext& context, std::stop_token stop) {
    Restore restore(source, select, target, context, stop);
    PD_CHECK(restore.check_selection(select));
    PD_CHECK(restore.write_contents());
    PD_CHECK(restore.make_others());
    return restore.finish_folders();
}

}  // namespace perdure::repository
