// Files come back in two steps, so that a kill leaves before or after:
//   1. all contents go into a stage beneath the root, are synced, and are compared once more;
//   2. each is renamed (or exchanged) with its name; what was there lies in the stage until the
//   end.
// Names are resolved by openat2 beneath the root without following a link; a link that somebody
// planted in the way makes a name "blocked", it is never written through.
#include "origin/merge/files/tree_merge.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "origin/file_bytes.h"
#include "origin/files/below.h"
#include "origin/merge/files/folder_plan.h"
#include "origin/merge/files/look_beneath.h"
#include "system/step.h"

namespace perdure::origin {

namespace {

using data::EntryKind;
using Act = FileChange::Act;

class Merging final : public TreeMerge {
public:
    Merging(TreeMergeRequest request, system::File root)
        : request_(std::move(request)), root_(std::move(root)), above_(root_.descriptor()) {}

    Result<void> prepare() {
        if (request_.stage.empty()) return {};
        PD_CHECK(system::step(system::Step::make_folder, request_.stage));
        if (::mkdirat(root_.descriptor(), request_.stage.c_str(), 0700) != 0) {
            return system::error_from_errno(errno, "making " + request_.stage);
        }
        SourceOptions const files{.name = request_.source, .type = "files"};
        PD_TRY(staged_, open_tree_target(
                            files, {.folder = request_.root / request_.stage, .overwrite = true}));
        return {};
    }

    FileSummary const& summary() const override { return summary_; }
    std::vector<FileChange> const& changes() const override { return changes_; }
    std::string state() const override {
        Encoder out;
        for (auto const part : state_) out.u64(part);
        return to_hex(ByteView(out.view()));
    }
    std::vector<data::Problem> take_problems() override {
        return staged_ ? staged_->take_problems() : std::vector<data::Problem>{};
    }

    Result<void> make_folder(std::string const& path, data::Entry const& entry) override {
        if (path.empty()) return {};
        if (!request_.chosen(path)) {
            above_.met(path, entry);
            return {};
        }
        auto const seen = look_beneath(root_.descriptor(), path);
        FileItem item{.path = path};
        if (seen.blocked || (seen.there && !S_ISDIR(seen.status.st_mode))) {
            block(item, seen.blocked ? seen.why
                                     : fmt::format("a {} stands where the folder belongs",
                                                   kind_word(seen.status.st_mode)));
        } else if (seen.there) {
            return count_identical();
        } else {
            item.decision = data::Decision::insert;
        }
        return plan_folder(std::move(item), entry);
    }

    Result<void> write_file(std::string const& path, data::Entry const& entry,
                            data::ByteSource& content) override {
        if (!request_.chosen(path)) return {};
        auto const seen = look_beneath(root_.descriptor(), path);
        std::uint64_t number = 0;
        FileItem item{.path = path};
        PD_TRY(bool const same, compare_file(path, entry, seen, content, item, number));
        if (same) {
            note_first(path, entry, {true, true, seen.status.st_ino});
            return count_identical();
        }
        PD_CHECK(decide(item, entry, seen));
        bool const planned = data::may_write(item.decision);
        PD_TRY(auto const decision, settle(item, entry.size));
        bool const writes = data::may_write(decision);
        if (!writes || !staged_) {
            note_first(path, entry, {planned, writes, 0});
            return {};
        }
        if (number == 0) {
            PD_TRY(number, stage(entry, content));
        }
        PD_TRY(auto const inode, keep(path, number, seen.there ? Act::replace : Act::create));
        note_first(path, entry, {planned, inode != 0, inode});
        return {};
    }

    Result<void> make_other(std::string const& path, data::Entry const& entry) override {
        if (!request_.chosen(path)) return {};
        if (!entry.same_as.empty()) {  // judged when all first names are
            names_.emplace_back(path, entry);
            return {};
        }
        auto const seen = look_beneath(root_.descriptor(), path);
        FileItem item{.path = path};
        bool const same_kind = seen.there && (seen.status.st_mode & S_IFMT) == type_of(entry.kind);
        if (same_kind && (entry.kind != EntryKind::symlink ||
                          link_text(root_.descriptor(), path) == entry.link_target)) {
            return count_identical();
        }
        if (same_kind) {
            item.fields.push_back(
                {"leads to", link_text(root_.descriptor(), path), entry.link_target});
        }
        PD_CHECK(decide(item, entry, seen));
        PD_TRY(auto const decision, settle(item, 0));
        if (!data::may_write(decision) || !staged_) return {};
        auto const number = next_number();
        PD_CHECK(staged_->make_other(std::to_string(number), entry));
        PD_TRY([[maybe_unused]] auto const inode,
               keep(path, number, seen.there ? Act::replace : Act::create));
        return {};
    }

    /// The root comes last: every first name has been judged.
    Result<void> finish_folder(std::string const& path, data::Entry const&) override {
        if (!path.empty()) return {};
        for (auto const& [name, entry] : std::exchange(names_, {})) {
            PD_CHECK(judge_name(name, entry));
        }
        return {};
    }

    Result<void> remove(std::string const& path) override {
        auto const seen = look_beneath(root_.descriptor(), path);
        if (!seen.there || seen.blocked) return {};
        FileItem item{.finding = FileItem::Finding::remove, .path = path};
        item.decision = data::Decision::replace;
        item.reason = "not in the snapshot";
        item.target_state = state_of(seen.status);
        if (auto const above = above_.judge(path); !above.blocked.empty()) {
            block(item, above.blocked);
        } else {
            block_unreadable(item, seen);
        }
        PD_TRY(auto const decision, settle(item, 0));
        if (!data::may_write(decision) || !staged_) return {};
        std::lock_guard lock(mutex_);
        FileChange change{.act = Act::remove, .path = path, .number = ++number_};
        change.inode = seen.status.st_ino;
        changes_.push_back(std::move(change));
        return {};
    }

    void remove_folder(std::string const& path) override { emptied_.push_back(path); }

    Result<void> settle_stage() override {
        std::vector<FileChange> folders;
        for (auto const& [path, entry] : folders_) {
            FileChange change{.act = Act::folder, .path = path, .number = next_number()};
            auto const name = std::to_string(change.number);
            auto open = entry;
            open.mode |= 0700u;  // things are put into it; its own mode comes last
            PD_CHECK(staged_->make_folder(name, open));
            PD_CHECK(staged_->finish_folder(name, open));
            change.mode = entry.mode & 07777u;
            change.modified = entry.modified;
            folders.push_back(std::move(change));
        }
        changes_.insert(changes_.begin(), folders.begin(), folders.end());
        for (auto& [first, change] : links_) changes_.push_back(std::move(change));
        for (auto path = emptied_.rbegin(); path != emptied_.rend(); ++path) {
            auto const seen = look_beneath(root_.descriptor(), *path);
            FileChange change{.act = Act::folder_gone, .path = *path};
            change.mode = seen.there ? seen.status.st_mode & 07777u : 0755u;
            changes_.push_back(std::move(change));
        }
        PD_CHECK(system::step(system::Step::sync, request_.stage));
        if (::syncfs(root_.descriptor()) == 0) return {};
        return system::error_from_errno(errno, "bringing the staged files to the disk");
    }

private:
    Result<void> count_identical() {
        std::lock_guard lock(mutex_);
        ++summary_.chosen;
        ++summary_.identical;
        return {};
    }

    static void block(FileItem& item, std::string why) {
        item.finding = FileItem::Finding::blocked;
        item.decision = data::Decision::skip;
        item.reason = std::move(why);
    }

    static std::string state_of(struct stat const& status) {
        return fmt::format("{:o} {} {}.{:09}", status.st_mode, status.st_size,
                           status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    }

    std::uint64_t next_number() {
        std::lock_guard lock(mutex_);
        return ++number_;
    }

    Result<std::uint64_t> stage(data::Entry const& entry, data::ByteSource& content) {
        auto const number = next_number();
        PD_CHECK(staged_->write_file(std::to_string(number), entry, content));
        return number;
    }

    /// True: nothing differs. With a stage a file of the same size is staged first, since a content
    /// can be read only once.
    Result<bool> compare_file(std::string const& path, data::Entry const& entry, Seen const& seen,
                              data::ByteSource& content, FileItem& item, std::uint64_t& number) {
        if (!seen.there || seen.blocked || !S_ISREG(seen.status.st_mode)) return false;
        auto const size = static_cast<std::uint64_t>(seen.status.st_size);
        bool const same_time = modified_of(seen.status) == entry.modified;
        bool same = size == entry.size;
        if (same && !same_time) {
            system::File const file(open_beneath(root_.descriptor(), path, O_RDONLY | O_NOATIME));
            system::File const plain(
                file.is_open() ? -1 : open_beneath(root_.descriptor(), path, O_RDONLY));
            int const descriptor = file.is_open() ? file.descriptor() : plain.descriptor();
            if (descriptor < 0) {
                same = false;  // whether it may be replaced is decided later
            } else if (staged_ && !entry.sparse) {
                PD_TRY(number, stage(entry, content));
                PD_TRY(auto copy, system::File::open_to_read(request_.root / request_.stage /
                                                             std::to_string(number)));
                FileBytes source(std::move(copy));
                PD_TRY(same, same_bytes(source, descriptor));
            } else {
                PD_TRY(same, entry.sparse ? Result<bool>(false) : same_bytes(content, descriptor));
            }
        }
        auto const mode = seen.status.st_mode & 07777u;
        if (size != entry.size) {
            item.fields.push_back({"size", std::to_string(size), std::to_string(entry.size)});
        } else if (!same) {
            item.fields.push_back({"content", "differs", "differs"});
        }
        if (!same) {
            item.fields.push_back(
                {"modified", to_rfc3339(modified_of(seen.status)), to_rfc3339(entry.modified)});
        }
        if (mode != (entry.mode & 07777u)) {
            item.fields.push_back(
                {"mode", fmt::format("{:04o}", mode), fmt::format("{:04o}", entry.mode & 07777u)});
        }
        return item.fields.empty();
    }

    Result<void> decide(FileItem& item, data::Entry const& entry, Seen const& seen) {
        if (seen.blocked) {
            block(item, seen.why);
            return {};
        }
        if (!seen.there) {
            item.decision = data::Decision::insert;
            return need_folders(item);
        }
        item.target_state = state_of(seen.status);
        if (S_ISDIR(seen.status.st_mode)) {
            block(item, "a folder stands in its place");
            return {};
        }
        item.finding = FileItem::Finding::conflict;
        auto const verdict = data::resolve(request_.strategy, {modified_of(seen.status), {}},
                                           {entry.modified, {}}, request_.now, "the snapshot's");
        item.decision = verdict.decision;
        item.reason = verdict.reason;
        if (item.decision == data::Decision::duplicate) {
            item.decision = data::Decision::keep;
            item.reason = "keep-both is for records: restore the file with --to DIR beside it";
        }
        if (data::may_write(item.decision)) block_unreadable(item, seen);
        return data::may_write(item.decision) ? need_folders(item) : Result<void>{};
    }

    /// No safety snapshot will hold what this process cannot read.
    void block_unreadable(FileItem& item, Seen const& seen) {
        if (request_.held || !S_ISREG(seen.status.st_mode)) return;
        if (readable_beneath(root_.descriptor(), item.path)) return;
        block(item, "what stands there cannot be read, so it could not be brought back");
    }

    /// What stands in the way above a name is found now, not when everything else is in place.
    Result<void> need_folders(FileItem& item) {
        auto above = above_.judge(item.path);
        if (!above.blocked.empty()) {
            block(item, above.blocked);
            return {};
        }
        for (auto const& [path, entry] : above.missing) {
            FileItem folder{.path = path, .decision = data::Decision::insert};
            folder.reason = "what is chosen lies in it";
            PD_CHECK(keep_folder(std::move(folder), entry));
        }
        return {};
    }

    Result<void> plan_folder(FileItem item, data::Entry const& entry) {
        if (item.finding != FileItem::Finding::blocked) PD_CHECK(need_folders(item));
        return keep_folder(std::move(item), entry);
    }

    Result<void> keep_folder(FileItem item, data::Entry const& entry) {
        auto const path = item.path;
        PD_TRY(auto const decision, settle(std::move(item), 0));
        bool const made = decision == data::Decision::insert;
        if (made) {
            above_.will_make(path);
        } else {
            above_.will_not_make(path);
        }
        if (made && staged_) {
            std::lock_guard lock(mutex_);
            folders_.emplace_back(path, entry);
        }
        return {};
    }

    // ---- further names of one file

    /// What becomes of a file that has several names.
    struct First {
        bool planned = false;     ///< afterwards the target holds the snapshot's, says the plan
        bool holds = false;       ///< the same, with what the person decided otherwise
        std::uint64_t inode = 0;  ///< then; 0 while only comparing
    };

    void note_first(std::string const& path, data::Entry const& entry, First first) {
        if (entry.links < 2) return;
        std::lock_guard lock(mutex_);
        firsts_.insert_or_assign(path, first);
    }

    /// A first name that was not chosen counts as the snapshot's by size and time, as every file.
    First first_of(data::Entry const& entry) {
        auto const known = firsts_.find(entry.same_as);
        if (known != firsts_.end()) return known->second;
        auto const seen = look_beneath(root_.descriptor(), entry.same_as);
        bool const same = seen.there && S_ISREG(seen.status.st_mode) &&
                          static_cast<std::uint64_t>(seen.status.st_size) == entry.size &&
                          modified_of(seen.status) == entry.modified;
        return {same, same, same ? seen.status.st_ino : 0};
    }

    Result<void> judge_name(std::string const& path, data::Entry const& entry) {
        auto const seen = look_beneath(root_.descriptor(), path);
        auto const there = look_beneath(root_.descriptor(), entry.same_as);
        auto const first = first_of(entry);
        FileItem item{.path = path};
        bool const one_file = seen.there && there.there &&
                              seen.status.st_ino == there.status.st_ino &&
                              seen.status.st_dev == there.status.st_dev;
        if (first.planned && one_file && modified_of(there.status) == entry.modified) {
            return count_identical();
        }
        if (!first.planned) {
            block(item, fmt::format("a second name of {}, which is not, and does not become, what "
                                    "it was: choose both",
                                    entry.same_as));
        } else {
            if (seen.there) item.fields.push_back({"is a name of", "", entry.same_as});
            PD_CHECK(decide(item, entry, seen));
        }
        PD_TRY(auto const decision, settle(item, 0));
        if (!data::may_write(decision) || !staged_ || !first.holds) return {};
        FileChange change{.act = seen.there ? Act::relink : Act::link, .path = path};
        change.number = next_number();
        change.first = entry.same_as;
        change.inode = first.inode;
        change.size = entry.size;
        change.modified = entry.modified;
        links_.emplace_back(entry.same_as, std::move(change));
        return {};
    }

    /// Tells, counts, and lets the person decide otherwise.
    Result<data::Decision> settle(FileItem item, std::uint64_t bytes) {
        std::lock_guard lock(mutex_);
        using enum FileItem::Finding;
        bool const removes = item.finding == remove;
        summary_.chosen += removes ? 0 : 1;
        ++(item.finding == create     ? summary_.create
           : item.finding == conflict ? summary_.conflict
           : removes                  ? summary_.remove
                                      : summary_.blocked);
        add_to_state(item);
        PD_CHECK(request_.tell(item));
        auto const wish = request_.overrides.find(request_.source + "/" + item.path);
        if (wish != request_.overrides.end()) {
            bool const stays = !data::may_write(wish->second);
            bool const fits = stays || (!removes && item.finding == conflict &&
                                        wish->second == data::Decision::replace);
            if (!fits) {
                return fail(Fault::invalid, fmt::format("the override \"{}\" does not fit {}/{}",
                                                        data::decision_name(wish->second),
                                                        request_.source, item.path))
                    .with_code(2);
            }
            item.decision = wish->second;
        }
        // A folder above was declined: what lies in it cannot come either.
        if (item.finding == create && above_.judge(item.path).declined) {
            item.decision = data::Decision::skip;
        }
        bool const goes = removes && data::may_write(item.decision);
        ++summary_.decisions[goes ? "remove" : std::string(data::decision_name(item.decision))];
        if (data::may_write(item.decision)) summary_.bytes += bytes;
        return item.decision;
    }

    void add_to_state(FileItem const& item) {
        auto const text =
            fmt::format("{}\n{}\n{}\n{}\n{}", static_cast<int>(item.finding), item.path,
                        data::decision_name(item.decision), item.reason, item.target_state);
        auto const hash = crypto::sha256(as_bytes(text));
        Decoder in(hash.view());
        for (auto& part : state_) part += *in.u64();
    }

    /// The inode of what is staged; 0: nothing is.
    Result<std::uint64_t> keep(std::string const& path, std::uint64_t number, Act act) {
        struct stat status{};
        auto const name = request_.stage + "/" + std::to_string(number);
        if (::fstatat(root_.descriptor(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
            return 0;  // a device that could not be made; named among the problems
        }
        FileChange change{.act = act, .path = path, .number = number};
        change.inode = status.st_ino;
        change.size = static_cast<std::uint64_t>(status.st_size);
        change.modified = modified_of(status);
        std::lock_guard lock(mutex_);
        changes_.push_back(std::move(change));
        return status.st_ino;
    }

    TreeMergeRequest request_;
    system::File root_;
    std::unique_ptr<data::TreeTarget> staged_;
    std::mutex mutex_;  ///< of what follows
    FileSummary summary_;
    std::array<std::uint64_t, 4> state_{};
    std::vector<FileChange> changes_;
    std::vector<std::pair<std::string, data::Entry>> folders_;
    std::vector<std::string> emptied_;
    std::uint64_t number_ = 0;
    FolderPlan above_;
    std::map<std::string, First, std::less<>> firsts_;        ///< of files with several names
    std::vector<std::pair<std::string, data::Entry>> names_;  ///< the further ones
    std::vector<std::pair<std::string, FileChange>> links_;
};

Result<system::File> open_root(system::Path const& root) {
    int const opened = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened >= 0) return system::File(opened);
    return system::error_from_errno(errno, "opening " + root.string());
}

}  // namespace

Result<void> check_tree_path(std::string const& path) {
    if (path.empty()) return fail(Fault::invalid, "a file without a name");
    return check_path(path);
}

Result<std::unique_ptr<TreeMerge>> TreeMerge::create(TreeMergeRequest request) {
    PD_TRY(auto root, open_root(request.root));
    auto merge = std::make_unique<Merging>(std::move(request), std::move(root));
    PD_CHECK(merge->prepare());
    return merge;
}

}  // namespace perdure::origin
