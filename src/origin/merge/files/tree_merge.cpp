// Files come back in two steps, so that a kill leaves before or after:
//   1. all contents go into a stage beneath the root, are synced, and are compared once more;
//   2. each is renamed (or exchanged) with its name; what was there lies in the stage meanwhile.
// Names are resolved by openat2 beneath the root without following a link; a link that somebody
// planted in the way makes a name "blocked", it is never written through.
#include "origin/merge/files/tree_merge.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ranges>
#include <utility>

#include "origin/files/below.h"
#include "origin/files/metadata.h"
#include "origin/files/stat.h"
#include "origin/merge/files/database_logs.h"
#include "origin/merge/files/differences.h"
#include "origin/merge/files/folder_plan.h"
#include "origin/merge/files/look_beneath.h"
#include "origin/merge/files/stage.h"
#include "origin/merge/files/verdicts.h"

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
        PD_TRY(staged_,
               FileStage::make(root_.descriptor(), request_.root, request_.stage, request_.source));
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
        std::ranges::move(shortfalls_.take(), std::back_inserter(unlocked_));
        return std::exchange(unlocked_, {});
    }

    Result<void> make_folder(std::string const& path, data::Entry const& entry) override {
        if (!request_.chosen(path)) {
            if (!path.empty()) above_.met(path, entry);
            return {};
        }
        auto const seen = look_beneath(root_.descriptor(), path);
        note_unlocked(path, entry, seen);
        FileItem item{.path = path};
        if (seen.blocked || (seen.there && !S_ISDIR(seen.status.st_mode))) {
            block(item, seen.blocked ? seen.why
                                     : fmt::format("a {} stands where the folder belongs",
                                                   kind_word(seen.status.st_mode)));
        } else if (seen.there) {
            return judge_look(std::move(item), entry, seen);
        } else {
            item.decision = data::Decision::insert;
        }
        return plan_folder(std::move(item), entry);
    }

    Result<void> write_file(std::string const& path, data::Entry const& entry,
                            data::ByteSource& content) override {
        if (!request_.chosen(path)) return {};
        if (request_.again && logs_.waits(path)) return feed_again(path);
        Peeked peeked(content);
        PD_TRY(bool const log, logs_.is_one(path, peeked));
        auto const seen = look_beneath(root_.descriptor(), path);
        note_unlocked(path, entry, seen);
        std::uint64_t number = 0;
        FileItem item{.path = path};
        PD_TRY(bool const same, compare_file(path, entry, seen, peeked, item, number));
        if (same) {
            note_first(path, entry, {true, true, true, seen.status.st_ino});
            return count_identical(path, entry);
        }
        PD_CHECK(decide(item, entry, seen));
        if (log && data::may_write(item.decision) && logs_.is_of_another(path))
            block(item, std::string(DatabaseLogs::why));
        bool const planned = data::may_write(item.decision);
        PD_TRY(auto const decision, settle(item, entry.size));
        bool const writes = data::may_write(decision);
        logs_.note(path, entry, planned, writes);
        if (!writes || !staged_) {
            note_first(path, entry, {planned, writes, false, 0});
            return number == 0 ? Result<void>{} : staged_->drop(number);
        }
        if (number == 0) {
            PD_TRY(number, staged_->put(entry, peeked));
        }
        PD_TRY(auto const inode, keep(path, number, seen, entry));
        note_first(path, entry, {planned, inode != 0, false, inode});
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
        if (same_kind) {
            item.fields = metadata_differences(root_.descriptor(), path, entry, seen.status);
            auto const leads_to =
                entry.kind == EntryKind::symlink ? link_text(root_.descriptor(), path) : "";
            if (leads_to != entry.link_target) {
                item.fields.push_back({"leads to", leads_to, entry.link_target});
            }
            if (item.fields.empty()) return count_identical(path, entry);
        }
        PD_CHECK(decide(item, entry, seen));
        PD_TRY(auto const decision, settle(item, 0));
        if (!data::may_write(decision) || !staged_) return {};
        PD_TRY(auto const number, staged_->put_other(entry));
        PD_TRY([[maybe_unused]] auto const inode, keep(path, number, seen, entry));
        return {};
    }

    /// The root comes last: every first name has been judged.
    Result<void> finish_folder(std::string const& path, data::Entry const&) override {
        if (!path.empty()) return {};
        logs_.note_all_judged();
        for (auto const& [name, entry] : std::exchange(names_, {}))
            PD_CHECK(judge_name(name, entry));
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
        FileChange change{.act = Act::remove, .path = path, .number = staged_->next()};
        change.inode = seen.status.st_ino;
        change.was = was_of(seen);
        changes_.push_back(std::move(change));
        return {};
    }

    std::vector<std::string> take_alone() override { return logs_.take_others_first(alone_); }
    Result<void> refuse(std::string const& path, std::string why) override {
        FileItem item{.path = path};
        block(item, std::move(why));
        PD_TRY([[maybe_unused]] auto const decision, settle(std::move(item), 0));
        return {};
    }

    void remove_folder(std::string const& path) override { emptied_.push_back(path); }

    Result<void> settle_stage() override {
        std::vector<FileChange> folders;
        for (auto const& [path, entry] : folders_) {
            FileChange change{.act = Act::folder, .path = path};
            PD_TRY(change.number, staged_->put_folder(entry));
            change.mode = entry.mode & 07777u;
            change.modified = entry.modified;
            folders.push_back(std::move(change));
        }
        changes_.insert(changes_.begin(), folders.begin(), folders.end());
        for (auto& [first, change] : links_) changes_.push_back(std::move(change));
        // Last, deepest first: a folder's new mode may keep everything out.
        for (auto& change : dressed_ | std::views::reverse) changes_.push_back(std::move(change));
        for (auto path = emptied_.rbegin(); path != emptied_.rend(); ++path) {
            auto const seen = look_beneath(root_.descriptor(), *path);
            FileChange change{.act = Act::folder_gone, .path = *path};
            change.mode = seen.there ? seen.status.st_mode & 07777u : 0755u;
            changes_.push_back(std::move(change));
        }
        return staged_->settle();
    }

private:
    Result<void> count_identical(std::string const& path, data::Entry const& entry) {
        logs_.note(path, entry, true, true);
        std::lock_guard lock(mutex_);
        ++summary_.chosen;
        ++summary_.identical;
        return {};
    }

    Result<void> feed_again(std::string const& path) {
        std::lock_guard lock(mutex_);
        alone_.push_back(path);
        return {};
    }

    /// A file that was locked could be neither looked after nor taken back by `undo`.
    void note_unlocked(std::string const& path, data::Entry const& entry, Seen const& seen) {
        if ((entry.flags & flags_that_lock) == 0 || !seen.locked.empty()) return;
        std::lock_guard lock(mutex_);
        unlocked_.push_back({request_.source + "/" + path,
                             "was immutable or append-only, and is "
                             "not made so in place: chattr"});
    }

    static void block(FileItem& item, std::string why) {
        item.finding = FileItem::Finding::blocked;
        item.decision = data::Decision::skip;
        item.reason = std::move(why);
    }

    /// True: nothing differs. `number` is set when the content had to be staged for comparing.
    Result<bool> compare_file(std::string const& path, data::Entry const& entry, Seen const& seen,
                              data::ByteSource& content, FileItem& item, std::uint64_t& number) {
        if (!seen.there || seen.blocked || !S_ISREG(seen.status.st_mode)) return false;
        auto const size = static_cast<std::uint64_t>(seen.status.st_size);
        bool const same_time = modified_of(seen.status) == entry.modified;
        bool const overwrites = request_.strategy == data::Strategy::overwrite;
        bool const doubted = overwrites && !untouched(entry, seen.status);
        bool same = size == entry.size;
        if (same && (!same_time || doubted)) {
            PD_TRY(same, compare_content(path, entry, content, number));
        }
        if (size != entry.size) {
            item.fields.push_back({"size", std::to_string(size), std::to_string(entry.size)});
        } else if (!same) {
            item.fields.push_back({"content", "differs", "differs"});
        }
        if (!same && !same_time) {
            item.fields.push_back(
                {"modified", to_rfc3339(modified_of(seen.status)), to_rfc3339(entry.modified)});
        }
        std::ranges::move(metadata_differences(root_.descriptor(), path, entry, seen.status),
                          std::back_inserter(item.fields));
        if (overwrites && entry.links == 1 && seen.status.st_nlink > 1)
            item.fields.push_back({"names", std::to_string(seen.status.st_nlink), "1"});
        if (!item.fields.empty()) return false;
        if (number != 0) PD_CHECK(staged_->drop(std::exchange(number, 0)));
        return true;
    }

    /// With a stage the content is staged first, since it can be read only once.
    Result<bool> compare_content(std::string const& path, data::Entry const& entry,
                                 data::ByteSource& content, std::uint64_t& number) {
        int opened = open_beneath(root_.descriptor(), path, O_RDONLY | O_NOATIME);
        if (opened < 0) opened = open_beneath(root_.descriptor(), path, O_RDONLY);
        if (opened < 0) return false;  // whether it may be replaced is decided later
        system::File const file(opened);
        if (!staged_) return same_content(entry, content, opened);
        PD_TRY(number, staged_->put(entry, content));
        PD_TRY(auto const staged, staged_->read(number, entry));
        return same_content(entry, *staged, opened);
    }

    /// A folder that is there: its owner, mode and attributes.
    Result<void> judge_look(FileItem item, data::Entry const& entry, Seen const& seen) {
        item.fields = metadata_differences(root_.descriptor(), item.path, entry, seen.status);
        if (item.fields.empty())
            return item.path.empty() ? Result<void>{} : count_identical(item.path, entry);
        item.finding = FileItem::Finding::conflict;
        auto const& at = seen.status;  // no times: they say when names came and went
        item.target_state = fmt::format("{:o} {}:{}", at.st_mode, at.st_uid, at.st_gid);
        auto const path = item.path;
        auto const now = look_of_folder(root_.descriptor(), path);
        bool const wanted = request_.strategy == data::Strategy::overwrite;
        item.decision = wanted ? data::Decision::replace : data::Decision::keep;
        item.reason = wanted ? "overwrite" : "a folder that is there changes only by overwrite";
        if (wanted && (!now || (::geteuid() != 0 && now->uid != ::geteuid()))) {
            block(item, "only its owner may change the folder");
        }
        if (wanted && !seen.locked.empty()) block(item, seen.locked);
        PD_TRY(auto const decision, settle(std::move(item), 0));
        if (!data::may_write(decision) || !staged_ || !now) return {};
        FileChange change{.act = Act::dress, .path = path};
        change.before = *now;
        change.after = dressed_as(*now, entry);
        dressed_.push_back(std::move(change));
        return {};
    }

    Result<void> decide(FileItem& item, data::Entry const& entry, Seen const& seen) {
        if (seen.blocked) {
            block(item, seen.why);
            return {};
        }
        if (!seen.there) {
            item.decision = data::Decision::insert;
            auto why = may_be_database(entry) ? logs_.why_beside(item.path) : std::string();
            if (why.empty()) return need_folders(item);
            block(item, std::move(why));
            return {};
        }
        item.target_state = state_of(seen.status);
        if (S_ISDIR(seen.status.st_mode)) {
            block(item, "a folder stands in its place");
            return {};
        }
        if (is_mount_point(root_.descriptor(), item.path)) {
            block(item, "something is mounted on it, so nothing can be put in its place");
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

    /// No safety snapshot will hold what this process cannot read; what is locked does not move.
    void block_unreadable(FileItem& item, Seen const& seen) {
        auto const fixed = logs_.why_fixed(item.path, seen);
        if (!fixed.empty()) return block(item, fixed);
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

    // ---- further names of one file: what becomes of a file that has several
    struct First {
        bool planned = false;     ///< afterwards the target holds the snapshot's, says the plan
        bool holds = false;       ///< the same, with what the person decided otherwise
        bool stays = false;       ///< it is there already and is not replaced
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
        return {same, same, same, same ? seen.status.st_ino : 0};
    }

    Result<void> judge_name(std::string const& path, data::Entry const& entry) {
        auto const seen = look_beneath(root_.descriptor(), path);
        auto const there = look_beneath(root_.descriptor(), entry.same_as);
        auto const first = first_of(entry);
        FileItem item{.path = path};
        bool const one_file = seen.there && there.there &&
                              seen.status.st_ino == there.status.st_ino &&
                              seen.status.st_dev == there.status.st_dev;
        if (first.stays && one_file) return count_identical(path, entry);
        // Where it is no second name of that, it comes back as a file of its own.
        if (!first.planned || !first.holds) return feed_again(path);
        if (seen.there) item.fields.push_back({"is a name of", "", entry.same_as});
        PD_CHECK(decide(item, entry, seen));
        bool const planned = data::may_write(item.decision);
        PD_TRY(auto const decision, settle(item, 0));
        logs_.note(path, entry, planned, data::may_write(decision));
        if (!data::may_write(decision) || !staged_) return {};
        FileChange change{.act = seen.there ? Act::relink : Act::link, .path = path};
        change.number = staged_->next();
        change.first = entry.same_as;
        change.was = was_of(seen);
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
        count(item, summary_);
        add_to_state(item, state_);
        PD_CHECK(request_.tell(item));
        PD_TRY(item.decision, wished(item, request_));
        // A folder above was declined, or a log's database: it cannot come either.
        if (item.finding == create && above_.judge(item.path).declined)
            item.decision = data::Decision::skip;
        if (data::may_write(item.decision) && logs_.follows_declined(item.path)) {
            item.decision = data::Decision::skip;
            unlocked_.push_back(
                {request_.source + "/" + item.path, std::string(DatabaseLogs::why)});
        }
        bool const goes = item.finding == remove && data::may_write(item.decision);
        ++summary_.decisions[goes ? "remove" : std::string(data::decision_name(item.decision))];
        if (data::may_write(item.decision)) summary_.bytes += bytes;
        return item.decision;
    }

    /// The inode of what is staged; 0: nothing is.
    Result<std::uint64_t> keep(std::string const& path, std::uint64_t number, Seen const& seen,
                               data::Entry const& entry) {
        auto const lacks = staged_->lacks(number, entry);
        if (!lacks.empty()) shortfalls_.note(lacks, request_.source + "/" + path);
        auto change = staged_->change(seen.there ? Act::replace : Act::create, path, number);
        if (!change) return 0;
        change->was = was_of(seen);
        std::lock_guard lock(mutex_);
        changes_.push_back(std::move(*change));
        return changes_.back().inode;
    }

    TreeMergeRequest request_;
    system::File root_;
    std::unique_ptr<FileStage> staged_;
    std::mutex mutex_;  ///< of what follows
    FileSummary summary_;
    std::array<std::uint64_t, 4> state_{};
    std::vector<FileChange> changes_;
    std::vector<std::pair<std::string, data::Entry>> folders_;
    std::vector<std::string> emptied_;
    FolderPlan above_;
    DatabaseLogs logs_{root_.descriptor(), !request_.held};
    std::map<std::string, First, std::less<>> firsts_;        ///< of files with several names
    std::vector<std::pair<std::string, data::Entry>> names_;  ///< the further ones
    std::vector<std::pair<std::string, FileChange>> links_;
    Shortfalls shortfalls_;                ///< of what is staged
    std::vector<data::Problem> unlocked_;  ///< what the snapshot holds with such flags
    std::vector<std::string> alone_;       ///< what is to be fed once more: see take_alone()
    std::vector<FileChange> dressed_;      ///< folders that are there, parents first
};

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
